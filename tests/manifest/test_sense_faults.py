"""Values that do not go together: each is one problem, with its place and a hint."""

from __future__ import annotations

import pytest

OPTION = "/use/options/properties/truncation"
FAULTS = {
    "id of another file": (("put", "/id", "huge"), "wrong-name", "/id", '"id"', 'It takes "tiny"'),
    "option seed": (
        ("rename", "/use/options/properties/style", "seed"),
        "option-collides",
        "/use/options/properties/seed",
        '"seed": {',
        "such as model_seed",
    ),
    "default too high": (
        ("put", f"{OPTION}/default", 11),
        "bad-default",
        f"{OPTION}/default",
        '"default"',
        "at most 10",
    ),
    "default of another type": (
        ("put", f"{OPTION}/default", "2"),
        "bad-default",
        f"{OPTION}/default",
        '"default"',
        "a number, above 0",
    ),
    "default not in enum": (
        ("put", "/use/options/properties/style/default", "thin"),
        "bad-default",
        "/use/options/properties/style/default",
        '"default": "thin"',
        '"plain", "bold"',
    ),
    "bounds swapped": (
        ("put", f"{OPTION}/exclusiveMinimum", 11),
        "empty-range",
        f"{OPTION}/exclusiveMinimum",
        '"exclusiveMinimum"',
        "below 10",
    ),
    "range swapped": (("put", "/use/output/range", [1, -1]), "empty-range", "/use/output/range", '"range"', "[-1, 1]"),
    "range of what goes in swapped": (
        ("put", "/use/input/range", [1, 0]),
        "empty-range",
        "/use/input/range",
        '"range": [\n1,\n0',
        "[-1, 1]",
    ),
    "images go in, and nobody knows which": (
        ("drop", "/use/input"),
        "missing-field",
        "/use/input",
        '"use"',
        'Add "input", such as {"kind": "image"',
    ),
    "no size of its own": (
        ("put", "/use/output/shape", [1, None, None]),
        "shapes-disagree",
        "/use/output/shape",
        '"shape": [\n1,\nnull',
        "It takes numbers",
    ),
    "one side follows the image's": (
        ("put", "/use/input/shape", [1, None, 28]),
        "shapes-disagree",
        "/use/input/shape",
        '"shape": [\n1,\nnull',
        "two numbers, or null twice",
    ),
    "other channels": (
        ("put", "/use/input/shape", [3, 28, 28]),
        "shapes-disagree",
        "/use/input/shape",
        '"shape": [\n3',
        "It takes [1, 28, 28]",
    ),
    "other channels of any size": (
        ("put", "/use/input/shape", [3, None, None]),
        "shapes-disagree",
        "/use/input/shape",
        '"shape": [\n3',
        "It takes [1, 28, 28]",
    ),
    "other sizes": (
        ("put", "/use/input/shape", [1, 28, 32]),
        "shapes-disagree",
        "/use/input/shape",
        '"shape": [\n1,\n28,\n32',
        "It takes [1, 28, 28]",
    ),
    "interval swapped": (
        ("put", "/scores/0/interval", [4, 2]),
        "empty-range",
        "/scores/0/interval",
        '"interval"',
        "low end, then",
    ),
    "capability twice": (
        ("put", "/capabilities/1", "generate"),
        "duplicate-entry",
        "/capabilities/1",
        '\n"generate",\n"generate"',
        "Remove one",
    ),
    "option value twice": (
        ("put", "/use/options/properties/style/enum/1", "plain"),
        "duplicate-entry",
        "/use/options/properties/style/enum/1",
        '\n"plain",\n"plain"',
        "Remove one",
    ),
    "unknown architecture": (
        ("put", "/code/architecture", "toy-nett"),
        "unknown-architecture",
        "/code/architecture",
        '"architecture"',
        "Did you mean toy-net?",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name])
