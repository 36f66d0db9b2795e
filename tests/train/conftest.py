"""Installed recipes made small, synthetic rows, and trainings of both; the command line in forked processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from aigc_core.train import build, recipe
from aigc_core.train.data.rows import DataSet, Document, DocumentRows, ImageRows, PackedRows, WindowRows
from aigc_core.train.export import template
from aigc_core.train.loop import Loop
from aigc_core.train.monitors import Watch
from aigc_core.train.training import Training

SMALL = {"width": 4, "latent_dim": 6, "hidden": 16, "layers": 2, "heads": 2}
"""What networks' configs are set to, where they have such a field."""
LETTERS = "\n abcdefg"
BLOCK = 8


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _small(name: str, *changes: str) -> dict[str, Any]:
    """Return an installed recipe with narrow networks and batches of 4, then changed as ``--set`` would."""
    made = recipe.read(name)
    for role, network in made["networks"].items():
        for field in SMALL.keys() & network["config"].keys():
            recipe.assign(made, f"networks.{role}.config.{field}={SMALL[field]}")
    usual = ["data.batch_size=4", "compute.threads=1", "checkpoint.every=0", "samples.every=0", "evaluate.every=0"]
    for change in [*usual, *changes]:
        recipe.assign(made, change)
    return recipe.complete(made, name)


