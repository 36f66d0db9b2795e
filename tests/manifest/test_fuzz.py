"""No content is an error: thousands of spoilt manifests and templates are judged and listed without one."""

from __future__ import annotations

import copy
import json
import random

import pytest

from aigc_core.manifest import ModelManifest, PluginManifest
from aigc_core.manifest.validate import validate_model, validate_plugin

ODD = [
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
    {"path": "model.bin", "format": "pickle"},
    {"model_type": {"toy": "toy"}},
    "/weights/files/0",
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


def places(value):
    """Return every (container, key) of a document."""
    found = []
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


def mutated(good, chance):
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


@pytest.fixture
def fuzz(zoo, judge, shown):
    template = zoo.folder / "claims" / "toy.json"

    def run(count, seed):
        chance = random.Random(seed)
        of_models, of_plugins = (validate_model, ModelManifest.read), (validate_plugin, PluginManifest.read)
        for number in range(count):
            is_plugin = number % 4 == 0
            path, good = (zoo.plugin, zoo.PLUGIN) if is_plugin else (zoo.model, zoo.MODEL)
            path.write_bytes(mutated(good, chance))
            validate, read = of_plugins if is_plugin else of_models
            problems = judge(validate(str(path)))
            assert shown(read, str(path)) or problems, path.read_bytes()
            if number % 5 == 0:  # mistaken for the other kind
                validate, read = of_models if is_plugin else of_plugins
                judge(validate(str(path)))
                shown(read, str(path))
            if is_plugin:
                zoo.spoil("plugin")
                template.write_bytes(mutated(zoo.TEMPLATE, chance))
                assert {problem.code for problem in zoo.validate("plugin")} <= {"unusable-template"}
                zoo.write(template, zoo.TEMPLATE)

    return run


def test_500_spoilt_files_are_no_error(fuzz):
    fuzz(500, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_10000_spoilt_files_are_no_error(fuzz, seed):
    fuzz(2500, seed)
