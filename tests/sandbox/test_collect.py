"""What is taken out of a sandbox, and what is left there."""

import io
import json
import os
import socket
import stat

import pytest

from aigc_core.errors import Refused
from aigc_core.sandbox import collect as collecting
from aigc_core.sandbox.collect import collect, content, json_object


def sock(path):
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(os.path.relpath(path))  # an absolute one may be too long


def device(path):
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


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
    "a socket": lambda path: sock(path / "socket.json"),
    "a device": lambda path: device(path / "device.json"),
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
    [
        "[]",
        "{",
        "null",
        '{"a": 1e999}',
        '{"a": -1e999}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": NaN}',
        '{"a": Infinity}',
        "[" * 100_000,
        '{"a":' * 100 + "1" + "}" * 100,
        "\xff",
    ],
    ids=range(11),
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
    for name, reason in (("real", "more than 99"), ("link", "cannot be read"), ("pipe", "no regular file of one")):
        with pytest.raises(Refused, match=reason):
            content(str(tmp_path / name), 99)


class Unread(io.FileIO):
    def read(self, size=-1):
        raise AssertionError("it was read")


def test_a_hole_is_not_read(tmp_path, monkeypatch):
    with open(tmp_path / "hollow", "wb") as stream:
        stream.truncate(1 << 40)
    monkeypatch.setattr(collecting, "open", Unread, raising=False)
    with pytest.raises(Refused, match="more than"):
        content(str(tmp_path / "hollow"), 1 << 30)
    with pytest.raises(AssertionError):
        content(str(tmp_path / "hollow"), 1 << 41)


def test_what_is_read_has_one_name_and_lies_in_a_folder_that_is_none_but_itself(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    (out / "a.json").write_text('{"a": 1}')
    came = collect(str(out))
    out.rename(other)
    out.symlink_to(other)  # swapped since it was looked at
    with pytest.raises(Refused, match="cannot be read"):
        came.document("a.json")
    os.link(other / "a.json", tmp_path / "second")
    with pytest.raises(Refused, match="one name"):
        content(str(other / "a.json"), 100)


def test_a_folder_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert collect(str(tmp_path / "link")).refused[0].startswith("the folder itself")
