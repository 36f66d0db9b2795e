"""What is taken out of a sandbox, and what is left there."""

import json
import os

import pytest

from aigc_core.errors import Refused
from aigc_core.sandbox.collect import collect, content, json_object

NOT_TAKEN = {
    "a link": lambda path: os.symlink("/etc/passwd", path / "link.json"),
    "a dangling link": lambda path: os.symlink("/nowhere", path / "link.json"),
    "a folder": lambda path: (path / "folder.json").mkdir(),
    "a pipe": lambda path: os.mkfifo(path / "pipe.json"),
    "two names": lambda path: ((path.parent / "x").write_text("{}"), os.link(path.parent / "x", path / "x.json")),
    "another kind": lambda path: (path / "weights.pkl").write_bytes(b"\x80"),
    "no ending": lambda path: (path / "result").write_text("{}"),
    "an odd name": lambda path: (path / "\x1b[2J.json").write_text("{}"),
    "a hidden name": lambda path: (path / ".json").write_text("{}"),
    "a name of bytes": lambda path: open(os.fsencode(path) + b"/\xff.json", "w").close(),
}


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_not_taken(tmp_path, what):
    out = tmp_path / "out"
    out.mkdir()
    (out / "good.json").write_text("{}")
    NOT_TAKEN[what](out)
    came = collect(str(out))
    assert [*came.files] == ["good.json"]
    assert len(came.refused) == 1
    assert came.refused[0].isprintable()


def test_no_more_than_some(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.json").touch()
    came = collect(str(tmp_path), most=20)
    assert (len(came.files), came.refused) == (20, ("more than 20 entries",))


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "null", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, '{"a":' * 100 + "1" + "}" * 100, "\xff"],
    ids=range(8),
)
def test_json_that_is_none(tmp_path, text):
    (tmp_path / "said.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Refused, match=r"said\.json"):
        json_object(str(tmp_path / "said.json"), "said.json")


def test_json_that_is_some(tmp_path):
    (tmp_path / "said.json").write_text(json.dumps({"a": [{"b": 1}]}))
    assert collect(str(tmp_path)).document("said.json") == {"a": [{"b": 1}]}
    with pytest.raises(Refused, match=r"No other\.json came"):
        collect(str(tmp_path)).document("other.json")


def test_content_follows_nothing_and_is_bounded(tmp_path):
    (tmp_path / "real").write_bytes(b"x" * 100)
    os.symlink(tmp_path / "real", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    assert content(str(tmp_path / "real"), 100) == b"x" * 100
    for name, reason in (("real", "more than 99"), ("link", "cannot be read"), ("pipe", "no regular file")):
        with pytest.raises(Refused, match=reason):
            content(str(tmp_path / name), 99)
