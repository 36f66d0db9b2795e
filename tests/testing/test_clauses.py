"""The table of clauses: sound, in an order that can be run, documented, and each with a saboteur."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_core.testing import CLAUSES
from aigc_core.testing.clauses import GROUPS
from aigc_core.testing.page import page

ROOT = Path(__file__).resolve().parents[2]
IDS = [clause.id for clause in CLAUSES]


def test_ids_are_letters_of_groups_and_numbers_and_there_once():
    assert len(set(IDS)) == len(IDS)
    assert all(re.fullmatch(f"[{''.join(GROUPS)}][1-9]", each) for each in IDS)
    assert {each[0] for each in IDS} == set(GROUPS)


@pytest.mark.parametrize("clause", CLAUSES, ids=IDS)
def test_a_clause_has_a_check_that_says_its_id_and_builds_on_earlier_ones(clause):
    module, _, function = clause.check.partition(":")
    check = getattr(importlib.import_module(f"aigc_core.testing.checks.{module}"), function)
    assert check.__doc__.startswith(f"{clause.id}: ")
    assert all(IDS.index(other) < IDS.index(clause.id) for other in clause.after)
    assert clause.kind in ("plugin", "component", "model", "recipe")
    assert clause.title.endswith(".")
    assert clause.why.endswith(".")


def test_every_clause_has_a_saboteur_and_no_saboteur_has_lost_its_clause():
    from saboteurs import SABOTEURS

    assert set(SABOTEURS) == set(IDS)


def test_the_page_in_the_docs_is_the_table():
    written = (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8")
    assert written == page(), "python -m aigc_core.testing.page > docs/clauses.md"


def test_every_pytest_on_the_machine_pays_for_nothing_heavy():
    program = (
        "import pytest, sys; before = {*sys.modules}; import aigc_core.testing.plugin; print(*{*sys.modules} - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert all(name.startswith("aigc_core") for name in loaded), loaded
