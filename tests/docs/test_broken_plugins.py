"""The seven ways in which a plugin can be broken: each row of the page's table is produced, and compared."""

from __future__ import annotations

import json
import re

import pytest

BREAKAGES = ["malformed", "nofolder", "future", "twice", "importer", "syntax", "leaver"]


@pytest.fixture
def broken(terminal):
    def make(distribution, name, code="", document=None, folder=True):
        package = distribution.replace("-", "_")
        terminal.add(distribution, "1.0", f"[aigc_zoo]\n{name} = {package}\n")
        (terminal.site / package).mkdir()
        (terminal.site / package / "__init__.py").write_text(code)
        if folder:
            (terminal.site / package / "zoo").mkdir()
            text = document or json.dumps({"name": name, "api": 1, "summary": "x"})
            (terminal.site / package / "zoo" / "plugin.json").write_text(text)

    make("aigc-malformed", "malformed", document='{"name": "malformed" "api": 1}')
    make("aigc-nofolder", "nofolder", folder=False)
    make("aigc-future", "future", document='{"name": "future", "api": 9, "summary": "x"}')
    make("aigc-first", "twice")
    make("aigc-second", "twice")
    make("aigc-importer", "importer", code="import nowhere")
    make("aigc-syntax", "syntax", code="def f(:\n")
    make("aigc-leaver", "leaver", code="raise SystemExit(0)")
    return terminal


def rows(page):
    section = (
        page.path.read_text(encoding="utf-8").partition("## What can be wrong with a plugin")[2].partition("\n## ")[0]
    )
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    return [[state, reason.strip("`"), repair.strip("`")] for _, state, reason, repair in found[2:]]


def test_each_row_of_the_table_is_what_the_user_sees(broken, read_page):
    code, printed = broken.run("aigc-zoo doctor --activate")
    assert code == 1, printed
    assert "Traceback" not in printed
    code, listed = broken.run("aigc-zoo plugins --json")
    assert code == 0, listed
    by_name = {plugin["name"]: plugin for plugin in json.loads(listed)["plugins"]}
    told = rows(read_page("docs/plugins.md"))
    assert len(told) == len(BREAKAGES)
    for name, (state, reason, repair) in zip(BREAKAGES, told, strict=True):
        plugin = by_name[name]
        assert plugin["state"] == state
        assert reason in plugin["reason"]
        assert repair == plugin["repair"]


def test_the_others_work_on(broken):
    code, printed = broken.run("aigc-zoo list --plugin gan")
    assert code == 0, printed
    assert len(re.findall(r"^dcgan-\w+ .* ready ", printed, re.MULTILINE)) == 2


def test_strict_says_so_in_the_exit_code(broken):
    assert broken.run("aigc-zoo plugins --strict")[0] == 1
