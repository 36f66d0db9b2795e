"""A pull that is killed at any moment: nothing wrong under a final name, and the next pull goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core.cli import outcome
from aigc_core.hub import cache

ZOO = Path(__file__).parents[2] / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
MIB = 1 << 20
EVER = float("inf")
KINDS = {"json": "json", "safetensors": "safetensors"}
# Kills the process before or after it has changed names in the cache so many times; counts them too.
KILLER = """
import itertools, os, signal

moment, number, counts = os.environ["MOMENT"], int(os.environ["NUMBER"]), itertools.count(1)

def watched(real):
    def call(*arguments, **options):
        here = next(counts) == number
        if here and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return real(*arguments, **options)
        finally:
            if here and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
    return call

for name in ("replace", "symlink", "unlink", "mkdir", "truncate"):
    setattr(os, name, watched(getattr(os, name)))
"""


def make_files(sizes: dict[str, int]) -> dict[str, bytes]:
    return {path: random.Random(path).randbytes(size) for path, size in sizes.items()}


class Model:
    """A model of several files on the Hub, which the user's own folder lists, and processes that pull it."""

    def __init__(self, hub: Any, files: dict[str, bytes]) -> None:
        self.hub, self.files = hub, files
        document = json.loads((ZOO / "models" / "dcgan-digits.json").read_text()) | {"id": "parts"}
        document["code"]["plugin"] = "nobody"
        rows = [
            {
                "path": path,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "format": KINDS[path.rpartition(".")[2]],
            }
            for path, data in files.items()
        ]
        document["weights"] = {"source": "bundled", "files": rows}
        self.own = {"aigc-zoo.json": json.dumps(document).encode()}
        self.revision = hub.commit("me/parts", files | self.own)
        document["weights"] |= {"source": "hub", "repo_id": "me/parts", "revision": self.revision}
        path = Path(os.environ["AIGC_ZOO_HOME"], "data", "models", "parts.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "aigc_core", "pull", "--quiet", *(words or ["parts"])],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def slow_down(self, seconds: float = 0.02) -> None:
        self.hub.fault("^HEAD", "delay", EVER, 3 * seconds)
        self.hub.fault("^GET", "slow", EVER, seconds)

    def clear(self) -> None:
        """Make a new start: an empty cache, and a Hub that remembers nothing."""
        shutil.rmtree(cache.root(), ignore_errors=True)
        self.hub.log.clear()
        self.hub.faults.clear()

    def check(self, killed: bool = False) -> dict[str, int]:
        """Check that each final name has the right bytes; return how many bytes of which blob are unfinished.

        A pull that was ``killed`` may have left a link that it was about to give its final name.
        """
        root, unfinished = Path(cache.root()), {}
        for path in root.rglob("*"):
            if ".locks" in path.parts or (path.is_dir() and not path.is_symlink()):
                continue
            where = path.relative_to(cache.repo_folder("me/parts")).parts
            if where[0] == "blobs" and path.name.endswith(cache.UNFINISHED):
                unfinished[path.name.removesuffix(cache.UNFINISHED)] = path.stat().st_size
            elif where[0] == "blobs":
                assert path.name in names(path.read_bytes()), f"{path} has other bytes than its name"
            else:
                assert where[:2] == ("snapshots", self.revision)
                name = "/".join(where[2:])
                if killed and path.is_symlink():
                    name = re.sub(r"(?<=\w)(\.[\w-]+)?\.link$", "", name)
                assert name in self.files | self.own, f"{path} is left there for ever"
                assert path.read_bytes() == (self.files | self.own)[name]
        return unfinished

    def finish(self, name: str = "parts") -> int:
        """Pull again, without delays; check all and that it went on. Return how many files it went on with."""
        unfinished = self.check(killed=True)
        self.hub.faults.clear()
        self.hub.log.clear()
        assert outcome(["pull", "--quiet", name]) == 0
        assert self.check() == {}
        for path, data in self.files.items():
            assert Path(cache.path("me/parts", self.revision, path)).read_bytes() == data
        went_on = 0
        for blob, size in unfinished.items():
            asked = self.hub.requests(f"GET .*{blob}")
            wanted = next(len(data) for data in (self.files | self.own).values() if blob in names(data))
            if 0 < size < wanted:
                assert asked[0].headers.get("range") == f"bytes={size}-", "it did not go on where it was"
                went_on += 1
            elif size == wanted:
                assert asked == []
        return went_on


def names(data: bytes) -> tuple[str, str]:
    """Return what a blob with these bytes may be called."""
    return hashlib.sha256(data).hexdigest(), hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def wait(ready: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


SMALL = {"config.json": 100, "a.safetensors": 5 * MIB + 1, "deep/b.safetensors": 3 * MIB, "tokenizer.json": 300_000}
LARGE = {
    "config.json": 1000,
    "tokenizer.json": 2 * MIB,
    "a.safetensors": 28 * MIB + 3,
    "b.safetensors": 20 * MIB,
    "deep/c.safetensors": 9 * MIB + 1,
    "deep/d.safetensors": 70_000,
}


def test_killed_at_three_moments(hub: Any) -> None:
    """While the addresses are asked for, in the middle of a file, and when one of the files is there."""
    model = Model(hub, make_files(SMALL))
    large = Path(cache.blob("me/parts", names(model.files["a.safetensors"])[0]))
    part = Path(f"{large}{cache.UNFINISHED}")
    small = Path(cache.path("me/parts", model.revision, "tokenizer.json"))
    moments: list[tuple[str, Callable[[], Any]]] = [
        ("^HEAD", lambda: hub.connections),
        ("GET /cdn/", lambda: part.exists() and part.stat().st_size >= MIB),
        ("GET /cdn/", small.exists),
    ]
    went_on = []
    for pattern, ready in moments:
        model.clear()
        hub.connections = 0
        hub.fault(pattern, "delay" if "HEAD" in pattern else "stall", EVER, 600)
        process = model.start(HF_HUB_DOWNLOAD_TIMEOUT="600", HF_HUB_ETAG_TIMEOUT="600")
        wait(ready)
        assert process.poll() is None
        kill(process)
        went_on.append(model.finish())
    assert went_on[0] == 0
    assert went_on[1] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_the_user(hub: Any, number: signal.Signals) -> None:
    """It ends at once, whatever it waits for, and with a word."""
    model = Model(hub, make_files(SMALL))
    hub.fault("GET /cdn/", "stall", EVER, 600)
    part = Path(cache.blob("me/parts", names(model.files["a.safetensors"])[0]) + cache.UNFINISHED)
    process = model.start(HF_HUB_DOWNLOAD_TIMEOUT="600")
    wait(lambda: part.exists() and part.stat().st_size >= MIB)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert (process.returncode, said.strip()) == (130, b"aigc-zoo: interrupted; nothing half-written was left")
    assert model.finish() > 0


@pytest.mark.slow
def test_killed_at_fifty_moments(hub: Any) -> None:
    model = Model(hub, make_files(LARGE))
    model.slow_down()
    process = model.start()
    wait(lambda: hub.connections)
    began = time.monotonic()
    _, said = process.communicate()
    assert process.returncode == 0, said
    span = time.monotonic() - began
    chance = random.Random(50)
    went_on = killed = 0
    for _ in range(50):
        model.clear()
        model.slow_down()
        hub.connections = 0
        process = model.start()
        wait(lambda: hub.connections)
        time.sleep(chance.uniform(0, span))
        kill(process)
        killed += process.returncode == -signal.SIGKILL
        went_on += model.finish()
    assert killed > 25, "the pulls were over before they were killed"
    assert went_on > 10, "too few of them were killed within a file"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_each_change_of_a_name(hub: Any, tmp_path: Path, moment: str) -> None:
    """Also while it is written down what a repository is pinned to."""
    model = Model(hub, make_files({"config.json": 100, "a.safetensors": 30_000}))
    (tmp_path / "killer").mkdir()
    (tmp_path / "killer" / "sitecustomize.py").write_text(KILLER)
    home, kept = os.environ["AIGC_ZOO_HOME"], tmp_path / "kept"
    shutil.copytree(home, kept)
    number, code, said = 0, -signal.SIGKILL, b""
    while code == -signal.SIGKILL:
        number += 1
        model.clear()
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        environment = {"PYTHONPATH": str(tmp_path / "killer"), "MOMENT": moment, "NUMBER": str(number)}
        process = model.start("hf:me/parts", **environment)
        _, said = process.communicate()
        code = process.returncode
        model.finish("hf:me/parts")
    assert code == 0, said
    assert number > 10, "it was not killed"


def test_the_check_sees_a_saboteur(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a killed pull leave half of a file under its final name, then under none that anybody knows."""
    model = Model(hub, make_files({"config.json": 100, "a.safetensors": 3 * MIB}))
    data = model.files["a.safetensors"]
    blob = Path(cache.blob("me/parts", names(data)[0]))
    blob.parent.mkdir(parents=True)
    blob.write_bytes(data[:MIB])
    with pytest.raises(AssertionError, match="other bytes"):
        model.finish()
    blob.unlink()
    other = Path(cache.path("me/parts", model.revision, "a.safetensors.1234.link"))
    other.parent.mkdir(parents=True)
    other.write_bytes(data)
    with pytest.raises(AssertionError, match="left there"):
        model.finish()
    other.unlink()
    Path(f"{blob}{cache.UNFINISHED}").write_bytes(data[:MIB])
    monkeypatch.setattr(cache, "UNFINISHED", ".incomplete")
    with pytest.raises(AssertionError):
        model.finish()
