"""Every fault that a Hub, its CDN or a proxy may have, at the command line: the right bytes or one clear sentence."""

from __future__ import annotations

import copy
import gzip
import hashlib
import itertools
import json
import math
import os
import random
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core.cli import outcome
from aigc_core.hub import cache, client, download

ZOO = Path(__file__).parents[2] / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
MIB = 1 << 20
WEIGHTS = (ZOO / "weights" / "dcgan-digits.safetensors").read_bytes()[: 2 * MIB + 99]  # nobody loads them here
SIZE = len(WEIGHTS)
EVER = math.inf
CONFIG = b'{"latent_dim": 100, "width": 64}\n'
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
HEAD, GET = "HEAD /me/digits/resolve/.*safetensors", "GET /cdn/"
GIT_HEAD, GIT_GET = "HEAD /.*config.json", "GET /.*config.json"
API = "GET /api/models/me/digits"


def pinned(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Return the rows that a manifest has for files."""
    kinds = {"safetensors": "safetensors", "json": "json"}
    return [
        {
            "path": path,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": kinds.get(path.rpartition(".")[2], "text"),
        }
        for path, data in files.items()
    ]


def manifest(**weights: Any) -> dict[str, Any]:
    """Return the manifest of the real digits model, with other weights."""
    document: dict[str, Any] = json.loads((ZOO / "models" / "dcgan-digits.json").read_text())
    return document | {"id": "digits", "weights": weights}


class Pulls:
    """A model on the Hub that the user's own folder lists, and the real command line that pulls it."""

    def __init__(self, hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.hub, self.capsys = hub, capsys
        own = json.dumps(manifest(source="bundled", files=pinned(FILES))).encode()
        revision = hub.commit("me/digits", {**FILES, "aigc-zoo.json": own})
        self.document = manifest(source="hub", repo_id="me/digits", revision=revision, files=pinned(FILES))
        self.write(self.document)

    def write(self, document: dict[str, Any]) -> None:
        path = Path(os.environ["AIGC_ZOO_HOME"], "data", "models", "digits.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def change(self, **weights: Any) -> None:
        """Let the manifest say something else."""
        document = copy.deepcopy(self.document)
        document["weights"] |= weights
        self.write(document)

    def __call__(self, name: str = "digits", *options: str) -> tuple[int, str]:
        """Pull, and return the exit code and what was said on the standard error stream."""
        self.capsys.readouterr()
        code = outcome(["pull", "--quiet", name, *options])
        return code, self.capsys.readouterr().err


@pytest.fixture
def pull(hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Pulls:
    monkeypatch.setattr(client, "PAUSES", (0.01, 0.02, 0.02, 0.02))
    return Pulls(hub, capsys)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the client's timeouts short, for a server that is never in time."""

    def set_timeouts() -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)

    return set_timeouts


# The oracle

STEPS = "Try|Check|Ask|Name|Unset|Is|See|Once|aigc-zoo pin"


def everything(folder: str) -> Iterator[Path]:
    return (path for path in Path(folder).rglob("*") if path.is_symlink() or not path.is_dir())


def check_cache(hub: Any) -> None:
    """Check that each final name in the cache has the right bytes, and that nothing else is there but unfinished files.

    A blob's name is what its bytes must have; a snapshot's link must lead to what the Hub has at that commit.
    """
    for path in everything(cache.root()):
        kind, *rest = path.relative_to(cache.root()).parts[1:]
        if ".locks" in path.parts or path.name.endswith(cache.UNFINISHED):
            continue
        data = path.read_bytes()
        if kind == "blobs":
            lfs = len(path.name) == 64
            digest = hashlib.sha256(data) if lfs else hashlib.sha1(b"blob %d\0" % len(data) + data)
            assert path.name == digest.hexdigest(), f"{path} has other bytes than its name"
        else:
            assert kind == "snapshots", f"{path} has no place in the cache"
            repo_id = path.relative_to(cache.root()).parts[0].removeprefix("models--").replace("--", "/")
            tree = hub.repo(repo_id).commits[rest[0]].tree
            assert "/".join(rest[1:]) in tree, f"{path} is no file of the repository"
            assert data == tree["/".join(rest[1:])].data, f"{path} has other bytes than the Hub"


def unfinished() -> list[Path]:
    return [path for path in everything(cache.root()) if path.name.endswith(cache.UNFINISHED)]


def check_sentence(said: str, about: str) -> None:
    """Check that an error is one line, says what it is about, why, and what to do next."""
    assert re.fullmatch(r"aigc-zoo: [^\n]+\n", said), f"no single line: {said!r}"
    for word in ("Traceback", "a fault in aigc-zoo", "--debug", "<", "object at"):
        assert word not in said
    assert re.search(about, said), f"{said!r} does not name {about}"
    assert re.search(rf"[.?!] (?:{STEPS})\b[^\n]{{5,}}[.?!]?\n", said), f"no next step in {said!r}"


def judge(pull: Pulls, expected: int, about: str = "me/digits", name: str = "digits") -> str:
    """Pull with the faults that are planned; check the outcome and what is left, then that a later pull mends it."""
    code, said = pull(name)
    check_cache(pull.hub)
    assert code == expected, said
    if code:
        check_sentence(said, about)
    else:
        check_here(pull)
    pull.hub.faults.clear()
    kept = {path: path.stat().st_size for path in unfinished()}
    assert code or not kept, "a pull that is over leaves nothing unfinished"
    pull.hub.log.clear()
    assert pull(name)[0] == 0
    check_cache(pull.hub)
    check_here(pull)
    assert unfinished() == []
    for path, size in kept.items():
        if size:
            first = pull.hub.requests(GET if len(path.name.partition(".")[0]) == 64 else GIT_GET)[0]
            assert first.headers.get("range") == f"bytes={size}-", "the later pull did not go on where this one stopped"
    return said


def check_here(pull: Pulls) -> None:
    weights = pull.document["weights"]
    for path, data in FILES.items():
        assert Path(cache.path("me/digits", weights["revision"], path)).read_bytes() == data


def judge_once(pull: Pulls) -> None:
    """Check that a pull without faults succeeds."""
    code, said = pull()
    assert code == 0, said
    check_cache(pull.hub)
    check_here(pull)
    assert unfinished() == []


# Faults of a file's address, of its bytes, and of the API


class Row(NamedTuple):
    """One fault: at which requests, which, how often, with what, and the exit code that a pull has."""

    at: str
    kind: str
    times: float
    arg: Any
    code: int
    says: str = ""


FAULTS = {
    # the address of a file
    "head-500-once": Row(HEAD, "status", 1, 500, 0),
    "head-503-once": Row(HEAD, "status", 1, 503, 0),
    "head-503-four-times": Row(HEAD, "status", 4, 503, 0),
    "head-503-for-ever": Row(HEAD, "status", EVER, 503, 3, "answered 503"),
    "head-429-now": Row(HEAD, "limit", 2, 0, 0),
    "head-429-for-ever": Row(HEAD, "limit", EVER, 0, 3, "429"),
    "head-429-too-long": Row(HEAD, "limit", 1, 3600, 3, "3600 s"),
    "head-408-once": Row(HEAD, "status", 1, 408, 0),
    "head-418": Row(HEAD, "status", 1, 418, 3, "418"),
    "head-drop-once": Row(HEAD, "drop", 1, None, 0),
    "head-drop-for-ever": Row(HEAD, "drop", EVER, None, 3),
    "head-slow-once": Row(HEAD, "delay", 1, 60, 0),
    "head-slow-for-ever": Row(HEAD, "delay", EVER, 60, 3, "did not come in time"),
    "head-redirect-loop": Row(HEAD, "loop", EVER, None, 3, "redirected without end"),
    "head-redirect-to-a-file": Row(HEAD, "redirect", EVER, "file:///etc/passwd", 3),
    "head-redirect-to-itself-once": Row(HEAD, "loop", 1, None, 0),
    "head-garbage": Row(HEAD, "garbage", EVER, b"<html>", 3, "as no Hub does"),
    "head-503-of-a-git-file": Row(GIT_HEAD, "status", 1, 503, 0),
    "head-drop-of-a-git-file": Row(GIT_HEAD, "drop", 1, None, 0),
    "head-404-of-a-git-file": Row("HEAD /api/resolve-cache", "status", EVER, 404, 3),
    # its bytes
    "get-503-once": Row(GET, "status", 1, 503, 0),
    "get-503-for-ever": Row(GET, "status", EVER, 503, 3, "answered 503"),
    "get-429-once": Row(GET, "limit", 1, 0, 0),
    "get-403-expired-once": Row(GET, "expire", 1, None, 0),
    "get-403-expired-thrice": Row(GET, "expire", 3, None, 0),
    "get-403-expired-for-ever": Row(GET, "expire", EVER, None, 3, "403"),
    "get-404-for-ever": Row(GET, "status", EVER, 404, 3, "404"),
    "get-416-for-ever": Row(GET, "status", EVER, 416, 3, "416"),
    "get-drop-once": Row(GET, "drop", 1, None, 0),
    "get-drop-for-ever": Row(GET, "drop", EVER, None, 3),
    "get-slow-once": Row(GET, "delay", 1, 60, 0),
    "get-slow-for-ever": Row(GET, "delay", EVER, 60, 3, "did not come in time"),
    "get-stalled-once": Row(GET, "stall", 1, 60, 0),
    "get-stalled-thrice": Row(GET, "stall", 3, 60, 0),
    "get-truncated-once": Row(GET, "truncate", 1, 1_234_567, 0),
    "get-truncated-for-ever": Row(GET, "truncate", EVER, 1_234_567, 0),
    "get-truncated-for-ever-at-0": Row(GET, "truncate", EVER, 0, 3),
    "get-short-once": Row(GET, "short", 1, 1000, 0),
    "get-short-for-ever": Row(GET, "short", EVER, MIB, 0),
    "get-short-for-ever-at-0": Row(GET, "short", EVER, 0, 3),
    "get-short-of-a-git-file": Row(GIT_GET, "short", 1, 5, 0),
    "get-wrong-byte-once": Row(GET, "corrupt", 1, 0, 0),
    "get-wrong-last-byte-once": Row(GET, "corrupt", 1, None, 0),
    "get-wrong-byte-for-ever": Row(GET, "corrupt", EVER, 99, 4, "not what its manifest pins"),
    "get-wrong-byte-of-a-git-file-once": Row(GIT_GET, "corrupt", 1, 3, 0),
    "get-wrong-byte-of-a-git-file-for-ever": Row(GIT_GET, "corrupt", EVER, 3, 4, "not what its manifest pins"),
    "get-garbage-once": Row(GET, "garbage", 1, b"<html>Log in to this network</html>", 0),
    "get-garbage-for-ever": Row(GET, "garbage", EVER, bytes(SIZE), 4, "not what its manifest pins"),
    "get-redirect-loop": Row(GET, "loop", EVER, None, 3, "redirected without end"),
    "get-drop-of-a-git-file": Row(GIT_GET, "drop", 1, None, 0),
    "get-503-of-a-git-file-for-ever": Row(GIT_GET, "status", EVER, 503, 3, "answered 503"),
}


@pytest.mark.parametrize("row", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_download(pull: Pulls, hasty: Callable[[], None], row: Row) -> None:
    if row.kind in ("delay", "stall"):
        hasty()
    pull.hub.fault(row.at, row.kind, row.times, row.arg)
    assert row.says in judge(pull, row.code)


INFO = {"id": "me/digits", "sha": "1" * 40}
API_FAULTS = {
    "503-once": Row(API, "status", 1, 503, 0),
    "503-for-ever": Row(API, "status", EVER, 503, 3, "answered 503"),
    "429-now": Row(API, "limit", 2, 0, 0),
    "429-too-long": Row(API, "limit", 1, 3600, 3, "3600 s"),
    "drop-once": Row(API, "drop", 1, None, 0),
    "drop-for-ever": Row(API, "drop", EVER, None, 3),
    "truncated-once": Row(API, "truncate", 1, 100, 0),
    "truncated-for-ever": Row(API, "truncate", EVER, 100, 3),
    "short-for-ever": Row(API, "short", EVER, 100, 3, "no JSON"),
    "slow-once": Row(API, "delay", 1, 60, 0),
    "redirect-loop": Row(API, "loop", EVER, None, 3, "redirected without end"),
    "no-text": Row(API, "garbage", EVER, b"\xff{", 3, "no JSON"),
    "a-login-page": Row(API, "garbage", EVER, b"<html>Log in to this network</html>", 3, "no JSON"),
    "a-login-page-once": Row(API, "garbage", 1, b"<html>Log in to this network</html>", 3, "no JSON"),
    "deep": Row(API, "garbage", EVER, b"[" * 100_000, 3, "no JSON"),
    "a-list": Row(API, "garbage", EVER, b"[]", 3, "no listing"),
    "an-empty-object": Row(API, "garbage", EVER, b"{}", 3, "no listing"),
    "no-commit": Row(API, "garbage", EVER, b'{"id": "me/digits", "sha": "main"}', 3, "no listing"),
    "another-name": Row(API, "garbage", EVER, json.dumps(INFO | {"id": "../.."}).encode(), 3, "no listing"),
    "no-files": Row(API, "garbage", EVER, json.dumps(INFO).encode(), 3, "No installed plugin can load"),
    "odd-files": Row(
        API, "garbage", EVER, json.dumps(INFO | {"siblings": [1, {"rfilename": "../../x"}, {}]}).encode(), 3, "plugin"
    ),
}


@pytest.mark.parametrize("row", API_FAULTS.values(), ids=API_FAULTS)
def test_a_fault_of_the_api(pull: Pulls, hasty: Callable[[], None], row: Row) -> None:
    if row.kind == "delay":
        hasty()
    pull.hub.fault(row.at, row.kind, row.times, row.arg)
    assert row.says in judge(pull, row.code, name="hf:me/digits")


def test_a_first_pull_that_a_download_spoils(pull: Pulls) -> None:
    pull.hub.fault(GET, "corrupt", EVER)
    code, said = pull("hf:me/digits")
    assert code == 4
    check_sentence(said.splitlines(keepends=True)[-1], "model.safetensors of me/digits")
    check_cache(pull.hub)
    pull.hub.faults.clear()
    judge(pull, 0, name="hf:me/digits")


def test_nobody_is_there(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        for name in ("digits", "hf:me/digits"):
            code, said = pull(name)
            assert code == 3
            check_sentence(said, "me/digits")
            assert "Check the connection" in said
    for url, says in (("http://hub.invalid", "Check the connection"), ("hub", "Check HF_ENDPOINT")):
        monkeypatch.setenv("HF_ENDPOINT", url)
        code, said = pull()
        assert code == 3
        check_sentence(said, "me/digits")
        assert says in said
    monkeypatch.setenv("HF_ENDPOINT", pull.hub.url)
    judge(pull, 0)


def test_a_redirect_to_a_stranger(pull: Pulls) -> None:
    """Client 1.x takes a server of the same host name for the Hub; whoever it is, the bytes have to be right."""
    pull.hub.fault(HEAD, "redirect", EVER, f"{pull.hub.cdn}/nothing")
    judge(pull, 3)


@pytest.mark.parametrize(("times", "code"), [(1, 0), (EVER, 4)])
def test_a_redirect_to_other_bytes(pull: Pulls, times: float, code: int) -> None:
    other = bytes(SIZE)
    pull.hub.commit("you/other", {"model.safetensors": other})
    link = pull.hub.links.issue(hashlib.sha256(other).hexdigest())
    pull.hub.fault(GET + hashlib.sha256(WEIGHTS).hexdigest(), "redirect", times, pull.hub.cdn + link)
    judge(pull, code, "model.safetensors of me/digits")


def test_odd_files(pull: Pulls) -> None:
    """Nothing in them, or a name that an address has to escape."""
    files = {"empty.txt": b"", "empty.safetensors": b"", "模型 #1?%41.json": b"{}", "a b/c+d&e.txt": b"x"}
    pull.change(repo_id="me/odd", revision=pull.hub.commit("me/odd", files), files=pinned(files))
    code, said = pull()
    assert code == 0, said
    assert len(list(everything(cache.snapshot("me/odd", pull.hub.repo("me/odd").refs["main"])))) == 4
    check_cache(pull.hub)


def test_it_waits_as_long_as_the_hub_asks(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=slept.append))
    pull.hub.fault(HEAD, "limit", 1, 7)
    pull.hub.fault(GET, "limit", 1, 60)
    judge(pull, 0)
    assert slept == [7.0, 60.0]


def test_pauses_grow_and_end(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(client, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(client, "PAUSES", (0.5, 1.0, 2.0, 4.0))
    pull.hub.fault(HEAD, "status", EVER, 503)
    assert pull()[0] == 3
    assert slept == [0.5, 1.0, 2.0, 4.0]
    assert [row.status for row in pull.hub.requests(HEAD)] == [503] * 5


# What the Hub refuses


@pytest.mark.parametrize("token", ["", "hf_other"])
@pytest.mark.parametrize(
    ("attributes", "says"), [({"gated": "manual"}, "gated"), ({"private": True}, "is not on the Hub, or is private")]
)
def test_a_repository_that_one_may_not_read(
    pull: Pulls, monkeypatch: pytest.MonkeyPatch, token: str, attributes: dict[str, Any], says: str
) -> None:
    pull.hub.tokens |= {"hf_other": ("other", "read"), "hf_test": ("me", "write")}
    pull.hub.repo("me/digits", **attributes)
    monkeypatch.setenv("HF_TOKEN", token)
    for name in ("digits", "hf:me/digits"):
        code, said = pull(name)
        assert code == 3
        check_sentence(said, "me/digits")
        assert says in said
        assert "HF_TOKEN" in said
    assert [path for path in everything(cache.root()) if ".locks" not in path.parts] == []
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    judge(pull, 0)


def test_a_bad_token(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    for name in ("digits", "hf:me/digits"):
        code, said = pull(name)
        assert code == 3
        check_sentence(said, "me/digits")
        assert "valid token" in said
        assert "hf_expired" not in said
    monkeypatch.delenv("HF_TOKEN")
    judge(pull, 0)


@pytest.mark.parametrize(
    ("weights", "about", "says"),
    [
        ({"repo_id": "me/nothing"}, "me/nothing", "is not on the Hub, or is private"),
        ({"revision": "0" * 40}, "me/digits", "revision"),
        ({"files": [*pinned(FILES), *pinned({"vocab.txt": b"1"})]}, "vocab.txt", "not in the repository"),
    ],
)
def test_something_that_is_not_there(pull: Pulls, weights: dict[str, Any], about: str, says: str) -> None:
    pull.change(**weights)
    code, said = pull()
    assert code == 3
    check_sentence(said, about)
    assert says in said
    check_cache(pull.hub)
    pull.write(pull.document)
    judge(pull, 0)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("change", [{"size": 31}, {"size": SIZE - 1}, {"sha256": "0" * 64}])
def test_a_pin_that_the_hub_does_not_agree_with(pull: Pulls, name: str, change: dict[str, Any]) -> None:
    pull.change(files=[row | change if row["path"] == name else row for row in pull.document["weights"]["files"]])
    code, said = pull()
    assert code == 4
    check_sentence(said, f"{name} of me/digits")
    assert "not what its manifest pins" in said
    check_cache(pull.hub)
    assert not Path(cache.path("me/digits", pull.document["weights"]["revision"], name)).exists()
    pull.write(pull.document)
    judge(pull, 0)


# Where a pull goes on

MARKS = [0, 1, 1000, MIB - 1, MIB, MIB + 1, 2 * MIB, SIZE - 1]


@pytest.mark.parametrize("mark", MARKS)
def test_a_cut_after_any_number_of_bytes(pull: Pulls, mark: int) -> None:
    pull.hub.fault(GET, "truncate", 1, mark)
    code, said = pull()
    assert code == 0, said
    check_here(pull)
    assert ranges(pull) == ["", f"bytes={mark}-" if mark else ""]


def test_cuts_at_the_marks_of_ten_mebibytes(pull: Pulls) -> None:
    data = random.Random(3).randbytes(21 * MIB + 3)
    revision = pull.hub.commit("me/large", {"model.safetensors": data})
    rows = pinned({"model.safetensors": data})
    pull.change(repo_id="me/large", revision=revision, files=rows)
    for cut in (10 * MIB - 1, 1, 1, 10 * MIB - 1, 1):  # each counts from where the one before ended
        pull.hub.fault(GET, "truncate", 1, cut)
    code, said = pull()
    assert code == 0, said
    starts = [10 * MIB - 1, 10 * MIB, 10 * MIB + 1, 20 * MIB, 20 * MIB + 1]
    assert ranges(pull) == ["", *(f"bytes={start}-" for start in starts)]
    assert Path(cache.path("me/large", revision, "model.safetensors")).read_bytes() == data


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, SIZE), max_size=4))
def test_any_cuts(pull: Pulls, cuts: list[int]) -> None:
    shutil.rmtree(cache.root(), ignore_errors=True)
    pull.hub.faults.clear()
    for cut in cuts:
        pull.hub.fault(GET, "truncate", 1, cut)
    code, said = pull()
    assert code == 0, said
    check_cache(pull.hub)
    check_here(pull)
    assert unfinished() == []


def ranges(pull: Pulls) -> list[str]:
    return [row.headers.get("range", "") for row in pull.hub.requests(GET)]


def leave(pull: Pulls, data: bytes) -> Path:
    """Leave a part of the weights as an earlier process may have."""
    path = Path(cache.blob("me/digits", hashlib.sha256(WEIGHTS).hexdigest()) + cache.UNFINISHED)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (b"", [""]),
        (WEIGHTS[:1], ["bytes=1-"]),
        (WEIGHTS[: 2 * MIB], [f"bytes={2 * MIB}-"]),
        (WEIGHTS[:-1], [f"bytes={SIZE - 1}-"]),
        (WEIGHTS, []),
        (b"\0" + WEIGHTS[1:MIB], [f"bytes={MIB}-", ""]),
        (bytes(SIZE), [""]),
        (WEIGHTS + b"\0", [""]),
        (bytes(2 * SIZE), [""]),
    ],
    ids=["none", "one", "some", "nearly-all", "all", "wrong", "all-wrong", "too-long", "twice"],
)
def test_what_an_earlier_pull_has_left(pull: Pulls, data: bytes, asked: list[str]) -> None:
    leave(pull, data)
    judge_once(pull)
    pull.hub.log.clear()
    leave(pull, data)
    Path(cache.blob("me/digits", hashlib.sha256(WEIGHTS).hexdigest())).unlink()
    code, said = pull()
    assert code == 0, said
    assert ranges(pull) == asked
    assert unfinished() == []


def test_a_pull_that_fails_is_gone_on_with_by_another_process(pull: Pulls, zoo: Callable[..., Any]) -> None:
    pull.hub.fault(GET, "truncate", 1, 2 * MIB)
    pull.hub.fault(GET, "status", EVER, 503)
    assert pull()[0] == 3
    assert [path.stat().st_size for path in unfinished()] == [2 * MIB]
    pull.hub.faults.clear()
    pull.hub.log.clear()
    done = zoo("pull", "digits", AIGC_ZOO_HOME=os.environ["AIGC_ZOO_HOME"])
    assert done.returncode == 0, done.stderr
    assert ranges(pull) == [f"bytes={2 * MIB}-"]
    check_here(pull)
    check_cache(pull.hub)


# Servers that read the standard otherwise


Sender = Callable[..., None]


def serve(patch: pytest.MonkeyPatch, how: Callable[..., None]) -> None:
    """Let the real server send files in another way: ``how(send, call, data, headers)``."""
    module = sys.modules["loopback.download"]
    patch.setattr(module, "send", partial(how, module.send))


def without_ranges(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    del call.headers["Range"]
    del headers["Accept-Ranges"]
    send(call, data, headers)


def longer(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    send(call, bytes(data) + b"more" if call.side == "cdn" else data, headers)


def much_longer(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    send(call, bytes(data) + bytes(3 * MIB) if call.side == "cdn" else data, headers)


def elsewhere(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    """Say where the range starts, but start at another byte than it was asked for."""
    if "Range" not in call.headers:
        send(call, data, headers)
    else:
        call.reply(206, data[100:], 100, **{"Content-Range": f"bytes 100-{len(data) - 1}/{len(data)}"})


def in_secret(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    """Start at another byte, and do not say so."""
    if "Range" not in call.headers:
        send(call, data, headers)
    else:
        call.reply(206, data[100:], 100)


def compressed(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
    """Compress what is sent whole, although that was not asked for, as some proxies do."""
    if call.command == "HEAD" or "Range" in call.headers:
        send(call, data, headers)
    else:
        send(call, gzip.compress(bytes(data), 1), headers | {"Content-Encoding": "gzip"})


SERVERS: dict[str, tuple[Callable[..., None], int]] = {
    "without-ranges": (without_ranges, 0),
    "longer": (longer, 3),
    "much-longer": (much_longer, 3),
    "elsewhere": (elsewhere, 3),
    "in-secret": (in_secret, 0),
    "compressed": (compressed, 0),
}


@pytest.mark.parametrize("name", SERVERS)
def test_an_odd_server(pull: Pulls, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    how, code = SERVERS[name]
    leave(pull, WEIGHTS[:MIB])
    with monkeypatch.context() as patch:
        serve(patch, how)
        found, said = pull()
        check_cache(pull.hub)
        assert found == code, said
        if code:
            check_sentence(said, "of me/digits")
    judge_once(pull)


def test_a_server_that_resumes_nothing_and_always_cuts(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cuts here and there: a try that comes further than the one before it is no progress."""
    cuts = itertools.cycle([2 * MIB, MIB])

    def cutting(send: Sender, call: Any, data: Any, headers: dict[str, str]) -> None:
        del call.headers["Range"]
        call.fault = call.fault._replace(kind="truncate", arg=next(cuts))
        assert len(pull.hub.requests(GET)) < 50, "it is tried for ever"
        send(call, data, headers)

    serve(monkeypatch, cutting)
    code, said = pull()
    assert code == 3
    check_sentence(said, "of me/digits")
    check_cache(pull.hub)


# What is sent


def test_the_token_goes_to_the_hub_alone(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    pull.hub.repo("me/digits", gated="auto", private=True)
    pull.hub.fault(GET, "truncate", 1, MIB)
    judge_once(pull)
    assert pull("hf:me/digits")[0] == 0
    for row in pull.hub.log:
        sent = {value for header, value in row.headers.items() if "hf_test" in value}
        assert sent == (set() if row.path.startswith("/cdn/") else {"Bearer hf_test"}), row
    assert len(pull.hub.requests("GET /cdn/")) == 2
    assert len(pull.hub.requests("GET /me/digits/resolve")) > 0, "a private file comes from the Hub itself"


def test_a_redirect_takes_no_token_along(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub answers the request for a private file's bytes by sending on to another server."""
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    pull.hub.repo("me/digits", private=True)
    pull.hub.objects[(sha256 := hashlib.sha256(CONFIG).hexdigest())] = CONFIG
    pull.hub.fault("GET /.*config.json", "redirect", 1, pull.hub.cdn + pull.hub.links.issue(sha256))
    judge_once(pull)
    (sent,) = pull.hub.requests(f"GET /cdn/{sha256}")
    assert sent.status == 200
    assert "authorization" not in sent.headers


def test_a_stored_login_is_used(pull: Pulls) -> None:
    pull.hub.repo("me/digits", gated="auto")
    Path(os.environ["HF_HOME"], "token").write_text("hf_test")
    judge_once(pull)


def test_a_gate_opens_for_who_is_allowed(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    pull.hub.tokens["hf_other"] = ("other", "read")
    pull.hub.repo("me/digits", gated="manual")
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert pull()[0] == 3
    pull.hub.repo("me/digits").allowed.add("other")
    judge_once(pull)


# Each check can fail


class Blind:
    """A hash that has always what it should."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def update(self, data: bytes) -> None:
        pass

    def hexdigest(self) -> str:
        return str(self.file.digest)


def sabotage_the_hash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(download, "_digest", Blind)


def sabotage_the_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cache, "UNFINISHED", "")


def sabotage_the_retry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(client, "PAUSES", ())


def sabotage_the_sentence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(client, "explain", lambda error, what: error)


def sabotage_the_resume(patch: pytest.MonkeyPatch) -> None:
    real = download._fill

    def fill(part: str, *arguments: Any) -> None:
        Path(part).unlink(missing_ok=True)
        real(part, *arguments)

    patch.setattr(download, "_fill", fill)


@pytest.mark.parametrize(
    ("sabotage", "fault"),
    [
        (sabotage_the_hash, FAULTS["get-wrong-byte-once"]),
        (sabotage_the_hash, FAULTS["get-wrong-byte-for-ever"]),
        (sabotage_the_hash, FAULTS["get-wrong-byte-of-a-git-file-once"]),
        (sabotage_the_name, FAULTS["get-503-for-ever"]._replace(kind="truncate", arg=0)),
        (sabotage_the_retry, FAULTS["head-503-once"]),
        (sabotage_the_retry, FAULTS["get-403-expired-once"]),
        (sabotage_the_sentence, FAULTS["head-drop-for-ever"]),
        (sabotage_the_sentence, FAULTS["get-redirect-loop"]),
    ],
)
def test_the_table_sees_a_saboteur(pull: Pulls, monkeypatch: pytest.MonkeyPatch, sabotage: Any, fault: Row) -> None:
    sabotage(monkeypatch)
    pull.hub.fault(fault.at, fault.kind, fault.times, fault.arg)
    with pytest.raises(AssertionError):
        judge(pull, fault.code)


def test_the_table_sees_that_nothing_is_resumed(pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage_the_resume(monkeypatch)
    pull.hub.fault(GET, "truncate", 1, MIB)
    pull.hub.fault(GET, "status", EVER, 503)
    with pytest.raises(AssertionError, match="did not go on"):
        judge(pull, 3)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "aigc-zoo: me/digits is not here.\n",
        "aigc-zoo: something is not here. Try again.\n",
        "aigc-zoo: me/digits is not here.\nTry again later.\n",
        "Traceback\naigc-zoo: me/digits is not here. Try again.\n",
        "aigc-zoo: a fault in aigc-zoo itself: KeyError: me/digits. Try again.\n",
    ],
)
def test_what_is_no_sentence(said: str) -> None:
    check_sentence("aigc-zoo: me/digits is not here. Try again later.\n", "me/digits")
    with pytest.raises(AssertionError):
        check_sentence(said, "me/digits")
