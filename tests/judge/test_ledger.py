"""The drift ledger: appended, never changed, and what moved is explained by what changed."""

import datetime
import json
import subprocess
import sys

import pytest

from aigc_core.errors import WrongUse
from aigc_core.findings import Report
from aigc_core.judge import ledger
from aigc_core.judge.result import Row

DAY = datetime.date(2026, 3, 1)
FACTS = {"torch": "2.12.0", "threads": "1"}


def entry(numbers, facts=FACTS):
    return ledger.entry(Row(Report("m", (), {}), (), False, 1.0, numbers=numbers), facts, DAY)


@pytest.mark.parametrize(
    ("now", "facts", "status", "text"),
    [
        ({"core:frechet@n=9": 3.0}, FACTS, None, ""),
        ({"core:frechet@n=9": 3.0 * (1 + 1e-12)}, FACTS, None, ""),
        ({"core:frechet@n=8": 9.0}, FACTS, None, ""),
        ({"core:frechet@n=9": 3.1}, FACTS, "failed", "nothing that it depends on has changed"),
        ({"core:frechet@n=9": 3.1}, FACTS | {"torch": "2.13.0"}, "passed", "changed: torch (2.12.0 -> 2.13.0)"),
        ({"core:frechet@n=9": 3.1}, {"torch": "2.12.0"}, "passed", "threads (1 -> none)"),
        ({"samples/0": "b" * 64}, FACTS, "failed", "was aaaaaaaaaaaa on 2026-03-01"),
    ],
)
def test_drift(now, facts, status, text):
    before = entry({"core:frechet@n=9": 3.0, "samples/0": "a" * 64})
    found = ledger.drift(before, entry(now, facts))
    assert [each.status for each in found] == ([status] if status else [])
    assert all(text in each.text for each in found)


def test_the_first_line_is_no_drift():
    assert ledger.drift(None, entry({"a": 1.0})) == []


def test_lines_are_only_appended_and_the_last_counts(tmp_path):
    path = str(tmp_path / "ledger.jsonl")
    assert ledger.read(path) == {}
    ledger.append(path, [entry({"a": 1.0})])
    first = (tmp_path / "ledger.jsonl").read_bytes()
    ledger.append(path, [entry({"a": 2.0}), {**entry({"a": 3.0}), "model": "n"}])
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(first)
    assert {name: each["numbers"] for name, each in ledger.read(path).items()} == {"m": {"a": 2.0}, "n": {"a": 3.0}}


def test_a_line_that_was_cut_off_loses_no_other(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.append(str(path), [entry({"a": 1.0})])
    path.write_bytes(path.read_bytes() + b'{"ledger": 1, "model": "m", "numb')
    assert ledger.read(str(path))["m"]["numbers"] == {"a": 1.0}


def test_damage_in_the_middle_is_told(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text("{}\n" + json.dumps(entry({"a": 1.0})) + "\n")
    with pytest.raises(WrongUse, match="Line 1 of the ledger"):
        ledger.read(str(path))


def test_two_processes_do_not_mix_their_lines(tmp_path):
    path = tmp_path / "ledger.jsonl"
    code = (
        "import sys; from aigc_core.judge import ledger\n"
        "for _ in range(50): ledger.append(sys.argv[1], [{'model': 'x' * 5000, 'numbers': {}, 'facts': {}}] * 3)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(2)]
    assert [each.wait() for each in running] == [0, 0]
    lines = path.read_text().splitlines()
    assert len(lines) == 300
    assert {json.loads(line)["model"] for line in lines} == {"x" * 5000}
