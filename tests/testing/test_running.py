"""Running clauses without pytest: what builds on what, and what a plugin cannot do to the one that judges it."""

import pytest
from families import Change, build
from judging import failed

from aigc_core.testing.registered import subjects
from aigc_core.testing.running import plan, shortfall
from aigc_core.testing.settings import Settings

BREAKS = {
    "raises": "        raise SystemExit(0)\n",
    "interrupts nobody": "        raise BaseException('what a plugin can raise')\n",
    "has no message": "        raise ValueError\n",
    "has no memory": "        raise MemoryError\n",
}
STEP = "        if temperature == 0:\n"


@pytest.fixture(scope="module")
def found(judged):
    def make(site):
        for number, line in enumerate(BREAKS.values()):
            build(site, "talk", f"bad-{number}", Change("generators.py", STEP, line + STEP))
            yield f"bad-{number}"
        build(site, "talk", "gone", Change("zoo/plugin.json", ("components",), {}))
        yield "gone"

    return judged(make, "MCSNX")


@pytest.mark.parametrize("number", range(len(BREAKS)), ids=list(BREAKS))
def test_whatever_a_plugin_raises_is_a_finding_and_what_builds_on_it_is_skipped(number, found):
    findings = found[f"bad-{number}"]
    assert failed(findings) == {"S1"}
    skipped = [each for each in findings if each["status"] == "skipped"]
    assert {each["text"] for each in skipped} == {"it builds on S1, which failed"}
    assert {"N1", "X1", "X8"} <= {each["check"].removeprefix("clause/") for each in skipped}


def test_a_model_that_cannot_be_opened_is_one_finding(found):
    assert failed(found["gone"]) == {"M2", "C3"}


def test_the_plan_is_made_of_data_alone(site):
    build(site.packages, "coder", "plaid")
    program = (
        "import sys\nfrom aigc_core import discovery\nfrom aigc_core.testing.running import plan\n"
        "from aigc_core.testing.registered import subjects\n"
        "found = plan(subjects(discovery.find('plaid')))\n"
        "print(len(found), 'kit_plaid' in sys.modules, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = site.python("-c", program)
    assert done.returncode == 0, done.stderr
    count, *imported = done.stdout.split()
    assert int(count) > 60
    assert imported == ["False"] * 3


def test_enough_is_what_the_table_requires_and_no_less(site, monkeypatch):
    from aigc_core import discovery
    from aigc_core.findings import Finding

    build(site.packages, "coder", "plaid")
    monkeypatch.syspath_prepend(str(site.packages))
    monkeypatch.setenv("AIGC_ZOO_HOME", str(site.home))
    pairs = plan(subjects(discovery.find("plaid")))
    whole = [Finding(f"clause/{clause.id}", str(subject), "passed") for subject, clause in pairs]
    assert shortfall(pairs, whole, Settings()) == []
    for at, (_, clause) in enumerate(pairs):
        without = [*whole[:at], whole[at]._replace(status="skipped", text="no reason"), *whole[at + 1 :]]
        assert bool(shortfall(pairs, without, Settings())) == clause.required
        excused = Settings({f"{clause.id} {whole[at].subject}": "a reason"})
        assert shortfall(pairs, without, excused) == []
