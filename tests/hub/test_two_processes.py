"""Several processes that want the same files at once: each is fetched once, and all of them have it right."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core.errors import ZooError
from aigc_core.hub import cache, download, pull
from aigc_core.manifest.model import WeightFile

ZOO = Path(__file__).parents[2] / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
MIB = 1 << 20
FILES = {
    "config.json": b'{"parts": 2}\n',
    "model-1.safetensors": random.Random(1).randbytes(3 * MIB + 1),
    "model-2.safetensors": random.Random(2).randbytes(2 * MIB + 7),
}
LARGE = "GET /cdn/" + hashlib.sha256(FILES["model-1.safetensors"]).hexdigest()
ASKED = "HEAD /me/parts/resolve/.*model-1"
CLIENT = "import huggingface_hub as hub; print(hub.hf_hub_download('me/parts', 'model-1.safetensors'))"
PULL = ["-m", "aigc_core", "pull", "parts"]


class Start:
    """Starts processes, and ends them with the test."""

    def __init__(self, hub: Any) -> None:
        self.hub, self.started = hub, list[subprocess.Popen[str]]()

    def __call__(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def until(self, pattern: str, count: int) -> None:
        """Wait until the Hub has so many requests of a kind."""
        self.wait(lambda: len(self.hub.requests(pattern)) >= count)

    @staticmethod
    def wait(ready: Callable[[], Any]) -> None:
        end = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.01)


@pytest.fixture
def start(hub: Any) -> Iterator[Start]:
    starts = Start(hub)
    yield starts
    for process in starts.started:
        with process:
            process.kill()


@pytest.fixture
def revision(hub: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the files on the Hub, and a manifest of theirs into the user's folder; return the commit.

    Nobody gives up on a slow answer here, so that what is counted does not depend on how busy the machine is.
    """
    from huggingface_hub import constants

    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setenv(name, "600")
        monkeypatch.setattr(constants, name, 600)
    commit: str = hub.commit("me/parts", FILES)
    document = json.loads((ZOO / "models" / "dcgan-digits.json").read_text()) | {"id": "parts"}
    document["code"]["plugin"] = "nobody"
    rows = [{"path": file.path, "size": file.size, "sha256": file.sha256, "format": file.format} for file in wanted()]
    document["weights"] = {"source": "hub", "repo_id": "me/parts", "revision": commit, "files": rows}
    path = Path(os.environ["AIGC_ZOO_HOME"], "data", "models", "parts.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    return commit


def wanted() -> list[WeightFile]:
    kinds = {"json": "json", "safetensors": "safetensors"}
    return [
        WeightFile(path, len(data), hashlib.sha256(data).hexdigest(), kinds[path.rpartition(".")[2]])
        for path, data in FILES.items()
    ]


def check_done(process: subprocess.Popen[str]) -> None:
    """Check that a pull ended well, and said nothing but what was to come and what came."""
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert re.fullmatch(r"parts: 3 files, 5.2 MB, from me/parts at [0-9a-f]{12}, verified.\n", out), out
    lines = r"(parts: [0-9.]+ MB \([1-3] files?\) to fetch from me/parts\.\n)?(parts declares no licence [^\n]+\n)?"
    assert re.fullmatch(lines + r"(To run it: [^\n]+\n)?", said), said


def check_cache(revision: str) -> None:
    for path, data in FILES.items():
        assert Path(cache.path("me/parts", revision, path)).read_bytes() == data
    folder = Path(cache.repo_folder("me/parts"))
    files = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    assert len(files) == 2 * len(FILES) + ref_files(folder), f"there is more than each file and its link: {files}"


def ref_files(folder: Path) -> int:
    """Count what the Hub's own client writes beside, where it has been at work."""
    return sum(path.is_file() for name in ("refs", ".no_exist", "trees") for path in (folder / name).rglob("*"))


def gets(hub: Any) -> list[int]:
    """Return how often each of the files was asked for."""
    found = [len(hub.requests("GET .*resolve-cache.*config.json"))]
    return [*found, *(len(hub.requests("GET /cdn/" + file.sha256)) for file in wanted()[1:])]


@pytest.fixture
def hold(hub: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Let no large file be sent before so many processes have asked where the largest is; return what is asked for."""

    def until(count: int) -> list[str]:
        module, asked = sys.modules["loopback.download"], list[str]()
        send = module.send

        def waiting(call: Any, *arguments: Any) -> None:
            if call.side == "cdn":
                asked.append(f"{call.command} {call.path}")
                Start.wait(lambda: len(hub.requests(ASKED)) >= count)
            send(call, *arguments)

        monkeypatch.setattr(module, "send", waiting)
        return asked

    return until


def is_asked_for(asked: list[str]) -> bool:
    """Say whether the largest file is; whoever asks for it has its lock."""
    return any(re.match(LARGE, request) for request in asked)


@pytest.mark.parametrize("count", [2, 4])
def test_each_file_is_fetched_once(hub: Any, start: Start, hold: Any, revision: str, count: int) -> None:
    hold(count)
    processes = [start(*PULL) for _ in range(count)]
    for process in processes:
        check_done(process)
    assert gets(hub) == [1, 1, 1]
    check_cache(revision)


def test_who_waits_goes_on_where_a_killed_one_stopped(hub: Any, start: Start, revision: str) -> None:
    hub.fault(LARGE, "stall", 1, 600)
    first = start(*PULL)
    start.until(LARGE, 1)
    part = Path(cache.blob("me/parts", wanted()[1].sha256) + cache.UNFINISHED)
    start.wait(lambda: part.exists() and part.stat().st_size >= MIB)
    second = start(*PULL)
    start.until(ASKED, 2)
    assert second.poll() is None
    came = part.stat().st_size
    first.kill()
    check_done(second)
    assert first.wait() == -9
    assert [row.headers.get("range") for row in hub.requests(LARGE)] == [None, f"bytes={came}-"]
    check_cache(revision)


def test_who_waits_takes_over_from_one_that_fails(hub: Any, start: Start, hold: Any, revision: str) -> None:
    """The first gets wrong bytes twice, and is refused; that is not what the second gets."""
    asked = hold(2)
    hub.fault(LARGE, "corrupt", 2, 5)
    first = start(*PULL)
    start.wait(lambda: is_asked_for(asked))
    second = start(*PULL)
    _, said = first.communicate(timeout=300)
    assert first.returncode == 4, said
    check_done(second)
    check_cache(revision)


def test_a_pull_waits_for_the_client_of_the_hub(hub: Any, start: Start, hold: Any, revision: str) -> None:
    """Another tool fetches the same file into the same cache."""
    asked = hold(2)
    other = start("-c", CLIENT)
    start.wait(lambda: is_asked_for(asked))
    check_done(start(*PULL))
    out, said = other.communicate(timeout=300)
    assert other.returncode == 0, said
    assert Path(out.strip()).read_bytes() == FILES["model-1.safetensors"]
    assert gets(hub) == [1, 1, 1]
    check_cache(revision)


def test_the_client_of_the_hub_waits_for_a_pull(hub: Any, start: Start, hold: Any, revision: str) -> None:
    asked = hold(2)
    pulling = start(*PULL)
    start.wait(lambda: is_asked_for(asked))
    other = start("-c", CLIENT)
    out, said = other.communicate(timeout=300)
    assert other.returncode == 0, said
    assert Path(out.strip()).read_bytes() == FILES["model-1.safetensors"]
    check_done(pulling)
    assert gets(hub) == [1, 1, 1]
    check_cache(revision)


def test_threads_of_one_process(hub: Any, hold: Any, revision: str) -> None:
    hold(4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pull.pull("me/parts", revision, wanted()), range(4)))
    assert all(paths == found[0] for paths in found)
    assert gets(hub) == [1, 1, 1]
    check_cache(revision)


def test_two_names_of_the_same_bytes_are_one_blob(hub: Any) -> None:
    data = FILES["model-2.safetensors"]
    files = {f"{name}/model.safetensors": data for name in ("a", "b", "c")}
    revision = hub.commit("me/twins", files)
    rows = [WeightFile(path, len(data), hashlib.sha256(data).hexdigest(), "safetensors") for path in files]
    paths = pull.pull("me/twins", revision, rows)
    assert len(set(paths.values())) == 1
    assert len(hub.requests("GET /cdn/")) == 1
    assert Path(cache.path("me/twins", revision, "c/model.safetensors")).read_bytes() == data


def test_a_lock_that_a_dead_process_left_holds_nobody(hub: Any, start: Start, revision: str) -> None:
    hub.fault(LARGE, "stall", 1, 600)
    process = start(*PULL)
    start.until(LARGE, 1)
    process.kill()
    process.wait()
    lock = Path(cache.lock("me/parts", wanted()[1].sha256))
    assert lock.exists()
    pull.pull("me/parts", revision, wanted())
    check_cache(revision)


def test_the_count_sees_a_saboteur(hub: Any, hold: Any, revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the lock out."""
    monkeypatch.setattr(download, "_alone", lambda path, stop, waiting: contextlib.nullcontext())
    hold(4)
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(pull.pull, "me/parts", revision, wanted()) for _ in range(4)]
    for each in tries:
        with contextlib.suppress(ZooError, OSError):
            each.result()
    assert gets(hub) != [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_where_locks_do_not_hold(hub: Any, revision: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """On some network file systems each machine has its own locks: two may write to one file."""
    chance = random.Random(seed)
    hub.fault("GET /cdn/", "slow", float("inf"), 0.02)
    with monkeypatch.context() as patch, ThreadPoolExecutor(3) as pool:
        patch.setattr(download, "_alone", lambda path, stop, waiting: contextlib.nullcontext())
        tries = []
        for _ in range(3):
            tries.append(pool.submit(pull.pull, "me/parts", revision, wanted()))
            time.sleep(chance.uniform(0, 0.08))
        for each in tries:
            with contextlib.suppress(ZooError, OSError):
                each.result()
    pull.pull("me/parts", revision, wanted())
    for path, data in FILES.items():
        assert Path(cache.path("me/parts", revision, path)).read_bytes() == data
