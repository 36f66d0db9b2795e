"""No connection where none is wanted or needed: counted by the Hub, and in processes whose sockets are broken."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core.cli import outcome
from aigc_core.hub import cache, lock

ZOO = Path(__file__).parents[2] / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
WEIGHTS = (ZOO / "weights" / "dcgan-digits.safetensors").read_bytes()
FILES = {"config.json": b'{"latent_dim": 100, "width": 64}\n', "model.safetensors": WEIGHTS}
BROKEN_SOCKETS = """
import os, socket

def broken(name):
    def fail(*arguments, **options):
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{name} {arguments[:2]}\\n")
        raise OSError(f"{name} is broken here")
    return fail

for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
    setattr(socket, name, broken(name))
class Broken(socket.socket):
    connect, connect_ex, sendto, sendmsg, bind = map(broken, ("connect", "connect_ex", "sendto", "sendmsg", "bind"))
socket.socket = Broken
"""
COMMANDS = {
    "run": ["run", "digits", "-n", "1", "-q", "-o", "one.npy"],
    "run-hf": ["run", "hf:me/digits", "-n", "1", "-q", "-o", "two.npy"],
    "pull": ["pull", "digits"],
    "pull-hf": ["pull", "hf:me/digits"],
    "show": ["show", "digits"],
    "show-hf": ["show", "hf:me/digits"],
    "help": ["run", "hf:me/digits", "--help"],
    "list": ["list", "--json"],
    "lock": ["lock", "digits", "hf:me/digits"],
    "cache": ["cache", "list", "--json"],
    "cache-verify": ["cache", "verify"],
    "doctor": ["doctor"],
}


class Model:
    """A real model on the Hub, known to the user's folder as ``digits`` and by its repository's name."""

    def __init__(self, hub: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.hub, self.folder, self.capsys = hub, folder, capsys
        document = json.loads((ZOO / "models" / "dcgan-digits.json").read_text()) | {"id": "digits"}
        kinds = {"config.json": "json", "model.safetensors": "safetensors"}
        rows = [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": kinds[path]}
            for path, data in FILES.items()
        ]
        document["weights"] = {"source": "bundled", "files": rows}
        self.revision = hub.commit("me/digits", {**FILES, "aigc-zoo.json": json.dumps(document)})
        self.document = copy.deepcopy(document)
        self.document["weights"] |= {"source": "hub", "repo_id": "me/digits", "revision": self.revision}
        path = Path(os.environ["AIGC_ZOO_HOME"], "data", "models", "digits.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(self.document))

    def zoo(self, *words: str) -> tuple[int, str, str]:
        """Call the command line; return the exit code and what it said on both streams."""
        self.capsys.readouterr()
        code = outcome(list(words))
        return code, *self.capsys.readouterr()

    @property
    def asked(self) -> tuple[int, int]:
        """Connections and requests so far: a connection that was kept open would take a request in silence."""
        return self.hub.connections, len(self.hub.log)

    def fill(self) -> None:
        """Have everything here that may be asked for later."""
        for words in (["pull", "digits"], ["pull", "hf:me/digits"], ["lock", "digits", "hf:me/digits"]):
            code, _, said = self.zoo(*words)
            assert code == 0, said
        assert self.asked > (0, 0)

    def cut_off(self, *words: str, **environment: str) -> tuple[int, str, list[str]]:
        """Call it in a process without sockets; return what it said there, and which addresses it asked for."""
        place = self.folder / "broken"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(BROKEN_SOCKETS)
        asked = self.folder / "asked.txt"
        asked.write_text("")
        done = subprocess.run(
            [sys.executable, "-m", "aigc_core", *words],
            env={**os.environ, "PYTHONPATH": str(place), "ASKED": str(asked), **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stderr, asked.read_text().splitlines()


@pytest.fixture
def model(hub: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Model:
    pytest.importorskip("aigc_gan")
    monkeypatch.chdir(tmp_path)
    return Model(hub, tmp_path, capsys)


def check_nobody_asked(model: Model, words: list[str]) -> None:
    asked = model.asked
    code, _, said = model.zoo(*words)
    assert code == 0, said
    assert model.asked == asked, words


def test_a_full_cache_is_enough(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the Hub could be asked: what is pinned and here is not asked for again."""
    model.fill()
    for words in COMMANDS.values():
        check_nobody_asked(model, words)
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "1")
            for name in ("run", "pull-hf", "lock"):
                check_nobody_asked(model, COMMANDS[name])
    for name in ("digits", "hf:me/digits"):
        check_nobody_asked(model, ["run", name, "-n", "1", "-q", "-o", "three.npy", "--locked"])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_cache_is_enough_for_a_process_without_sockets(model: Model, name: str) -> None:
    model.fill()
    locked = ["--locked"] if name in ("run", "run-hf") else []
    for options, environment in (([], {"HF_HUB_OFFLINE": "1"}), (locked, {}), ([], {})):
        code, said, asked = model.cut_off(*COMMANDS[name], *options, **environment)
        assert (code, asked) == (0, []), said


