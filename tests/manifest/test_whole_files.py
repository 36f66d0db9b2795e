"""Files that are no JSON, or not for every program: one problem each, with its line where that can be told."""

from __future__ import annotations

import pytest

from aigc_core.manifest import ModelManifest, PluginManifest
from aigc_core.manifest.validate import validate_plugin

FAULTS = {
    "empty": (b"", "json-syntax", "", 1, "comma"),
    "byte order mark": (("{", "\ufeff{"), "json-syntax", "", 1, "byte order mark"),
    "comma after the last": (b'{\n"id": "a",\n}', "json-syntax", "", None, "comma"),
    "no comma": (b'{\n"id": "a"\n"family": 1}', "json-syntax", "", 3, "comma"),
    "latin-1": ('{\n"id": "\xe9"}'.encode("latin-1"), "not-utf8", "", 2, "UTF-8"),
    "an array": (b"\n[1]", "not-an-object", "", 2, "an object"),
    "null": (b"null", "not-an-object", "", 1, "an object"),
    "2 MB": (b'{"id": "' + b"a" * 2_000_000 + b'"}', "too-large", "", 1, "files of their own"),
    "arrays in arrays": (b'{"id":\n' + b"[" * 70 + b"]" * 70 + b"}", "too-deep", "", 2, "10 levels"),
    "a nesting bomb": (b"[\n" * 300_000, "too-deep", "", 65, "10 levels"),
    "NaN": (('"gate": 4', '"gate": NaN'), "not-portable", "/scores/0/gate", '"gate"', "finite"),
    "Infinity": (('"atol": 0.001', '"atol": -Infinity'), "not-portable", "/golden/0/atol", '"atol"', "finite"),
    "1e999": (('"value": 3', '"value": 1e999'), "not-portable", "/scores/0/value", '"value"', "finite"),
    "5,000 digits": (('"seed": 0', f'"seed": {"9" * 5000}'), "not-portable", "/origin/seed", '"seed"', "finite"),
    "half a surrogate pair": (("A tiny model", "A \\ud800"), "not-portable", "/summary", '"summary"', "pair"),
    "a key twice": (
        ('"id": "tiny"', '"id": "x",\n  "\\u0069d": "tiny"'), "duplicate-key", "/id", "\\u0069d", "Remove"),
    "a key twice inside": (('"api": 1', '"api": 1, "api": 2'), "duplicate-key", "/code/api", '"api"', "Remove"),
}  # fmt: skip
"""What the file holds, or what is replaced in the good one; code, pointer, line (or a text on it), and hint."""


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_json_for_every_program(name, zoo, judge, shown):
    content, code, pointer, line, hint = FAULTS[name]
    text = zoo.model.read_text()
    data = content if isinstance(content, bytes) else text.replace(*content, 1).encode()
    zoo.model.write_bytes(data)
    (problem,) = judge(zoo.validate("model"))
    if isinstance(line, str):
        line = data.decode()[: data.decode().index(line)].count("\n") + 1
    assert problem[:3] == (code, pointer, line or problem.line)
    assert hint in problem.hint
    assert line is not None or problem.line in (2, 3)  # before Python 3.13, the parser sees it a line later
    judge(validate_plugin(str(zoo.model)))
    shown(PluginManifest.read, str(zoo.model))
    if code != "duplicate-key":
        assert shown(ModelManifest.read, str(zoo.model)) == ""


@pytest.mark.parametrize("name", ["no.json", ""])
def test_a_file_that_cannot_be_read(name, tmp_path, judge):
    (problem,) = judge(validate_plugin(str(tmp_path / name)))
    assert problem[:3] == ("unreadable", "", 1)
