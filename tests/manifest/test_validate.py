"""The full check: a good manifest has no problem, each fault has one, and no content is an error."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from aigc_core.manifest import ModelManifest, PluginManifest
from aigc_core.manifest.problems import CODES, Problem
from aigc_core.manifest.read import Malformed
from aigc_core.manifest.validate import validate_model, validate_plugin

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "aigc_core" / "manifest" / "schemas"
SHIPPED = ROOT / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
BYTES = b"as good as any weights, for a check that never opens them"
SHA256 = hashlib.sha256(BYTES).hexdigest()

MODEL: dict[str, Any] = {
    "schema": 1,
    "id": "tiny",
    "family": "gan",
    "task": "unconditional-image-generation",
    "summary": "A tiny model.",
    "authors": ["Somebody"],
    "citation": [{"title": "A paper", "arxiv": "1511.06434v2", "doi": "10.1000/x", "url": "https://example.org/x"}],
    "code": {"plugin": "toy", "api": 1, "architecture": "toy-net", "config": {"latent_dim": 100, "width": 64}},
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
    "capabilities": ["generate", "interpolate"],
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
            },
        },
        "output": {"kind": "image", "shape": [1, 28, 28], "range": [-1, 1]},
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
    "budget": {"seconds": 10, "memory_mb": 1000},
}
PLUGIN: dict[str, Any] = {
    "name": "toy",
    "api": 1,
    "summary": "Toys.",
    "components": {"generators": {"toy-net": "toy.net:Net"}, "losses": {"hinge": "toy.losses:Hinge"}},
    "hooks": ["zoo_event"],
    "claims": {"model_type": ["toy"]},
    "commands": {"play": {"summary": "Play.", "target": "toy.play:command"}},
}
CONFIG = (SHIPPED / "architectures" / "dcgan-28.schema.json").read_text(encoding="utf-8")


class Zoo:
    """A plugin's folder with one good model, to be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model, self.plugin = folder, folder / "models" / "tiny.json", folder / "plugin.json"
        for name in ("models", "weights", "recipes", "golden", "architectures"):
            (folder / name).mkdir()
        (folder / "weights" / "tiny.safetensors").write_bytes(BYTES)
        (folder / "golden" / "output.npy").write_bytes(BYTES)
        (folder / "golden" / "noise.npy").write_bytes(b"noise")
        (folder / "recipes" / "tiny.json").write_text("{}")
        (folder / "architectures" / "toy-net.schema.json").write_text(CONFIG, encoding="utf-8")
        self.write(self.model, MODEL)
        self.write(self.plugin, PLUGIN)

    @staticmethod
    def write(path: Path, document: Any) -> str:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        return text

    def problems(self, change: Callable[[dict[str, Any]], object]) -> list[Problem]:
        document = copy.deepcopy(MODEL)
        change(document)
        self.write(self.model, document)
        return validate_model(str(self.model))


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path)


