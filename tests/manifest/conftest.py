"""A plugin's folder with one good model, made to be spoilt, and what holds for every problem that is found in it."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core.manifest.problems import CODES, Problem
from aigc_core.manifest.read import Malformed
from aigc_core.manifest.validate import validate_model, validate_plugin

ROOT = Path(__file__).parents[2]
BYTES = b"as good as any weights, for a check that never opens them"
SHA256 = hashlib.sha256(BYTES).hexdigest()
ARCHITECTURES = ROOT / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo" / "architectures"

MODEL: dict[str, Any] = {
    "schema": 1,
    "id": "tiny",
    "family": "gan",
    "task": "unconditional-image-generation",
    "summary": "A tiny model.",
    "authors": ["Somebody"],
    "citation": [{"title": "A paper", "arxiv": "1511.06434v2", "doi": "10.1000/x", "url": "https://example.org/x"}],
    "code": {
        "plugin": "toy",
        "distribution": "aigc-toy",
        "api": 1,
        "architecture": "toy-net",
        "config": {"latent_dim": 100, "width": 64},
    },
    "weights": {
        "source": "bundled",
        "files": [
            {
                "path": "weights/tiny.safetensors",
                "size": len(BYTES),
                "sha256": SHA256,
                "format": "safetensors",
                "dtype": "float16",
            }
        ],
    },
    "capabilities": ["generate", "reconstruct"],
    "use": {
        "options": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "truncation": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 10,
                    "default": 2,
                    "description": "Less is more typical.",
                },
                "style": {"type": "string", "enum": ["plain", "bold"], "description": "The style."},
                "stop": {"type": "array", "items": {"type": "string"}, "description": "Where to end."},
            },
        },
        "output": {"kind": "image", "shape": [1, 28, 28], "range": [-1, 1]},
        "input": {"kind": "image", "shape": [1, 28, 28], "range": [0, 1], "multiple": 1, "largest": 28},
    },
    "terms": {
        "code": "Apache-2.0",
        "weights": "GPL-2.0-or-later WITH Classpath-exception-2.0",
        "data": None,
        "intended_use": "Tests.",
        "limits": ["It is tiny."],
        "known_failures": [],
    },
    "origin": {
        "recipe": "recipes/tiny.json",
        "data": {"id": "noise", "source": "nowhere", "sha256": "0" * 64, "count": 10, "license": "MIT"},
        "seed": 0,
        "steps": 1,
        "cpu_seconds": 0.5,
        "threads": 1,
        "torch": "2.10.0+cpu",
        "instructions": "AVX2",
        "final_losses": {"generator": 0.7},
        "checks": {"50": "1" * 64},
        "parents": ["tinier"],
    },
    "golden": [
        {
            "noise": "golden/noise.npy",
            "output": "golden/output.npy",
            "sha256": SHA256,
            "rtol": 0,
            "atol": 0.001,
            "mismatches_per_million": 10,
        }
    ],
    "scores": [
        {
            "metric": "fid:net:10000:none",
            "value": 3,
            "interval": [2.5, 3.5],
            "seeds": 3,
            "direction": "lower",
            "gate": 4,
        }
    ],
    "provenance": [
        {
            "facts": ["/weights/files/0", "/terms/weights"],
            "verified": True,
            "source": "Made here.",
            "date": "2026-08-22",
        }
    ],
    "budget": {"seconds": 10, "memory_mb": 1000},
}
PLUGIN: dict[str, Any] = {
    "name": "toy",
    "api": 1,
    "summary": "Toys.",
    "components": {"generators": {"toy-net": "toy.net:Net"}, "losses": {"hinge": "toy.losses:Hinge"}},
    "hooks": ["zoo_event"],
    "claims": {"model_type": {"toy": "toy", "toy2": "toy"}},
    "options": {"toy-net": "common"},
    "commands": {"play": {"summary": "Play.", "target": "toy.play:command"}},
}
TEMPLATE: dict[str, Any] = {
    field: MODEL[field] for field in ("family", "task", "code", "capabilities", "use", "budget")
}
VALIDATE = {"model": validate_model, "plugin": validate_plugin}

Change = Callable[[dict[str, Any]], object] | tuple[Any, ...]
"""A function that changes a manifest, ("put", pointer, value), ("drop", pointer) or ("rename", pointer, name)."""


def changed(good: dict[str, Any], changes: tuple[Change, ...]) -> dict[str, Any]:
    """Return a manifest with changes."""
    document = copy.deepcopy(good)
    for change in changes:
        if callable(change):
            change(document)
            continue
        action, pointer, *value = change
        target = document
        *outer, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        for key in outer:
            target = target[int(key) if isinstance(target, list) else key]
        key = int(last) if isinstance(target, list) else last
        if action == "put":
            target[key] = copy.deepcopy(value[0])
        elif action == "rename":
            target[value[0]] = target.pop(key)
        else:
            del target[key]
    return document


class Zoo:
    """A plugin's folder with one good model and one good template, to be spoilt."""

    MODEL, PLUGIN, TEMPLATE, BYTES = MODEL, PLUGIN, TEMPLATE, BYTES

    def __init__(self, folder: Path) -> None:
        self.folder, self.model, self.plugin = folder, folder / "models" / "tiny.json", folder / "plugin.json"
        for name in ("models", "weights", "recipes", "golden", "architectures", "claims", "options"):
            (folder / name).mkdir()
        (folder / "weights" / "tiny.safetensors").write_bytes(BYTES)
        (folder / "golden" / "output.npy").write_bytes(BYTES)
        (folder / "golden" / "noise.npy").write_bytes(b"noise")
        (folder / "recipes" / "tiny.json").write_text("{}")
        config = (ARCHITECTURES / "dcgan-28.schema.json").read_text(encoding="utf-8")
        (folder / "architectures" / "toy-net.schema.json").write_text(config, encoding="utf-8")
        self.write(folder / "claims" / "toy.json", TEMPLATE)
        self.write(folder / "options" / "common.json", MODEL["use"]["options"])
        self.write(self.model, MODEL)
        self.write(self.plugin, PLUGIN)

    @staticmethod
    def write(path: Path, document: Any) -> str:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        return text

    def spoil(self, kind: str, *changes: Change) -> str:
        """Write the good manifest of a kind, changed, and return its text."""
        good, path = (MODEL, self.model) if kind == "model" else (PLUGIN, self.plugin)
        return self.write(path, changed(good, changes))

    def validate(self, kind: str) -> list[Problem]:
        return VALIDATE[kind](str(self.model if kind == "model" else self.plugin))

    def problems(self, *changes: Change) -> list[Problem]:
        """Return the problems of the good model, changed."""
        self.spoil("model", *changes)
        return self.validate("model")


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path)


