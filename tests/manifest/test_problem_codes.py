"""The table of stable codes is whole: each code is made by a test, and none is made that is not in it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from aigc_core.manifest.problems import CODES

TABLES = sorted(path for path in Path(__file__).parent.glob("test_*.py") if "\nFAULTS = {" in path.read_text())


def test_every_code_of_the_table_is_made_by_a_test():
    made = {fault[1] for path in TABLES for fault in runpy.run_path(str(path))["FAULTS"].values()}
    elsewhere = {"unreadable", "unusable-schema", "unusable-template", "old-layout"}
    assert made | elsewhere == set(CODES)


def test_every_code_has_an_explanation():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) and text.endswith(".") for code, text in CODES.items())
