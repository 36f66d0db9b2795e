"""For each clause a plugin that breaks just that one: it is caught, and by no other. The good ones keep them all."""

import pytest
from families import FAMILIES, build
from judging import ALL, QUICK, failed
from saboteurs import SABOTEURS

QUICKLY = [clause for clause in SABOTEURS if clause[0] != "H"]
FROM_OUTSIDE = [clause for clause in SABOTEURS if clause[0] == "H"]


def made(clauses):
    def make(site):
        for clause in clauses:
            family, change = SABOTEURS[clause]
            build(site, family, name := f"bad-{clause.lower()}", change)
            yield name

    return make


@pytest.fixture(scope="module")
def quick(judged):
    return judged(made(QUICKLY), QUICK)


@pytest.fixture(scope="module")
def outside(judged):
    return judged(made(FROM_OUTSIDE), ALL)


@pytest.fixture(scope="module")
def good(judged):
    def make(site):
        for family in FAMILIES:
            build(site, family, f"good-{family}")
            yield f"good-{family}"

    return judged(make, ALL)


def assert_caught(clause, findings):
    assert failed(findings) == {clause}
    (broken, *_) = [each for each in findings if each["status"] == "failed"]
    assert broken["text"].endswith((".", "'"))
    assert "aigc_core/testing" not in broken["details"].get("file", ""), broken  # an error of the kit itself
    comment, *code = broken["details"]["reproduce"]
    assert comment.startswith(f"# {clause}: ")
    assert len(code) == 2


@pytest.mark.slow
@pytest.mark.parametrize("clause", QUICKLY)
def test_a_saboteur_is_caught_by_its_clause_and_no_other(clause, quick):
    assert_caught(clause, quick[f"bad-{clause.lower()}"])


@pytest.mark.slow
@pytest.mark.parametrize("clause", FROM_OUTSIDE)
def test_a_saboteur_that_only_another_process_sees_is_caught(clause, outside):
    assert_caught(clause, outside[f"bad-{clause.lower()}"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_good_plugin_keeps_every_clause(family, good):
    findings = good[f"good-{family}"]
    assert failed(findings) == set()
    skipped = {each["check"].removeprefix("clause/") for each in findings if each["status"] == "skipped"}
    assert skipped <= {"W4", "P5"}


@pytest.mark.slow
def test_every_clause_passes_somewhere(good):
    """Else a saboteur could be caught by a clause that nothing passes."""
    passed = {
        each["check"].removeprefix("clause/") for found in good.values() for each in found if each["status"] == "passed"
    }
    assert passed == set(SABOTEURS)