@pytest.fixture
def judge() -> Callable[[list[Problem]], list[Problem]]:
    """Check what holds for every problem, and return the problems."""
    return judged


def judged(problems: list[Problem]) -> list[Problem]:
    for problem in problems:
        assert problem.code in CODES
        assert problem.line >= 1
        assert problem.message.endswith(".")
        assert not problem.hint or problem.hint.endswith((".", "?"))
        words = r"(?<![\w.])(dict|str|int|float|bool|NoneType|None|True|False|tuple|builtin_function)(?![\w'])"
        assert not re.search(words, re.sub(r'"[^"]*"', "", f"{problem.message} {problem.hint}"))
        json.dumps(problem, ensure_ascii=False).encode("utf-8")
    return problems


@pytest.fixture
def check_fault(zoo: Zoo) -> Callable[..., None]:
    """Check that a manifest with one fault, and other changes before it that are right, has one problem.

    A fault is a change, the problem's code and pointer, a text that first occurs on its line of the changed file (one
    that starts with a line feed ends on it), and a part of its hint.
    """

    def check(fault: tuple[Change, str, str, str, str], kind: str = "model", before: tuple[Change, ...] = ()) -> None:
        change, code, pointer, mark, hint = fault
        text = zoo.spoil(kind, *before, change)
        (problem,) = judged(zoo.validate(kind))
        found = re.search(r"\s*".join(re.escape(part.strip()) for part in mark.split("\n")), text)
        assert found
        line = text[: found.end() if mark.startswith("\n") else found.start()].count("\n") + 1
        assert problem[:3] == (code, pointer, line), problem
        assert hint in problem.hint

    return check


@pytest.fixture
def shown() -> Callable[[Callable[[str], Any], str], str]:
    """Read a manifest as listings do, and print it; return an empty text where it is refused."""

    def read_and_print(read: Callable[[str], Any], path: str) -> str:
        try:
            return json.dumps(read(path).document, indent=2, ensure_ascii=False, allow_nan=False).encode().decode()
        except Malformed as error:
            assert f"{error}".encode()  # noqa: PT017 (it can be printed)
            return ""

    return read_and_print
