"""Failures that are accepted for a while, and no longer."""

import datetime
import json

import pytest

from aigc_core.errors import WrongUse
from aigc_core.findings import Finding
from aigc_core.judge.quarantine import Entry, applied, read, unused

TODAY = datetime.date(2026, 3, 1)
ENTRY = {"model": "m", "check": "golden/0", "reason": "issue 7", "until": "2026-04-01"}


def written(tmp_path, document):
    path = tmp_path / "quarantine.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_one_that_is_right(tmp_path):
    assert read(written(tmp_path, [ENTRY]), TODAY) == [Entry("m", "golden/0", "issue 7", datetime.date(2026, 4, 1))]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "no JSON"),
        ({}, "no JSON list"),
        ([1], "Entry 0"),
        ([ENTRY, {**ENTRY, "more": "x"}], "Entry 1"),
        ([{**ENTRY, "model": 3}], "takes the texts"),
        ([{**ENTRY, "reason": "  "}], "no reason"),
        ([{**ENTRY, "until": "soon"}], "no day"),
        ([{**ENTRY, "until": "2026-05-31"}], "more than 90 days"),
        ([{**ENTRY, "check": "sandbox/time"}], "never accepted"),
        ([{**ENTRY, "check": "sandbox/refused"}], "never accepted"),
        ([{**ENTRY, "check": "judge"}], "never accepted"),
    ],
)
def test_one_that_is_wrong(tmp_path, document, text):
    with pytest.raises(WrongUse, match=text):
        read(written(tmp_path, document), TODAY)


@pytest.mark.parametrize(
    ("status", "until", "after", "text"),
    [
        ("failed", 0, "expected", "It broke. In quarantine until 2026-03-01: issue 7"),
        ("failed", 31, "expected", "In quarantine until"),
        ("failed", -1, "failed", "Its quarantine ended on 2026-02-28"),
        ("passed", 31, "failed", "and passes"),
        ("skipped", 31, "skipped", "It broke."),
    ],
)
def test_applied(status, until, after, text):
    entries = [Entry("m", "golden/0", "issue 7", TODAY + datetime.timedelta(days=until))]
    (found,) = applied([Finding("golden/0", "m", status, "It broke.")], "m", entries, TODAY)
    assert (found.status, text in found.text) == (after, True)


def test_it_is_of_one_model_and_one_check():
    entries = [Entry("m", "golden/0", "issue 7", TODAY)]
    findings = [Finding("golden/1", "m", "failed"), Finding("golden/0", "n", "failed")]
    assert applied(findings[:1], "m", entries, TODAY) == findings[:1]
    assert applied(findings[1:], "n", entries, TODAY) == findings[1:]
    assert unused(entries, ["n"]) == ["The quarantine names m (golden/0), which no model is called."]
