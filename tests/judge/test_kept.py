"""Judgements that are kept: found again by content alone, and never where anything of it, or the file, has changed."""

import json
import os

import pytest

from aigc_core.findings import Finding
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.kept import Kept
from aigc_core.judge.key import _whole, key
from aigc_core.judge.settings import Settings
from aigc_core.judge.sheet import Sheet
from aigc_core.judge.steps import Judged
from aigc_core.manifest.model import ModelManifest
from aigc_core.registry import Entry
from aigc_core.sandbox.choose import Backend

SETTINGS = Settings(Backend("bubblewrap", "", ()))
JUDGED = Judged((Finding("weights", "m", "passed", "", "", {"a": 1.5}),), {"torch": "2"}, {"s": 0.1}, Sheet(b"png"))


@pytest.fixture
def candidate(tmp_path, manifest_of):
    site = tmp_path / "site"
    (site / "zoo").mkdir(parents=True)
    (site / "helper.py").write_text("good = True")
    path = site / "zoo" / "m.json"
    document = manifest_of("m", "plain") | {"golden": [{"noise": "n.safetensors", "output": "o.safetensors"}]}
    path.write_text(json.dumps(document))
    (site / "zoo" / "o.safetensors").write_text("answer")
    entry = Entry("m", str(path), str(site / "zoo"), ModelManifest.of(document, "m.json"), None, "plugin toy", "ready")
    return Candidate(entry, site=str(site))


def keys(candidate, settings=SETTINGS, steps=("samples",)):
    _whole.cache_clear()
    return key(candidate, settings, steps)


def test_the_same_is_the_same_wherever_and_whenever_it_lies(candidate, tmp_path):
    before = keys(candidate)
    os.utime(tmp_path / "site" / "helper.py", (1, 1))
    (tmp_path / "site").rename(tmp_path / "moved")
    moved = {"path": str(tmp_path / "moved" / "zoo" / "m.json"), "folder": str(tmp_path / "moved" / "zoo")}
    assert keys(candidate._replace(entry=candidate.entry._replace(**moved), site=str(tmp_path / "moved"))) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda site: (site / "helper.py").write_text("good = Fals"),
        lambda site: (site / "data.bin").write_bytes(b"beside the code"),
        lambda site: (site / "zoo" / "o.safetensors").write_text("another"),
        lambda site: (site / "zoo" / "m.json").write_text((site / "zoo" / "m.json").read_text() + " "),
        lambda site: (site / "helper.py").rename(site / "other.py"),
    ],
)
def test_any_content_that_changes_makes_it_another(candidate, tmp_path, change):
    before, site = keys(candidate), tmp_path / "site"
    stamps = {path: os.stat(path) for path in site.rglob("*")}
    change(site)
    for path, status in stamps.items():  # a date proves nothing
        if path.exists():
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert keys(candidate) != before


def test_so_does_whatever_is_asked_for(candidate):
    others = {"samples": 65, "seeds": (0, 1), "threads": 2, "few": 4, "most_s": 9, "most_mb": 9, "trusted": ("toy",)}
    others |= {"data": {"a": "/b"}, "backend": Backend("landlock", "", ())}
    assert {*others} | {"stop"} == {*Settings._fields}
    found = {keys(candidate, SETTINGS._replace(**{name: value})) for name, value in others.items()}
    assert len({*found, keys(candidate), keys(candidate, steps=("golden",))}) == len(others) + 2


def test_what_was_kept_comes_back(tmp_path):
    store = Kept(str(tmp_path))
    assert store.get("k") is None
    store.put("k", JUDGED)
    assert store.get("k") == JUDGED


@pytest.mark.parametrize("place", range(0, 300, 7))
def test_a_damaged_file_is_judged_again(tmp_path, place):
    store = Kept(str(tmp_path))
    store.put("k", JUDGED)
    whole = bytearray((tmp_path / "k.json").read_bytes())
    whole[place % len(whole)] ^= 1
    (tmp_path / "k.json").write_bytes(bytes(whole))
    assert store.get("k") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"judged": 1}', '{"sha256": "", "judged": {}}', "[" * 100_000, "\xff"]
)
def test_what_is_none_is_judged_again(tmp_path, text):
    (tmp_path / "k.json").write_bytes(text.encode("latin-1"))
    assert Kept(str(tmp_path)).get("k") is None


@pytest.mark.parametrize("check", ["sandbox/sandbox", "sandbox/stopped"])
def test_what_the_machine_has_done_is_not_kept(tmp_path, check):
    store = Kept(str(tmp_path))
    store.put("k", JUDGED._replace(findings=(Finding(check, "m", "failed"),)))
    assert store.get("k") is None