def test_a_process_without_sockets_runs_a_model(model: Model) -> None:
    """And the sockets are really broken: a pull of something that is not here fails for that."""
    model.fill()
    code, said, asked = model.cut_off(*COMMANDS["run"], "--locked")
    assert (code, asked) == (0, []), said
    Path(cache.path("me/digits", model.revision, "config.json")).unlink()
    code, said, asked = model.cut_off(*COMMANDS["pull"])
    assert code == 3
    assert asked
    assert re.fullmatch(r"aigc-zoo: config.json of me/digits could not be fetched: [^\n]+\n", said.splitlines(True)[-1])


EMPTY = ["run", "run-hf", "pull", "pull-hf", "lock"]


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_cache_is_said_in_one_sentence(model: Model, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the lock file of a colleague, who has pulled it."""
    for value in ("1", "on", "YES", "True"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        words = ["lock", "hf:me/digits"] if name == "lock" else COMMANDS[name]
        check_sentence(model, *model.zoo(*words))
    if name.startswith("run"):
        monkeypatch.delenv("HF_HUB_OFFLINE")
        path = lock.project_path()
        rows = model.document["weights"]["files"]
        pin = {"repo_id": "me/digits", "revision": model.revision, "license": "MIT", "files": rows}
        Path(path).write_text(json.dumps({"schema": 1, "models": {"digits": pin, "hf:me/digits": pin}}))
        check_sentence(model, *model.zoo(*words, "--locked"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        check_sentence(model, *model.zoo(*words))
    assert not Path("one.npy").exists()
    assert not Path("two.npy").exists()


def check_sentence(model: Model, code: int, out: str, said: str) -> None:
    assert (code, out) == (3, ""), said
    line = said.splitlines(keepends=True)[-1]
    assert re.fullmatch(r"aigc-zoo: [^\n]*(?:me/)?digits[^\n]*\n", line)
    assert re.search(r"nothing may be (?:fetched|asked)", line), line
    assert re.search(r"[.] (?:Pull it once|Once) without HF_HUB_OFFLINE", line), line
    assert model.asked == (0, 0)


def test_a_part_of_it_is_not_enough(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.fill()
    Path(cache.path("me/digits", model.revision, "config.json")).unlink()
    asked = model.asked
    for options, value in (["--locked"], ""), ([], "1"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        code, _, said = model.zoo(*COMMANDS["run"], *options)
        assert code == 3
        assert "me/digits is not all in the cache (config.json; 0.0 MB), and nothing may be fetched" in said
        assert model.asked == asked


def test_what_is_not_locked_is_refused(model: Model) -> None:
    for words in (COMMANDS["run"], COMMANDS["run-hf"]):
        code, _, said = model.zoo(*words, "--locked")
        assert code in (3, 4), said
        assert model.asked == (0, 0)
    model.fill()
    asked = model.asked
    document = json.loads(Path(lock.project_path()).read_text())
    document["models"]["digits"]["files"][0]["sha256"] = "0" * 64
    Path(lock.project_path()).write_text(json.dumps(document))
    code, _, said = model.zoo(*COMMANDS["run"], "--locked")
    assert code == 4, said
    assert model.asked == asked


@pytest.mark.parametrize("words", [["pin", "digits"], ["pin", "hf:me/digits"], ["search", "digits"]])
def test_what_is_all_about_the_hub_says_so(model: Model, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, _, said = model.zoo(*words)
    assert code == 3, said
    assert re.fullmatch(r"aigc-zoo: [^\n]*HF_HUB_OFFLINE is set[^\n]*\n", said)
    assert model.asked == (0, 0)


def ask_anyway(patch: pytest.MonkeyPatch) -> None:
    """Take out what keeps a pull from asking: every file is fetched again."""
    from aigc_core.hub import pull

    def missing(path: Any, size: int, sha256: str) -> None:
        from aigc_core.errors import NotAvailable

        raise NotAvailable(f"{path} is not there.")

    patch.setattr(pull, "verify", missing)


def test_the_count_sees_a_saboteur(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.fill()
    ask_anyway(monkeypatch)
    with pytest.raises(AssertionError):
        check_nobody_asked(model, COMMANDS["pull"])


def test_a_value_that_means_no_is_no(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "0", "off", "no"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        assert not cache.offline()
    code, _, said = model.zoo("pull", "digits")
    assert code == 0, said