def at(document: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        document = document[int(key) if isinstance(document, list) else key]
    return document


def put(pointer: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that sets the value at a pointer."""

    def change(document: dict[str, Any]) -> None:
        outer, _, key = pointer.rpartition("/")
        target = at(document, outer)
        target[int(key) if isinstance(target, list) else key] = value

    return change


def drop(pointer: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that removes the field at a pointer."""

    def change(document: dict[str, Any]) -> None:
        outer, _, key = pointer.rpartition("/")
        del at(document, outer)[key]

    return change


def rename(pointer: str, name: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that renames the field at a pointer."""

    def change(document: dict[str, Any]) -> None:
        outer, _, key = pointer.rpartition("/")
        target = at(document, outer)
        target[name] = target.pop(key)

    return change


class Fault(NamedTuple):
    """A change that makes one fault, and the problem that is expected of it."""

    change: Callable[[dict[str, Any]], None]
    code: str
    pointer: str
    line: str
    """A text that first occurs on the expected line of the changed file; one that starts with \\n ends on it."""
    hint: str


FILE, OPTION = "/weights/files/0", "/use/options/properties/truncation"
HEX = "64 lower-case hexadecimal digits"
MODEL_FAULTS = {
    "no id": Fault(drop("/id"), "missing-field", "/id", "{", 'Add "id".'),
    "no schema": Fault(drop("/schema"), "missing-field", "/schema", "{", "It takes 1."),
    "no terms": Fault(drop("/terms"), "missing-field", "/terms", "{", "licences"),
    "no plugin": Fault(drop("/code/plugin"), "missing-field", "/code/plugin", '"code": {', 'such as "gan"'),
    "no sha256": Fault(drop(f"{FILE}/sha256"), "missing-field", f"{FILE}/sha256", '    {\n      "path"', HEX),
    "no size": Fault(drop(f"{FILE}/size"), "missing-field", f"{FILE}/size", '    {\n      "path"', "4663424"),
    "no licence": Fault(
        drop("/terms/data"), "missing-field", "/terms/data", '"terms": {', "null where none is declared"
    ),
    "no shape": Fault(drop("/use/output/shape"), "missing-field", "/use/output/shape", '"output": {', "[1, 28, 28]"),
    "no range": Fault(drop("/use/output/range"), "missing-field", "/use/output/range", '"output": {', "[-1, 1]"),
    "no noise": Fault(drop("/golden/0/noise"), "missing-field", "/golden/0/noise", '    {\n      "output"', "golden/"),
    "no title": Fault(drop("/citation/0/title"), "missing-field", "/citation/0/title", '    {\n      "arxiv"', "title"),
    "no latent_dim": Fault(
        drop("/code/config/latent_dim"), "missing-field", "/code/config/latent_dim", '"config"', "such as 100"
    ),
    "field misspelt": Fault(
        rename("/summary", "sumary"), "unknown-field", "/sumary", '"sumary"', "Did you mean summary?"
    ),
    "field misspelt inside": Fault(
        rename(f"{FILE}/sha256", "sha"), "unknown-field", f"{FILE}/sha", '"sha"', "Did you mean sha256?"
    ),
    "optional field misspelt": Fault(
        rename("/budget", "budgets"), "unknown-field", "/budgets", '"budgets"', "Did you mean budget?"
    ),
    "field unknown": Fault(
        put("/zzz~x/y".replace("/y", ""), 1), "unknown-field", "/zzz~0x", '"zzz~x"', "The fields here"
    ),
    "field with a slash": Fault(
        put("/code/config", {"latent_dim": 1, "width": 1, "a/b": 1}),
        "unknown-field",
        "/code/config/a~1b",
        '"a/b"',
        "latent_dim, width",
    ),
    "option keyword misspelt": Fault(
        rename(f"{OPTION}/maximum", "maximun"), "unknown-field", f"{OPTION}/maximun", '"maximun"', "mean maximum?"
    ),
    "bound of a text": Fault(
        put("/use/options/properties/style/minimum", 1),
        "unknown-field",
        "/use/options/properties/style/minimum",
        '"minimum": 1',
        "Leave it out.",
    ),
    "id is a number": Fault(put("/id", 1), "wrong-type", "/id", '"id"', "It takes a string"),
    "api is a text": Fault(put("/code/api", "1"), "wrong-type", "/code/api", '"api"', "a whole number, at least 1"),
    "api is true": Fault(put("/code/api", True), "wrong-type", "/code/api", '"api"', "a whole number"),
    "api is 1.0": Fault(put("/code/api", 1.0), "wrong-type", "/code/api", '"api"', "a whole number"),
    "schema is true": Fault(put("/schema", True), "wrong-type", "/schema", '"schema"', "It takes 1."),
    "size is a half": Fault(put(f"{FILE}/size", 0.5), "wrong-type", f"{FILE}/size", '"size"', "a whole number"),
    "weights is null": Fault(put("/weights", None), "wrong-type", "/weights", '"weights": null', "It takes an object"),
    "files is an object": Fault(put("/weights/files", {}), "wrong-type", "/weights/files", '"files"', "an array"),
    "a file is a text": Fault(put(FILE, "x"), "wrong-type", FILE, '"x"', "It takes an object"),
    "licence is a list": Fault(
        put("/terms/code", ["MIT"]), "wrong-type", "/terms/code", '"code": [', "a string or null"
    ),
    "width is a text": Fault(
        put("/code/config/width", "64"),
        "wrong-type",
        "/code/config/width",
        '"width"',
        "a whole number, at least 1, at most 512",
    ),
    "enum member of another type": Fault(
        put("/use/options/properties/style/enum/1", 3),
        "wrong-type",
        "/use/options/properties/style/enum/1",
        '\n"plain",\n3',
        "It takes a string.",
    ),
    "unknown schema": Fault(put("/schema", 2), "not-allowed", "/schema", '"schema"', "It takes 1."),
    "unknown family": Fault(
        put("/family", "GANs"), "not-allowed", "/family", '"family"', "Did you mean gan? It takes one"
    ),
    "unknown task": Fault(
        put("/task", "text-generaton"), "not-allowed", "/task", '"task"', "Did you mean text-generation?"
    ),
    "unknown source": Fault(
        put("/weights/source", "hubb"),
        "not-allowed",
        "/weights/source",
        '"source"',
        "Did you mean hub? It takes one of",
    ),
    "pickle": Fault(
        put(f"{FILE}/format", "pickle"), "not-allowed", f"{FILE}/format", '"format"', '"safetensors", "json", "text"'
    ),
    "unknown dtype": Fault(
        put(f"{FILE}/dtype", "floot16"), "not-allowed", f"{FILE}/dtype", '"dtype"', "Did you mean float16?"
    ),
    "unknown capability": Fault(
        put("/capabilities/1", "generte"), "not-allowed", "/capabilities/1", '"generte"', "Did you mean generate?"
    ),
    "two channels": Fault(
        put("/use/output/shape/0", 2), "not-allowed", "/use/output/shape/0", "\n[\n2,", "one of 1, 3."
    ),
    "unknown direction": Fault(
        put("/scores/0/direction", "down"), "not-allowed", "/scores/0/direction", '"direction"', '"lower", "higher"'
    ),
    "unknown option type": Fault(
        put(f"{OPTION}/type", "double"), "not-allowed", f"{OPTION}/type", '"double"', '"number", "integer", "string"'
    ),
    "options of an array": Fault(
        put("/use/options/type", "array"), "not-allowed", "/use/options/type", '"type": "array"', 'It takes "object".'
    ),
    "id in capitals": Fault(
        put("/id", "Tiny"), "bad-form", "/id", '"id"', "lower-case letters, digits and single dashes"
    ),
    "id with a line feed": Fault(put("/id", "tiny\n"), "bad-form", "/id", '"id"', 'such as "dcgan-fashion"'),
    "hash too short": Fault(put(f"{FILE}/sha256", "a" * 63), "bad-form", f"{FILE}/sha256", "a" * 63, HEX),
    "hash in capitals": Fault(put(f"{FILE}/sha256", "A" * 64), "bad-form", f"{FILE}/sha256", "A" * 64, HEX),
    "licence in prose": Fault(
        put("/terms/code", "Apache 2.0"), "bad-form", "/terms/code", "Apache 2.0", "Did you mean Apache-2.0?"
    ),
    "arxiv with a prefix": Fault(
        put("/citation/0/arxiv", "arXiv:1511.06434"), "bad-form", "/citation/0/arxiv", "arXiv:", 'such as "1511.06434"'
    ),
    "arxiv in month 13": Fault(
        put("/citation/0/arxiv", "1513.06434"), "bad-form", "/citation/0/arxiv", "1513.", "arXiv id alone"
    ),
    "doi as url": Fault(
        put("/citation/0/doi", "https://doi.org/10.1/x"), "bad-form", "/citation/0/doi", "doi.org", "DOI alone"
    ),
    "summary of two lines": Fault(put("/summary", "a\nb"), "bad-form", "/summary", '"summary"', "One line"),
    "empty summary": Fault(put("/summary", ""), "bad-form", "/summary", '"summary"', "One line"),
    "option with a dash": Fault(
        rename("/use/options/properties/style", "my-style"),
        "bad-form",
        "/use/options/properties/my-style",
        '"my-style"',
        "lower-case letters, digits and underscores",
    ),
    "path with NUL": Fault(put(f"{FILE}/path", "a\0b"), "bad-form", f"{FILE}/path", '"path"', "forward slashes"),
    "check of no step": Fault(put("/origin/checks", {"x": "0" * 64}), "bad-form", "/origin/checks/x", '"x"', "by step"),
    "metric with a blank": Fault(
        put("/scores/0/metric", "fid 10k"), "bad-form", "/scores/0/metric", "fid 10k", "extractor, sample count"
    ),
    "api zero": Fault(put("/code/api", 0), "out-of-range", "/code/api", '"api"', "at least 1"),
    "negative size": Fault(put(f"{FILE}/size", -1), "out-of-range", f"{FILE}/size", '"size"', "at least 0"),
    "no seconds": Fault(put("/budget/seconds", 0), "out-of-range", "/budget/seconds", '"seconds": 0', "above 0"),
    "width of a million": Fault(
        put("/code/config/width", 10**6), "out-of-range", "/code/config/width", '"width"', "at most 512"
    ),
    "no capability": Fault(
        put("/capabilities", []), "too-short", "/capabilities", '"capabilities"', 'such as ["generate"]'
    ),
    "flat image": Fault(put("/use/output/shape", [1, 28]), "too-short", "/use/output/shape", '"shape"', "at least 3"),
    "image in five dimensions": Fault(
        put("/use/output/shape", [1, 28, 28, 1, 1]), "too-long", "/use/output/shape", '"shape"', "at most 3 entries"
    ),
    "endless summary": Fault(put("/summary", "a" * 301), "too-long", "/summary", '"summary"', "at most 300 characters"),
    "id of another file": Fault(put("/id", "huge"), "wrong-name", "/id", '"id"', 'It takes "tiny"'),
    "option seed": Fault(
        rename("/use/options/properties/style", "seed"),
        "option-collides",
        "/use/options/properties/seed",
        '"seed": {',
        "such as model_seed",
    ),
    "default too high": Fault(
        put(f"{OPTION}/default", 11), "bad-default", f"{OPTION}/default", '"default"', "at most 10"
    ),
    "default of another type": Fault(
        put(f"{OPTION}/default", "2"), "bad-default", f"{OPTION}/default", '"default"', "a number, above 0"
    ),
    "default not in enum": Fault(
        put("/use/options/properties/style/default", "thin"),
        "bad-default",
        "/use/options/properties/style/default",
        '"default": "thin"',
        '"plain", "bold"',
    ),
    "bounds swapped": Fault(
        put(f"{OPTION}/exclusiveMinimum", 11),
        "empty-range",
        f"{OPTION}/exclusiveMinimum",
        '"exclusiveMinimum"',
        "below 10",
    ),
    "range swapped": Fault(put("/use/output/range", [1, -1]), "empty-range", "/use/output/range", '"range"', "[-1, 1]"),
    "interval swapped": Fault(
        put("/scores/0/interval", [4, 2]), "empty-range", "/scores/0/interval", '"interval"', "low end, then"
    ),
    "capability twice": Fault(
        put("/capabilities/1", "generate"),
        "duplicate-entry",
        "/capabilities/1",
        '\n"generate",\n"generate"',
        "Remove one",
    ),
    "option value twice": Fault(
        put("/use/options/properties/style/enum/1", "plain"),
        "duplicate-entry",
        "/use/options/properties/style/enum/1",
        '\n"plain",\n"plain"',
        "Remove one",
    ),
    "path out of the folder": Fault(
        put(f"{FILE}/path", "../tiny.safetensors"),
        "path-escapes",
        f"{FILE}/path",
        '"path"',
        "weights/model.safetensors",
    ),
    "absolute path": Fault(
        put(f"{FILE}/path", "/etc/passwd"), "path-escapes", f"{FILE}/path", '"path"', "a relative path"
    ),
    "recipe out of the folder": Fault(
        put("/origin/recipe", "a//b"), "path-escapes", "/origin/recipe", '"recipe"', "a relative path"
    ),
    "weights not there": Fault(
        put(f"{FILE}/path", "weights/no"), "missing-file", f"{FILE}/path", '"path"', "above models/"
    ),
    "recipe not there": Fault(
        put("/origin/recipe", "recipes/no"), "missing-file", "/origin/recipe", '"recipe"', "above"
    ),
    "golden output not there": Fault(
        put("/golden/0/output", "golden/no"), "missing-file", "/golden/0/output", '"golden/no"', "Put the file there"
    ),
    "another size": Fault(put(f"{FILE}/size", 3), "wrong-size", f"{FILE}/size", '"size"', f"It takes {len(BYTES)},"),
    "another hash": Fault(put(f"{FILE}/sha256", "0" * 64), "wrong-hash", f"{FILE}/sha256", '"sha256"', SHA256),
    "another golden hash": Fault(put("/golden/0/sha256", "f" * 64), "wrong-hash", "/golden/0/sha256", "f" * 64, SHA256),
    "unknown architecture": Fault(
        put("/code/architecture", "toy-nett"),
        "unknown-architecture",
        "/code/architecture",
        '"architecture"',
        "Did you mean toy-net?",
    ),
}
PLUGIN_FAULTS = {
    "no name": Fault(drop("/name"), "missing-field", "/name", "{", 'such as "gan"'),
    "kind misspelt": Fault(
        rename("/components/losses", "loses"), "unknown-field", "/components/loses", '"loses"', "Did you mean losses?"
    ),
    "target without a colon": Fault(
        put("/components/losses/hinge", "toy.Hinge"),
        "bad-form",
        "/components/losses/hinge",
        '"hinge"',
        "module:attribute",
    ),
    "component in capitals": Fault(
        rename("/components/losses/hinge", "Hinge"), "bad-form", "/components/losses/Hinge", '"Hinge"', ""
    ),
    "command without a target": Fault(
        drop("/commands/play/target"), "missing-field", "/commands/play/target", '"play"', "aigc_gan.train:command"
    ),
    "command with a blank": Fault(
        rename("/commands/play", "play it"), "bad-form", "/commands/play it", '"play it"', "lower-case letters"
    ),
    "api is true": Fault(put("/api", True), "wrong-type", "/api", '"api"', "a whole number"),
    "unknown hook": Fault(
        put("/hooks/0", "zoo_evnt"), "unknown-hook", "/hooks/0", '"zoo_evnt"', "Did you mean zoo_event?"
    ),
    "hook twice": Fault(
        put("/hooks", ["zoo_event", "zoo_event"]),
        "duplicate-entry",
        "/hooks/1",
        '\n"zoo_event",\n"zoo_event"',
        "Remove one",
    ),
    "unknown claim": Fault(
        rename("/claims/model_type", "model_typ"),
        "unknown-field",
        "/claims/model_typ",
        '"model_typ"',
        "mean model_type?",
    ),
    "hooks is a text": Fault(put("/hooks", "zoo_event"), "wrong-type", "/hooks", '"hooks"', "an array"),
}


def judge(problems: list[Problem]) -> list[Problem]:
    """Check what holds for every problem."""
    for problem in problems:
        assert problem.code in CODES
        assert problem.line >= 1
        assert problem.message.endswith(".")
        assert not problem.hint or problem.hint.endswith((".", "?"))
        words = r"\b(dict|str|int|float|bool|NoneType|None|True|False|tuple|builtin_function)\b"
        assert not re.search(words, re.sub(r'"[^"]*"', "", f"{problem.message} {problem.hint}"))
        json.dumps(problem, ensure_ascii=False).encode("utf-8")
    return problems


def check_fault(fault: Fault, good: dict[str, Any], path: Path, validate: Callable[[str], list[Problem]]) -> None:
    document = copy.deepcopy(good)
    fault.change(document)
    text = Zoo.write(path, document)
    (problem,) = judge(validate(str(path)))
    found = re.search(r"\s*".join(re.escape(part.strip()) for part in fault.line.split("\n")), text)
    assert found
    line = text[: found.end() if fault.line.startswith("\n") else found.start()].count("\n") + 1
    assert problem[:3] == (fault.code, fault.pointer, line), problem
    assert fault.hint in problem.hint


def test_good_manifests_have_no_problem(zoo: Zoo) -> None:
    assert validate_model(str(zoo.model)) == []
    assert validate_plugin(str(zoo.plugin)) == []


@pytest.mark.parametrize("path", sorted((SHIPPED / "models").glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_models_have_no_problem(path: Path) -> None:
    assert validate_model(str(path)) == []


def test_the_shipped_plugin_has_no_problem() -> None:
    assert validate_plugin(str(SHIPPED / "plugin.json")) == []


@pytest.mark.parametrize("name", MODEL_FAULTS)
def test_each_fault_of_a_model_is_one_problem(name: str, zoo: Zoo) -> None:
    check_fault(MODEL_FAULTS[name], MODEL, zoo.model, validate_model)


@pytest.mark.parametrize("name", PLUGIN_FAULTS)
def test_each_fault_of_a_plugin_is_one_problem(name: str, zoo: Zoo) -> None:
    check_fault(PLUGIN_FAULTS[name], PLUGIN, zoo.plugin, validate_plugin)


TEXT = json.dumps(MODEL, indent=2)
WHOLE_FILES = {
    "empty": (b"", "json-syntax", "", 1, "comma"),
    "byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), "json-syntax", "", 1, "byte order mark"),
    "comma after the last": (b'{\n"id": "a",\n}', "json-syntax", "", None, "comma"),
    "no comma": (b'{\n"id": "a"\n"family": 1}', "json-syntax", "", 3, "comma"),
    "latin-1": ('{\n"id": "\xe9"}'.encode("latin-1"), "not-utf8", "", 2, "UTF-8"),
    "an array": (b"\n[1]", "not-an-object", "", 2, "an object"),
    "null": (b"null", "not-an-object", "", 1, "an object"),
    "2 MB": (b'{"id": "' + b"a" * 2_000_000 + b'"}', "too-large", "", 1, "files of their own"),
    "arrays in arrays": (b'{"id":\n' + b"[" * 70 + b"]" * 70 + b"}", "too-deep", "", 2, "10 levels"),
    "a nesting bomb": (b"[\n" * 300_000, "too-deep", "", 65, "10 levels"),
    "NaN": (TEXT.replace('"gate": 4', '"gate": NaN').encode(), "not-portable", "/scores/0/gate", '"gate"', "finite"),
    "Infinity": (
        TEXT.replace('"atol": 0.001', '"atol": -Infinity').encode(),
        "not-portable",
        "/golden/0/atol",
        '"atol"',
        "finite",
    ),
    "1e999": (
        TEXT.replace('"value": 3', '"value": 1e999').encode(),
        "not-portable",
        "/scores/0/value",
        '"value"',
        "finite",
    ),
    "5,000 digits": (
        TEXT.replace('"seed": 0', f'"seed": {"9" * 5000}').encode(),
        "not-portable",
        "/origin/seed",
        '"seed"',
        "finite",
    ),
    "half a surrogate pair": (
        TEXT.replace("A tiny model", "A \\ud800").encode(),
        "not-portable",
        "/summary",
        '"summary"',
        "pair",
    ),
    "a key twice": (
        TEXT.replace('"id": "tiny"', '"id": "x",\n  "\\u0069d": "tiny"').encode(),
        "duplicate-key",
        "/id",
        "\\u0069d",
        "Remove",
    ),
    "a key twice inside": (
        TEXT.replace('"api": 1', '"api": 1, "api": 2').encode(),
        "duplicate-key",
        "/code/api",
        '"api"',
        "Remove",
    ),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_what_is_no_json_for_every_program(name: str, zoo: Zoo) -> None:
    data, code, pointer, line, hint = WHOLE_FILES[name]
    zoo.model.write_bytes(data)
    (problem,) = judge(validate_model(str(zoo.model)))
    if isinstance(line, str):
        line = TEXT[: TEXT.index('"id"' if line == "\\u0069d" else line)].count("\n") + 1 + (line == "\\u0069d")
    assert problem[:3] == (code, pointer, line or problem.line)
    assert hint in problem.hint
    assert line is not None or problem.line in (2, 3)  # before Python 3.13, the parser sees it a line later
    judge(validate_plugin(str(zoo.model)))
    shown(PluginManifest.read, str(zoo.model))
    if code != "duplicate-key":
        assert shown(ModelManifest.read, str(zoo.model)) == ""


@pytest.mark.parametrize("name", ["no.json", ""])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    (problem,) = judge(validate_plugin(str(tmp_path / name)))
    assert problem[:3] == ("unreadable", "", 1)


def test_a_link_out_of_the_folder_escapes(zoo: Zoo, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_bytes(BYTES)
    link = zoo.folder / "weights" / "tiny.safetensors"
    link.unlink()
    link.symlink_to(outside)
    (problem,) = judge(validate_model(str(zoo.model)))
    assert problem[:2] == ("path-escapes", f"{FILE}/path")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_plain_file_counts_as_missing(kind: str, zoo: Zoo) -> None:
    path = zoo.folder / "weights" / "odd"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    (problem,) = judge(zoo.problems(put(f"{FILE}/path", "weights/odd")))
    assert problem[:2] == ("missing-file", f"{FILE}/path")


@pytest.mark.parametrize(
    "schema",
    ["[]", "{", '{"type": "strange"}', '{"$ref": "#"}', '{"$ref": "https://example.org/x"}', '{"$ref": "#/$defs/no"}',
     '{"properties": {"width": {"$ref": "#/properties/width"}}}', '{"patternProperties": {"(": {}}}'],
)  # fmt: skip
def test_an_unusable_schema_of_a_plugin_is_one_problem(schema: str, zoo: Zoo) -> None:
    (zoo.folder / "architectures" / "toy-net.schema.json").write_text(schema)
    (problem,) = judge(validate_model(str(zoo.model)))
    assert problem[:2] == ("unusable-schema", "/code/architecture")
    assert "JSON Schema 2020-12" in problem.hint


def test_a_config_may_have_patterns_for_names(zoo: Zoo) -> None:
    schema = {"patternProperties": {"^w": {}}, "properties": {"latent_dim": {}}, "additionalProperties": False}
    zoo.write(zoo.folder / "architectures" / "toy-net.schema.json", schema)
    assert validate_model(str(zoo.model)) == []
    (problem,) = judge(zoo.problems(put("/code/config/height", 1)))
    assert problem[:2] == ("unknown-field", "/code/config/height")


def test_a_model_of_another_plugin_is_not_judged_by_this_one(zoo: Zoo) -> None:
    def change(model: dict[str, Any]) -> None:
        model["code"] |= {"plugin": "other", "architecture": "else", "config": {"any": 1}}

    assert zoo.problems(change) == []
    zoo.plugin.write_text("{")
    assert zoo.problems(change) == []


def hub(model: dict[str, Any]) -> None:
    files = [{"path": "model.safetensors", "format": "safetensors"}, {"path": "vocab.json", "format": "json"}]
    model["weights"] = {"source": "hub", "repo_id": "openai-community/gpt2", "files": files}
    del model["golden"], model["origin"]


def test_an_unpinned_hub_model_may_be_listed(zoo: Zoo) -> None:
    assert zoo.problems(hub) == []
    assert ModelManifest.read(str(zoo.model)).files[0].size < 0


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        (drop("/weights/repo_id"), "missing-field", "/weights/repo_id"),
        (put("/weights/repo_id", "gpt2"), "bad-form", "/weights/repo_id"),
        (put("/weights/revision", "main"), "bad-form", "/weights/revision"),
        (put("/weights/revision", "A" * 40), "bad-form", "/weights/revision"),
        (put("/weights/files", []), "too-short", "/weights/files"),
        (put("/weights/files/0/path", "../x"), "path-escapes", "/weights/files/0/path"),
        (put("/weights/files/1/path", "model.safetensors"), "duplicate-entry", "/weights/files/1/path"),
    ],
)
def test_each_fault_of_a_hub_model_is_one_problem(change: Any, code: str, pointer: str, zoo: Zoo) -> None:
    (problem,) = judge(zoo.problems(lambda model: (hub(model), change(model))))
    assert problem[:2] == (code, pointer)


def test_ten_faults_are_ten_problems_in_the_order_of_lines(zoo: Zoo) -> None:
    names = ["field misspelt", "unknown family", "api is true", "width of a million", "hash too short", "option seed",
             "default too high", "range swapped", "licence in prose", "recipe not there"]  # fmt: skip

    problems = judge(zoo.problems(lambda model: [MODEL_FAULTS[name].change(model) for name in names]))
    assert len(problems) == 10
    assert {problem[:2] for problem in problems} == {(MODEL_FAULTS[n].code, MODEL_FAULTS[n].pointer) for n in names}
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_faults_of_syntax_and_sense_are_reported_together(zoo: Zoo) -> None:
    text = TEXT.replace('"api": 1', '"api": 1, "api": 0').replace('"gate": 4', '"gate": NaN').replace('"gan"', '"gam"')
    zoo.model.write_text(text)
    assert {problem.code for problem in judge(validate_model(str(zoo.model)))} == {
        "duplicate-key", "not-portable", "not-allowed"}  # fmt: skip


def test_a_hostile_file_has_a_bounded_report(zoo: Zoo) -> None:
    texts = [
        json.dumps({"x" * 400_000: 1, "code": {"y" * 300_000: 1}, "use": {f"k{n}": n for n in range(15_000)}}),
        json.dumps({"use": {"options": {"properties": {"Z" * 400_000: {f"k{n}": n for n in range(15_000)}}}}}),
        json.dumps({f"key-{n}": n for n in range(50_000)}),
        json.dumps({"capabilities": [[n] for n in range(100_000)]}),
        json.dumps({"capabilities": ["generate"] * 80_000}),
        json.dumps({"golden": [{}] * 200_000}),
        '{"id": {"' + "k" * 400_000 + '": {' + '"a": 1,' * 80_000 + '"a": 1}}}',
    ]
    for text in texts:
        assert len(text) < 1_000_000
        zoo.model.write_text(text)
        problems = validate_model(str(zoo.model))
        assert problems
        assert sum(len("".join(map(str, problem))) for problem in problems) < 2_000_000


# --- No content is an error ---

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    10**30,
    -(10**307),
    1e308,
    "",
    "x",
    "é\n",
    "\ud800",
    "/",
    "../..",
    "a/b",
    "~",
    "\0",
    "0" * 64,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": None},
    {"type": "number"},
    {"type": ["number"]},
    {"type": {}, "enum": {}},
    {"type": "string", "minimum": 1, "default": "a"},
    {"$ref": "#"},
    {"path": 1},
    {"path": "weights/tiny.safetensors"},
    "hub",
    "bundled",
    "image",
    "text",
    "gan",
    "zoo_event",
    "toy.net:Net",
    list(range(50)),
    {str(n): n for n in range(50)},
]
RAW = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"9" * 5000,
    b'"\\ud800"',
    b"\xff",
    b"\xef\xbb\xbf",
    b"\0",
    b"[" * 2000,
    b'{"a":' * 300,
    b"}",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"//",
    b"'",
    b"\r",
    b"\xe2\x80\xa8",
    b'"a":1,"a":2,',
    b"01",
    b"tru",
    b"",
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    found = []
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


def mutated(good: dict[str, Any], chance: random.Random) -> bytes:
    """Return a spoilt document: by one to four odd values, by raw bytes, or by both."""
    document = copy.deepcopy(good)
    for _ in range(chance.randint(0, 4)):
        container, key = chance.choice(places(document))
        action = chance.random()
        if action < 0.6:
            container[key] = copy.deepcopy(chance.choice(ODD))
        elif action < 0.8 and isinstance(container, dict):
            container[chance.choice(["", "x", "a/b~", "\udfff", "seed", f"{key}s"])] = container.pop(key)
        else:
            del container[key]
        if not document:
            break
    data = json.dumps(document, indent=chance.choice([None, 1])).encode()
    for _ in range(chance.choice([0, 0, 1, 3])):
        start = chance.randrange(len(data) + 1)
        data = data[:start] + chance.choice(RAW) + data[start + chance.choice([0, 0, 1, 5, 100]) :]
    return data


def shown(read: Callable[[str], Any], path: str) -> str:
    """Read a manifest as listings do, and print it; return an empty text where it is refused."""
    try:
        return json.dumps(read(path).document, indent=2, ensure_ascii=False, allow_nan=False).encode().decode()
    except Malformed as error:
        assert f"{error}".encode()  # noqa: PT017 (it can be printed)
        return ""


def fuzz(zoo: Zoo, count: int, seed: int) -> None:
    chance = random.Random(seed)
    of_models, of_plugins = (validate_model, ModelManifest.read), (validate_plugin, PluginManifest.read)
    for number in range(count):
        is_plugin = number % 4 == 0
        path, good = (zoo.plugin, PLUGIN) if is_plugin else (zoo.model, MODEL)
        path.write_bytes(mutated(good, chance))
        validate, read = of_plugins if is_plugin else of_models
        problems = judge(validate(str(path)))
        assert shown(read, str(path)) or problems, path.read_bytes()
        if number % 5 == 0:  # mistaken for the other kind
            validate, read = of_models if is_plugin else of_plugins
            judge(validate(str(path)))
            shown(read, str(path))
        if is_plugin:
            zoo.write(zoo.plugin, PLUGIN)


def test_500_spoilt_files_are_no_error(zoo: Zoo) -> None:
    fuzz(zoo, 500, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_10000_spoilt_files_are_no_error(zoo: Zoo, seed: int) -> None:
    fuzz(zoo, 2500, seed)


# --- The table, the schemas, the command ---


def test_every_code_of_the_table_is_made_by_a_test() -> None:
    expected = {fault.code for fault in [*MODEL_FAULTS.values(), *PLUGIN_FAULTS.values()]}
    expected |= {code for _, code, _, _, _ in WHOLE_FILES.values()} | {"unreadable", "unusable-schema"}
    assert expected == set(CODES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) and text.endswith(".") for code, text in CODES.items())


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_every_schema_is_valid_and_describes_every_field(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)

    def check(part: Any, where: str) -> None:
        assert part.get("description", "").endswith((".", "-")), where
        for example in part.get("examples", []):
            resolved = {"$defs": schema.get("$defs", {}), **part}
            assert jsonschema.Draft202012Validator(resolved).is_valid(example), (where, example)
        for name, entry in part.get("properties", {}).items():
            check(entry, f"{where}/{name}")
        for keyword in ("items", "additionalProperties"):
            if isinstance(part.get(keyword), dict) and "$ref" not in part[keyword]:
                check(part[keyword], f"{where}/{keyword}")

    check(schema, "")
    for name, part in schema.get("$defs", {}).items():
        check(part, name)


def test_the_command_prints_json_and_exits_with_1_where_there_is_a_problem(zoo: Zoo) -> None:
    def call() -> tuple[int, list[dict[str, Any]]]:
        command = [sys.executable, "-m", "aigc_core.manifest", str(zoo.plugin), str(zoo.model)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    assert call() == (0, [])
    zoo.write(zoo.plugin, PLUGIN | {"api": 0})
    zoo.write(zoo.model, MODEL | {"family": "é"})
    code, problems = call()
    assert code == 1
    assert [(problem["path"], problem["code"]) for problem in problems] == [
        (str(zoo.plugin), "out-of-range"), (str(zoo.model), "not-allowed")]  # fmt: skip
    document = {"schema": "aigc-zoo/doctor/1", "checks": [], "problems": problems}
    schema = json.loads((SCHEMAS / "doctor.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("words", [("list",), ("plugins",), ("show", "dcgan-fashion"), ("doctor",)], ids=lambda w: w[0])
def test_the_output_of_the_command_line_obeys_its_schema(words: tuple[str, ...], tmp_path: Path) -> None:
    code = "import sys; from aigc_core.cli import main; main(sys.argv[1:])"
    environment = {"AIGC_ZOO_HOME": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", code, *words, "--json"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=environment)
    schema = json.loads((SCHEMAS / f"{words[0]}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(done.stdout))


def test_the_schemas_know_every_state() -> None:
    from aigc_core.discovery import STATES

    def states(kind: str, *path: str) -> set[str]:
        part = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
        for key in path:
            part = part[key]
        return set(part["enum"])

    of_a_model = {"ready", "no plugin", "not fetched"} | (STATES.keys() - {"registered"})
    assert states("plugins", "properties", "plugins", "items", "properties", "state") == set(STATES)
    assert states("list", "properties", "models", "items", "properties", "state") == of_a_model
    assert states("show", "properties", "state") == of_a_model


def test_a_hub_model_is_listed_as_not_fetched_and_refused_in_one_sentence(tmp_path: Path) -> None:
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    source = json.loads((ROOT / "plugins/aigc-gan/src/aigc_gan/zoo/models/dcgan-digits.json").read_text())
    source |= {"id": "far-away", "weights": {"source": "hub", "repo_id": "nobody/nothing", "files": []}}
    (models / "far-away.json").write_text(json.dumps(source))
    code = "import sys; from aigc_core.cli import main; main(sys.argv[1:])"
    environment = {"AIGC_ZOO_HOME": str(tmp_path), "PATH": ""}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    listed = json.loads(call("list", "--json").stdout)
    schema = json.loads((SCHEMAS / "list.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(listed)
    assert {row["id"]: row["state"] for row in listed["models"]}["far-away"] == "not fetched"
    refused = call("run", "far-away")
    assert refused.returncode == 3
    assert "its weights are on the Hugging Face Hub" in refused.stderr


def test_the_package_imports_no_library() -> None:
    code = (
        "import sys, aigc_core.manifest, aigc_core.manifest.validate\n"
        "print(sorted({'jsonschema', 'referencing', 'pluggy', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
