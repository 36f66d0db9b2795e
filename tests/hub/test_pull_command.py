"""``aigc-zoo pull``: one model, several, all; what it says beforehand, while it works and afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import json
import math
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core import interrupt, registry
from aigc_core.cli import outcome, progress
from aigc_core.hub import client
from aigc_core.manifest.model import WeightFile

WEIGHTS = bytes(range(256)) * 400
CONFIG = b'{"width": 4}'
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
SIZE = sum(map(len, FILES.values()))


@dataclasses.dataclass
class Done:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def zoo(hub: Any, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Callable[..., Done]]:
    """Run the command line in this process: an empty home, an index of the test's own, the plugins of ``site``."""
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(site.root / "registry"))
    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setattr(client, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("AIGC_ZOO_HOME", str(site.home))
    monkeypatch.syspath_prepend(str(site.packages))
    monkeypatch.chdir(site.work)
    before = set(sys.modules)

    def run(*arguments: Any) -> Done:
        importlib.invalidate_caches()
        code = outcome([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "a fault in aigc-zoo itself" not in said.err
        return Done(code, said.out, said.err)

    yield run
    for name in set(sys.modules) - before:
        if name.startswith("toy_dist"):
            del sys.modules[name]


@pytest.fixture
def listed(hub: Any, site: Any) -> Callable[..., str]:
    """Put a model on the Hub and list it; return its commit."""
    package = site.install("toy-dist", "toy", models=("sample",))
    sample = json.loads((package / "zoo" / "models" / "sample.json").read_text())
    (package / "zoo" / "models" / "sample.json").unlink()

    def publish(
        name: str, files: dict[str, bytes] = FILES, where: Path = package / "zoo" / "models", **changes: Any
    ) -> str:
        commit: str = hub.commit(f"me/{name}", files)
        listing = [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": "text"}
            for path, data in files.items()
        ]
        weights = {"source": "hub", "repo_id": f"me/{name}", "revision": commit, "files": listing}
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{name}.json").write_text(json.dumps(sample | {"id": name, "weights": weights} | changes))
        return commit

    return publish


def cached(repo_id: str, commit: str) -> Path:
    """Return the folder of a repository at a commit in the cache."""
    return Path(os.environ["HF_HOME"]) / "hub" / f"models--{repo_id.replace('/', '--')}" / "snapshots" / commit


def code_of(plugin: str, **more: Any) -> dict[str, Any]:
    return {"plugin": plugin, "api": 1, "architecture": "grey", "config": {}, **more}


# --- one model ---


def test_it_says_what_comes_and_what_came(hub: Any, zoo: Any, listed: Any) -> None:
    big = FILES | {"model.safetensors": WEIGHTS * 12}
    commit = listed("tiny", big)
    done = zoo("pull", "tiny")
    assert done.code == 0
    assert done.err == "tiny: 1.2 MB (2 files) to fetch from me/tiny.\n"
    assert done.out == f"tiny: 2 files, 1.2 MB, from me/tiny at {commit[:12]}, verified.\n"
    assert {name: (cached("me/tiny", commit) / name).read_bytes() for name in big} == big


def test_the_size_is_said_before_anything_is_asked_for(hub: Any, zoo: Any, listed: Any) -> None:
    listed("tiny")
    hub.fault("/me/tiny/", "status", math.inf, 404)
    done = zoo("pull", "tiny")
    assert done.code == 3
    assert done.err.splitlines()[0] == "tiny: 0.1 MB (2 files) to fetch from me/tiny."
    assert done.err.splitlines()[1].startswith("aigc-zoo: ")
    assert done.err.count("\n") == 2


def test_what_is_here_is_verified_and_not_fetched(hub: Any, zoo: Any, listed: Any) -> None:
    commit = listed("tiny")
    first = zoo("pull", "tiny")
    hub.log.clear()
    assert zoo("pull", "tiny") == Done(0, first.out, "")
    assert hub.requests() == []
    (cached("me/tiny", commit) / "config.json").unlink()
    done = zoo("pull", "tiny")
    assert done.err == "tiny: 0.0 MB (1 file) to fetch from me/tiny.\n"
    assert not hub.requests("model.safetensors")


def test_what_is_damaged_is_named_and_fetched_again(hub: Any, zoo: Any, listed: Any) -> None:
    commit = listed("tiny")
    assert zoo("pull", "tiny").code == 0
    place = cached("me/tiny", commit) / "model.safetensors"
    place.unlink()
    place.write_bytes(WEIGHTS[::-1])
    done = zoo("pull", "tiny")
    assert done.code == 0
    assert done.err == "tiny: 0.1 MB (1 file) to fetch from me/tiny; damaged in the cache: model.safetensors.\n"
    assert place.read_bytes() == WEIGHTS


def test_a_bundled_model_is_verified_where_it_is(hub: Any, zoo: Any) -> None:
    done = zoo("pull", "dcgan-digits")
    assert done == Done(0, "dcgan-digits: 1 file, 4.7 MB, beside its manifest, verified.\n", "")
    assert hub.requests() == []


def test_without_its_plugin_it_says_what_to_install(hub: Any, zoo: Any, listed: Any, site: Any) -> None:
    commit = listed("far", where=site.root / "registry", code=code_of("far", distribution="aigc-far"))
    done = zoo("pull", "far")
    assert done.code == 0, done.err
    assert done.out.endswith("verified.\n")
    assert done.err.splitlines()[-1] == "To run it: pip install aigc-far"
    assert (cached("me/far", commit) / "model.safetensors").read_bytes() == WEIGHTS
    ran = zoo("run", "far")
    assert ran.code == 3
    assert "it needs the plugin far, which is not installed" in ran.err
    assert ran.err.endswith("Try: pip install aigc-far\n")


def test_without_its_plugin_and_a_word_on_who_has_it(zoo: Any, listed: Any, site: Any) -> None:
    listed("far", where=site.root / "registry", code=code_of("far"))
    assert zoo("pull", "far").err.splitlines()[-1] == "To run it: aigc-zoo plugins"


def test_a_disabled_plugins_model_can_be_pulled(zoo: Any, listed: Any) -> None:
    listed("tiny")
    assert zoo("disable", "toy").code == 0
    assert zoo("pull", "tiny").code == 0


@pytest.mark.parametrize("lacking", ["revision", "size", "sha256"])
def test_what_is_not_pinned_is_refused_with_the_command_that_pins(
    hub: Any, zoo: Any, listed: Any, site: Any, lacking: str
) -> None:
    listed("tiny")
    path = site.packages / "toy_dist" / "zoo" / "models" / "tiny.json"
    document = json.loads(path.read_text())
    del (document["weights"] if lacking == "revision" else document["weights"]["files"][1])[lacking]
    path.write_text(json.dumps(document))
    for arguments in (["pull", "tiny"], ["pull", "-q", "tiny"]):
        done = zoo(*arguments)
        assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
        assert done.err.endswith("aigc-zoo pin tiny\n")
    assert hub.requests() == []


def test_quiet_prints_nothing_but_errors(hub: Any, zoo: Any, listed: Any) -> None:
    listed("tiny")
    assert zoo("pull", "-q", "tiny", "dcgan-digits") == Done(0, "", "")
    done = zoo("pull", "--quiet", "gone")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_without_network_what_is_here_is_enough(
    hub: Any, zoo: Any, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed("tiny")
    assert zoo("pull", "tiny").code == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.log.clear()
    assert zoo("pull", "tiny").code == 0
    shutil.rmtree(Path(os.environ["HF_HOME"]) / "hub")
    done = zoo("pull", "tiny")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert "is not all in the cache" in done.err
    assert hub.requests() == []


# --- several ---


def test_several_are_pulled_in_turn_each_once(zoo: Any, listed: Any) -> None:
    for name in ("one", "two"):
        listed(name)
    done = zoo("pull", "two", "one", "two", "dcgan-digits")
    assert done.code == 0
    assert [line.partition(":")[0] for line in done.out.splitlines()] == ["two", "one", "dcgan-digits"]


@pytest.mark.parametrize(
    ("bad", "code", "sentence"),
    [
        (["gone"], 2, "gone: No model gone is known"),
        (["hf:me/away"], 3, "hf:me/away: me/away is not on the Hub"),
        (["open"], 4, "aigc-zoo pin open"),
        (["hf:me/away", "open"], 3, "aigc-zoo pin open"),
        (["open", "gone"], 4, "No model gone is known"),
    ],
)
def test_one_that_fails_does_not_keep_the_others_back(
    zoo: Any, listed: Any, site: Any, bad: list[str], code: int, sentence: str
) -> None:
    for name in ("one", "two", "open"):
        listed(name)
    path = site.packages / "toy_dist" / "zoo" / "models" / "open.json"
    path.write_text(re.sub(r'"revision": "\w+", ', "", path.read_text()))
    done = zoo("pull", "one", *bad, "two")
    assert done.code == code  # that of the first
    assert [line.partition(":")[0] for line in done.out.splitlines()] == ["one", "two"]
    assert sentence in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith(f"aigc-zoo: {len(bad)} of {len(bad) + 2} models could not be pulled.")


def test_all_are_those_of_the_hub_that_can_be_run_here(hub: Any, zoo: Any, listed: Any, site: Any) -> None:
    listed("one")
    listed("two", family="vae")
    listed("three", family="autoregressive", where=site.root / "registry")
    listed("far", where=site.root / "registry", code=code_of("far", distribution="aigc-far"))
    listed("open", where=site.home / "data" / "models")
    path = site.home / "data" / "models" / "open.json"
    path.write_text(re.sub(r'"revision": "\w+", ', "", path.read_text()))
    done = zoo("pull", "--all")
    assert done.code == 0, done.err
    assert {line.partition(":")[0] for line in done.out.splitlines()} == {"one", "two", "three"}
    assert {row.path.split("/")[2] for row in hub.requests("HEAD /me/")} == {"one", "two", "three"}
    for family, name in (("vae", "two"), ("autoregressive", "three"), ("gan", "one")):
        assert zoo("pull", "--family", family).out.startswith(f"{name}: ")
        assert zoo("pull", "--all", "--family", family).out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Which model?"),
        (["-q"], "Which model?"),
        (["--all", "one"], "leave the names out"),
        (["--family", "gan", "one"], "leave the names out"),
        (["--family", "vae"], "No model on the Hub that can be run here matches."),
        (["--family", "diffusion"], "'diffusion' is not one of"),
        (["--al"], "No such option"),
    ],
)
def test_what_cannot_be_meant(zoo: Any, listed: Any, arguments: list[str], sentence: str) -> None:
    listed("one")
    done = zoo("pull", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err


def test_all_of_nothing_is_said(zoo: Any) -> None:
    done = zoo("pull", "--all")
    assert done.code == 2
    assert "No model on the Hub" in done.err


# --- on a terminal ---


class Screen:
    """What a terminal of some rows and columns shows of what is written to it."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [""], 0, 0

    def write(self, text: str) -> None:
        for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.", text, re.DOTALL):
            self._piece(piece)

    def _piece(self, piece: str) -> None:
        if piece == "\r":
            self.column = 0
        elif piece == "\n":
            self._down()
        elif piece == "\x1b[A":
            self.row = max(self.row - 1, len(self.lines) - self.rows, 0)  # no further up than the first row that shows
        elif piece == "\x1b[K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif piece[0] == "\x1b":
            assert piece.endswith("m"), f"an escape that this terminal does not know: {piece!r}"
        else:
            if self.column == self.columns:
                self._down()
                self.column = 0
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + piece + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    @property
    def text(self) -> list[str]:
        return [line.rstrip() for line in self.lines if line.strip()]


def on_terminal(
    site: Any, *arguments: str, rows: int = 24, columns: int = 100, send: Callable[[Any, str], None] | None = None
) -> tuple[int, str, Screen]:
    """Run the command line on a terminal; return the exit code, all that was written, and what is left to see."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = os.environ | {"PYTHONPATH": str(site.packages), "AIGC_ZOO_HOME": str(site.home), "TERM": "xterm"}
    command = [sys.executable, "-m", "aigc_core", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=site.work, env=environment)
    os.close(theirs)
    written, limit = b"", time.monotonic() + 100
    while time.monotonic() < limit:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            written += data
            if send:
                send(process, written.decode(errors="replace"))
    os.close(ours)
    screen, text = Screen(rows, columns), written.decode()
    screen.write(text)
    return process.wait(10), text, screen


def test_the_screen_shows_what_a_bar_would_leave() -> None:
    screen = Screen(3, 10)
    screen.write("one\r\n\n\nin all: 9%\x1b[A\x1b[A\x1b[A\x1b[A\rtwo\x1b[K\x1b[0m")
    assert screen.lines == ["one", "two", "", "in all: 9%"]
    screen.write("0123456789")
    assert screen.text == ["one", "two0123456", "789", "in all: 9%"]


def test_bars_are_drawn_and_nothing_of_them_is_left(hub: Any, listed: Any, site: Any) -> None:
    files = {f"model-{number}.safetensors": bytes([number]) * 300_000 for number in range(6)}
    commit = listed("tiny", files)
    hub.fault("GET /cdn/", "slow", math.inf, 1.0)
    code, text, screen = on_terminal(site, "pull", "tiny")
    assert code == 0, text
    assert screen.text == [
        "tiny: 1.8 MB (6 files) to fetch from me/tiny.",
        f"tiny: 6 files, 1.8 MB, from me/tiny at {commit[:12]}, verified.",
    ]
    assert "in all:" in text
    for name in files:
        assert f"{name}:" in text
    assert re.search(r"in all: +[1-9]\d?%", text)


def test_more_files_than_the_terminal_has_rows(hub: Any, listed: Any, site: Any) -> None:
    files = {f"model-{number:02}.safetensors": bytes([number]) * 20_000 for number in range(30)}
    commit = listed("tiny", files)
    hub.fault("GET /cdn/", "slow", math.inf, 2.0)
    code, text, screen = on_terminal(site, "pull", "tiny", rows=10, columns=60)
    assert code == 0, text
    assert screen.text == [
        "tiny: 0.6 MB (30 files) to fetch from me/tiny.",
        *(f"tiny: 30 files, 0.6 MB, from me/tiny at {commit[:12]}, verified."[at : at + 60] for at in (0, 60)),
    ]


def test_a_thread_that_reports_after_the_end_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", drawn := Terminal())
    files = [WeightFile(name, 9, "0" * 64, "text") for name in ("early.json", "late.json")]
    with progress.bars(files) as report:
        report("early.json", 1)
    assert "early.json" in drawn.getvalue()
    before = drawn.getvalue()
    report("early.json", 2)
    report("late.json", 1)
    assert drawn.getvalue() == before


def test_a_name_that_would_steer_the_terminal_does_not(hub: Any, listed: Any, site: Any) -> None:
    listed("tiny", {"a\x1b[2Jb.json": b"{}", "c.json": b"{}"})
    _, text, _ = on_terminal(site, "pull", "tiny")
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("flags", [["-q"], []])
def test_quiet_and_the_clients_own_switch_draw_nothing(
    hub: Any, listed: Any, site: Any, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = listed("tiny")
    if not flags:
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    code, text, screen = on_terminal(site, "pull", "tiny", *flags)
    assert code == 0
    assert "in all" not in text
    said = [
        "tiny: 0.1 MB (2 files) to fetch from me/tiny.",
        f"tiny: 2 files, 0.1 MB, from me/tiny at {commit[:12]}, verified.",
    ]
    assert screen.text == ([] if flags else said)


def test_an_interrupt_leaves_a_clean_terminal_and_the_next_pull_goes_on(
    hub: Any, listed: Any, site: Any, zoo: Any
) -> None:
    big = FILES | {"model.safetensors": bytes(range(256)) * 4096 * 6}
    commit = listed("tiny", big)
    hub.fault("GET /cdn/", "slow", 1, 2.0)  # 12 s for all of it
    sent: list[float] = []

    def interrupt_it(process: Any, text: str) -> None:
        if not sent and re.search(r"in all: +[1-9]", text):
            sent.append(time.monotonic())
            process.send_signal(signal.SIGINT)

    code, text, screen = on_terminal(site, "pull", "tiny", send=interrupt_it)
    assert code == 130, text
    assert screen.text[0] == "tiny: 6.3 MB (2 files) to fetch from me/tiny."
    assert screen.text[-1].startswith("aigc-zoo: interrupted")
    assert len(screen.text) == 2
    assert not (cached("me/tiny", commit) / "model.safetensors").exists()
    hub.log.clear()
    assert zoo("pull", "tiny").code == 0
    ranges = [row.headers.get("range") for row in hub.requests("GET /cdn/")]
    assert len(ranges) == 1
    assert re.fullmatch(r"bytes=[1-9]\d*-", ranges[0])
    assert (cached("me/tiny", commit) / "model.safetensors").read_bytes() == big["model.safetensors"]