def _pixels(shape: tuple[int, ...], rows: int) -> torch.Tensor:
    return torch.randint(0, 256, (rows, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def _texts(rows: int) -> list[Document]:
    random = np.random.default_rng(5)
    texts = [random.integers(1, len(LETTERS) + 1, size=1 + index % (BLOCK - 1)) for index in range(rows)]
    return [Document(np.array([0, *text, 0], np.int32), 1) for text in texts]


def _shape(described: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of a row for a model: of one that it makes, or of one that it translates stacked on that."""
    channels, *sizes = described["use"]["output"]["shape"]
    if "translate" in described["capabilities"]:
        channels += described["use"]["input"]["shape"][0]
    return (channels, *sizes)


def _synthetic(made: dict[str, Any], rows: int = 11, shape: tuple[int, ...] = ()) -> DataSet:
    """Return rows of the kind that a recipe trains on, drawn at random: images of what its model makes, or tokens."""
    spec = made["data"]
    facts: dict[str, Any]
    if "form" not in spec:
        shape = shape or _shape(template(made, next(iter(made["networks"])))[1])
        found: Any = ImageRows(_pixels(shape, rows), torch.arange(rows) % 3)
        facts = {"shape": list(shape), "classes": ["a", "b", "c"]}
    else:
        facts = {"block": BLOCK, "tokenizer": "characters", "vocabulary": LETTERS}
        if spec["form"]["kind"] == "windows":
            tokens = torch.randint(len(LETTERS), (rows + BLOCK,), generator=torch.Generator().manual_seed(5))
            found = WindowRows(tokens, BLOCK)
        else:
            found = (PackedRows if spec["form"]["kind"] == "packed" else DocumentRows)(_texts(rows), BLOCK)
    said = {"name": "synthetic", "licence": None, "from": None, "rows": {"train": rows}}
    return DataSet(found, None, None, said, facts)


def _training(name: str, *changes: str, rows: int = 11) -> Training:
    made = _small(name, *changes)
    return Training(made, _synthetic(made, rows))


@pytest.fixture(scope="session")
def small():
    return _small


@pytest.fixture(scope="session")
def synthetic():
    return _synthetic


@pytest.fixture(scope="session")
def training():
    """Build a training of an installed recipe, made small, on synthetic rows."""
    return _training


@pytest.fixture
def in_place_of(monkeypatch):
    """Make recipes' components of one kind, such as ``trainers``, others: what ``change`` returns for each."""

    def call(kind, change):
        real = build.component
        monkeypatch.setattr(build, "component", lambda of, use: change(real(of, use)) if of == kind else real(of, use))

    return call


@pytest.fixture
def loop(tmp_path):
    """Make the loop around a training in a folder; its events and warnings are in ``heard`` and ``watch.said``."""
    made: list[Loop] = []

    def call(training: Training, folder: Path = tmp_path, strict: bool = False) -> Any:
        heard: list[dict[str, Any]] = []
        watch = Watch(strict, lambda text: None)
        around: Any = Loop(training, folder, tell=heard.append, watch=watch)
        around.heard, around.watch = heard, watch
        made.append(around)
        return around

    yield call
    for around in made:
        around.telling.close()


class Done(NamedTuple):
    """How one command in a forked process ended."""

    returncode: int
    stdout: str
    stderr: str
    hit: str
    """In which phase it was killed, or an empty text."""
    events: dict[str, int]
    """How many calls there were in each phase."""


class Forked:
    """A process that has imported everything and runs each command line in a fork of itself."""

    def __init__(self, home: Path, recipes: list[Path]) -> None:
        own = {"AIGC_ZOO_HOME": str(home / "home"), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked.py")), *map(str, recipes)],
            env={**os.environ, **own},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __call__(self, *arguments: Any, **how: Any) -> Done:
        """Run ``aigc-zoo ARGUMENTS``.

        ``kill`` = (phase, n) has it kill itself with SIGKILL at the n-th call in that phase, ``after`` = seconds after
        so long; ``signal`` = (phase, n, number) sends it a signal, and soon another if ``twice``; ``count`` only counts
        the calls in each phase; ``limits`` are limits of the system, such as RLIMIT_FSIZE.
        """
        assert self._process.stdin
        assert self._process.stdout
        asked = {"arguments": [str(each) for each in arguments], **how}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return Done(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()


@pytest.fixture(scope="session")
def zoo(tmp_path_factory, tiny):
    """Run ``aigc-zoo`` as a user types it, without the seconds that an import of torch takes."""
    recipes = [tiny(family) for family in FAMILIES]
    with contextlib.closing(Forked(tmp_path_factory.mktemp("forked"), recipes)) as forked:
        yield forked


FAMILIES = {
    "gan": (
        "dcgan-digits",
        [
            "networks.generator.config.width=2",
            "networks.discriminator.config.dropout=0.3",
            'data.augment=[{"kind": "flip"}]',
        ],
    ),
    "vae": (
        "vae-digits",
        ["data.binarise=dynamic", 'data.augment=[{"kind": "shift", "pixels": 2}]', "ema=0.9"],
    ),
    "text": ("char-shakespeare", ["networks.decoder.config.dropout=0.2", "schedule.steps=12", "schedule.warmup=2"]),
}
"""A recipe of each family, with all that draws at random in it."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Write a family's recipe, made small, and its data; return the recipe's path. 12 steps, an epoch is 3."""
    root = tmp_path_factory.mktemp("tiny")
    shape = (11, 28, 28)
    pixels = _pixels(shape[1:], shape[0]).numpy().tobytes()
    (root / "images").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", *shape) + pixels)
    text = "".join(LETTERS[index] for index in np.random.default_rng(5).integers(0, len(LETTERS), 200))
    (root / "text").write_text(text)

    def call(family: str, *changes: str) -> Path:
        name, own = FAMILIES[family]
        usual = ["budget.steps=12", "checkpoint.every=4", "log.every=3", "samples.every=8", "samples.count=2"]
        made = _small(name, *own, *usual, *changes)
        made["name"] = f"tiny-{family}"
        made["data"] |= {"name": "synthetic", "folder": str(root), "licence": "CC0-1.0"}
        made["data"].pop("sha256", None)
        if family == "text":
            made["data"] |= {"source": {"kind": "text", "file": "text"}, "order": "shuffle"}
            made["data"]["form"]["block"] = BLOCK
        else:
            made["data"]["source"] = {"kind": "idx", "images": "images"}
        said = json.dumps(made)
        path = root / f"{family}-{hashlib.sha256(said.encode()).hexdigest()[:8]}.json"
        path.write_text(said)
        return path

    return call
