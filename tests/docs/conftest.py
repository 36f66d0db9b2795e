"""Reads the documentation's fenced blocks, and offers a folder in which a page's commands run as a reader runs them."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "hub"))

from loopback import LoopbackHub  # noqa: E402

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (exit|file):? (.+?) -->\n$")


class Block(NamedTuple):
    """One fenced block: its language, its text, its line, and the mark in the comment before it."""

    language: str
    text: str
    line: int
    mark: tuple[str, str]


class Command(NamedTuple):
    """One line after ``$ ``, and the output that the page shows for it."""

    text: str
    output: list[str]
    line: int
    code: int


class Page(NamedTuple):
    """One page of the documentation."""

    path: Path

    def blocks(self) -> list[Block]:
        text = self.path.read_text(encoding="utf-8")
        found = []
        for match in FENCE.finditer(text):
            before = text[: match.start()]
            mark = MARK.search(before)
            found.append(Block(match[1], match[2], before.count("\n") + 1, (mark[1], mark[2]) if mark else ("", "")))
        return found

    def commands(self) -> list[Command]:
        return [command for block in self.blocks() if block.language == "console" for command in commands(block)]


def commands(block: Block) -> list[Command]:
    """Split a console block; its exit code is that of its last command."""
    found: list[Command] = []
    for offset, line in enumerate(block.text.splitlines(), start=1):
        if line.startswith("$ "):
            found.append(Command(line[2:], [], block.line + offset, 0))
        elif line.strip():
            found[-1].output.append(line)
    if block.mark[0] == "exit":
        found[-1] = found[-1]._replace(code=int(block.mark[1]))
    return found


def pages() -> list[Path]:
    found = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")]
    return sorted([*found, *ROOT.glob("plugins/*/README.md"), ROOT / "registry" / "README.md"])


class Terminal(NamedTuple):
    """A folder, and an environment with a home, a path, a site folder and a Hub of its own."""

    folder: Path
    hub: str

    @property
    def site(self) -> Path:
        return self.folder / ".site"

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AIGC_ZOO", "COLUMNS"))}
        path = os.path.dirname(sys.executable) + os.pathsep + own["PATH"]
        home = str(self.folder / ".zoo-home")
        hub = {"HF_ENDPOINT": self.hub, "HF_TOKEN": "hf_test", "HF_HOME": str(self.folder / ".hf")}
        hub |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return own | hub | {"PATH": path, "AIGC_ZOO_HOME": home, "PYTHONPATH": str(self.site), "NO_COLOR": "1"}

    def run(self, command: str, columns: int = 120) -> tuple[int, str]:
        """Run a shell command on a terminal of its own; return its exit code and everything that it printed."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = subprocess.Popen(
            ["bash", "-c", command], cwd=self.folder, env=self.environment(), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as stream:
            printed = b"".join(iter(lambda: _chunk(stream.fileno()), b""))
        return child.wait(), printed.decode(errors="replace").replace("\r\n", "\n")

    def install(self, source: Path) -> None:
        """Do what ``pip install`` does with a pure Python project, without building it."""
        project = (source / "pyproject.toml").read_text(encoding="utf-8")
        (name,) = re.findall(r'^name = "(.+)"$', project, re.MULTILINE)
        (version,) = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
        points = re.findall(r'^\[project\.entry-points\."?(\w+)"?\]\n(.+)$', project, re.MULTILINE)
        self.add(name, version, "".join(f"[{group}]\n{line.replace(chr(34), '')}\n" for group, line in points))
        for package in (path.parent for pattern in ("*", "src/*") for path in source.glob(f"{pattern}/__init__.py")):
            os.symlink(package.absolute(), self.site / package.name)

    def add(self, name: str, version: str, entry_points: str) -> None:
        """Write a distribution's metadata into the site folder."""
        info = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)


def _chunk(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError as error:
        if error.errno == errno.EIO:  # the other end is closed
            return b""
        raise


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        follows = "terminal" in metafunc.fixturenames
        found = [Page(path) for path in pages()]
        chosen = [page for page in found if page.blocks()] if follows else found
        trains = {"training.md", "distributed.md", "recipes.md", "translation.md", "write-a-plugin.md"}
        slow = trains if follows else set()
        metafunc.parametrize(
            "page",
            [pytest.param(page, marks=[pytest.mark.slow] * (page.path.name in slow)) for page in chosen],
            ids=[str(page.path.relative_to(ROOT)) for page in chosen],
        )


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / ".site").mkdir()
    with LoopbackHub() as hub:  # its token hf_test is that of the user `me`
        yield Terminal(tmp_path, hub.url)


@pytest.fixture
def read_page() -> Callable[[str], Page]:
    return lambda name: Page(ROOT / name)


@pytest.fixture
def split() -> Callable[[Block], list[Command]]:
    return commands
