"""Fields that are missing, misspelt or unknown: each is one problem, with its place and a hint."""

from __future__ import annotations

import pytest

FILE, OPTION = "/weights/files/0", "/use/options/properties/truncation"
HEX = "64 lower-case hexadecimal digits"
FAULTS = {
    "no id": (("drop", "/id"), "missing-field", "/id", "{", 'Add "id".'),
    "no schema": (("drop", "/schema"), "missing-field", "/schema", "{", "It takes 1."),
    "no terms": (("drop", "/terms"), "missing-field", "/terms", "{", "licences"),
    "no plugin": (("drop", "/code/plugin"), "missing-field", "/code/plugin", '"code": {', 'such as "gan"'),
    "no sha256": (("drop", f"{FILE}/sha256"), "missing-field", f"{FILE}/sha256", '    {\n      "path"', HEX),
    "no size": (("drop", f"{FILE}/size"), "missing-field", f"{FILE}/size", '    {\n      "path"', "4663424"),
    "no licence": (
        ("drop", "/terms/data"),
        "missing-field",
        "/terms/data",
        '"terms": {',
        "null where none is declared",
    ),
    "no shape": (("drop", "/use/output/shape"), "missing-field", "/use/output/shape", '"output": {', "[1, 28, 28]"),
    "no range": (("drop", "/use/output/range"), "missing-field", "/use/output/range", '"output": {', "[-1, 1]"),
    "no noise": (("drop", "/golden/0/noise"), "missing-field", "/golden/0/noise", '    {\n      "output"', "golden/"),
    "no title": (("drop", "/citation/0/title"), "missing-field", "/citation/0/title", '    {\n      "arxiv"', "title"),
    "no latent_dim": (
        ("drop", "/code/config/latent_dim"),
        "missing-field",
        "/code/config/latent_dim",
        '"config"',
        "such as 100",
    ),
    "field misspelt": (
        ("rename", "/summary", "sumary"),
        "unknown-field",
        "/sumary",
        '"sumary"',
        "Did you mean summary?",
    ),
    "field misspelt inside": (
        ("rename", f"{FILE}/sha256", "sha"),
        "unknown-field",
        f"{FILE}/sha",
        '"sha"',
        "Did you mean sha256?",
    ),
    "optional field misspelt": (
        ("rename", "/budget", "budgets"),
        "unknown-field",
        "/budgets",
        '"budgets"',
        "Did you mean budget?",
    ),
    "field unknown": (("put", "/zzz~0x", 1), "unknown-field", "/zzz~0x", '"zzz~x"', "The fields here"),
    "field with a slash": (
        ("put", "/code/config", {"latent_dim": 1, "width": 1, "a/b": 1}),
        "unknown-field",
        "/code/config/a~1b",
        '"a/b"',
        "latent_dim, width",
    ),
    "option keyword misspelt": (
        ("rename", f"{OPTION}/maximum", "maximun"),
        "unknown-field",
        f"{OPTION}/maximun",
        '"maximun"',
        "mean maximum?",
    ),
    "bound of a text": (
        ("put", "/use/options/properties/style/minimum", 1),
        "unknown-field",
        "/use/options/properties/style/minimum",
        '"minimum": 1',
        "Leave it out.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name])
