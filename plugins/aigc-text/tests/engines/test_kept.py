"""Conversions are made once, whole or not at all, and checked on every use."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from aigc_core.errors import NotAvailable
from aigc_text.architecture.shape import Shape
from aigc_text.engines import kept as module
from aigc_text.engines.kept import folder, kept, key

KEY = {"weights": ["a"], "dtype": "float32"}
SHAPE = Shape(vocabulary=5, context=6, width=8, layers=1, heads=2, kv_heads=2, head=4, inner=8)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))


class Maker:
    """Writes two files, and counts how often it was asked to."""

    def __init__(self):
        self.calls = 0

    def __call__(self, place):
        self.calls += 1
        assert not list(place.iterdir())
        (place / "model.bin").write_bytes(b"weights" * 1000)
        (place / "config.json").write_text("{}")


def test_a_conversion_is_made_once_and_said_once(capsys):
    make = Maker()
    place = kept("ct2", KEY, make)
    assert kept("ct2", dict(reversed(KEY.items())), make) == place
    assert make.calls == 1
    assert (place / "model.bin").read_bytes() == b"weights" * 1000
    assert capsys.readouterr().err == f"Converting for ct2, once: the result is kept in {place}.\n"


@pytest.mark.parametrize("other", [{**KEY, "dtype": "int8"}, {**KEY, "weights": ["b"]}])
def test_what_it_depends_on_is_in_its_name(other):
    make = Maker()
    assert kept("ct2", KEY, make) != kept("ct2", other, make)
    assert kept("gguf", KEY, make) != kept("ct2", KEY, make)
    assert make.calls == 3


def test_the_key_moves_with_weights_shape_type_and_converter_and_with_nothing_else(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"one")
    (tmp_path / "README.md").write_text("one")
    files = {path.name: path for path in tmp_path.glob("*.*")}
    first = key(files, SHAPE, "int8", "gguf 1")
    (tmp_path / "README.md").write_text("other")
    assert key(files, SHAPE, "int8", "gguf 1") == first
    assert json.dumps(first)
    others = [(SHAPE._replace(width=9), "int8", "gguf 1"), (SHAPE, "int4", "gguf 1"), (SHAPE, "int8", "gguf 2")]
    assert all(key(files, *other) != first for other in others)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert key(files, SHAPE, "int8", "gguf 1") != first


@pytest.mark.parametrize(
    "harm",
    [
        lambda place: (place / "model.bin").write_bytes(b"WEIGHTS" * 1000),
        lambda place: (place / "model.bin").write_bytes(b"short"),
        lambda place: (place / "model.bin").unlink(),
        lambda place: (place / "kept.json").write_text("{"),
        lambda place: (place / "kept.json").write_text('{"files": {"../../x": {"size": 0, "sha256": ""}}}'),
        lambda place: (place / "kept.json").unlink(),
    ],
)
def test_one_that_changed_since_is_made_again(harm, capsys):
    make = Maker()
    place = kept("ct2", KEY, make)
    harm(place)
    assert kept("ct2", KEY, make) == place
    assert make.calls == 2
    assert (place / "model.bin").read_bytes() == b"weights" * 1000
    assert "is not what was converted, and is made again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("7 requested and 3 written")]
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(error):
    def make(place):
        (place / "model.bin").write_bytes(b"half")
        raise error

    with pytest.raises(NotAvailable, match=r"^No space left for .*; nothing was kept\.$") as raised:
        kept("ct2", KEY, make)
    assert "Free some space" in raised.value.hint
    assert [path for path in folder().iterdir() if not path.name.endswith(".lock")] == []


def test_what_a_converter_raises_goes_through_and_leaves_nothing():
    def make(place):
        (place / "model.bin").write_bytes(b"half")
        raise NotAvailable("No such architecture.")

    with pytest.raises(NotAvailable, match="No such architecture"):
        kept("ct2", KEY, make)
    assert [path for path in folder().iterdir() if not path.name.endswith(".lock")] == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "home").write_text("a file in its place")
    with pytest.raises(NotAvailable, match="cannot be written") as raised:
        kept("ct2", KEY, Maker())
    assert "--engine native" in raised.value.hint


KILLED = """
import sys, time
from aigc_text.engines.kept import kept
def make(place):
    (place / "model.bin").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(60)
kept("ct2", {"weights": ["a"], "dtype": "float32"}, make)
"""


def test_a_process_that_is_killed_half_way_leaves_nothing_that_is_used():
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [path.name for path in folder().iterdir() if path.name.endswith(".part")]  # it did leave something
    make = Maker()
    assert (kept("ct2", KEY, make) / "model.bin").read_bytes() == b"weights" * 1000
    assert [path.name for path in folder().iterdir() if path.name.endswith(".part")] == []


TWO = """
import time
from aigc_text.engines.kept import kept
def make(place):
    (place / "model.bin").write_bytes(b"weights" * 1000)
    time.sleep(0.3)
    print("made", flush=True)
print(len((kept("ct2", {"weights": ["a"]}, make) / "model.bin").read_bytes()))
"""


def test_two_processes_at_once_convert_once():
    both = [
        subprocess.Popen([sys.executable, "-c", TWO], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in "ab"
    ]
    said = sorted(process.communicate()[0] for process in both)
    assert said == [b"7000\n", b"made\n7000\n"]


def test_a_conversion_that_has_not_changed_is_not_hashed_again(monkeypatch):
    place = kept("ct2", KEY, Maker())
    time.sleep(0.05)  # past the clock's grain: the first use may hash once more
    assert kept("ct2", KEY, Maker()) == place

    def hashed(path):
        raise AssertionError(path)

    monkeypatch.setattr("aigc_core.verified.sha256_of", hashed)
    assert kept("ct2", KEY, Maker()) == place


def test_it_is_kept_in_the_cache_of_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("AIGC_ZOO_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "aigc-zoo" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert folder() == module.Path(os.path.expanduser("~/.cache/aigc-zoo/engines"))
