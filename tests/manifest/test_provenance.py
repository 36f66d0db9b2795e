"""Where facts come from: each pointer names something that is there, and each fault is one problem."""

from __future__ import annotations

import pytest

FIRST = "/provenance/0"
FACT = f"{FIRST}/facts/0"


def unknown(fact, hint):
    return (("put", FACT, fact), "unknown-fact", FACT, f'"{fact}"', hint)


FAULTS = {
    "field misspelt": unknown("/weights/files/0/sha", "Did you mean /weights/files/0/sha256?"),
    "object misspelt": unknown("/weight/files/0", "Did you mean /weights?"),
    "position beyond the last": unknown("/weights/files/1/sha256", "/weights/files/0 to /weights/files/0"),
    "position as a word": unknown("/weights/files/first", "/weights/files/0 to /weights/files/0"),
    "position with a sign": unknown("/weights/files/-0", "/weights/files/0"),
    "into a text": unknown("/terms/weights/0", "such as \"/weights/revision\""),
    "of nothing like it": unknown("/zzz", "It takes a JSON pointer"),
    "no pointer": (("put", FACT, "weights"), "bad-form", FACT, '\n"facts": [\n"weights"', "a JSON pointer into"),
    "the whole manifest": (("put", FACT, ""), "bad-form", FACT, '""', "a JSON pointer into"),
    "a bad escape": (("put", FACT, "/a~2b"), "bad-form", FACT, '"/a~2b"', "a JSON pointer into"),
    "no facts": (("put", f"{FIRST}/facts", []), "too-short", f"{FIRST}/facts", '"facts"', "at least 1"),
    "verified is a word": (("put", f"{FIRST}/verified", "yes"), "wrong-type", f"{FIRST}/verified", '"yes"', "true or"),
    "no verdict": (
        ("drop", f"{FIRST}/verified"), "missing-field", f"{FIRST}/verified", '{\n"facts"', "several independent"),
    "no source": (("drop", f"{FIRST}/source"), "missing-field", f"{FIRST}/source", '{\n"facts"', "come from"),
    "month 13": (("put", f"{FIRST}/date", "2026-13"), "bad-form", f"{FIRST}/date", '"2026-13"', "a month or a day"),
    "date as in speech": (
        ("put", f"{FIRST}/date", "August 2026"), "bad-form", f"{FIRST}/date", '"August', 'such as "2026-08"'),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name])


@pytest.mark.parametrize(
    "fact", ["/terms/data", "/weights", "/weights/files/0/sha256", "/citation/0/title", "/use/output/range/1"]
)
def test_a_pointer_may_name_any_value(fact, zoo):
    assert zoo.problems(("put", FACT, fact)) == []


def test_a_pointer_has_escapes(zoo, judge):
    odd = ("put", "/origin/final_losses", {"discriminator/loss": 1, "a~b": 2})
    for fact in ("/origin/final_losses/discriminator~1loss", "/origin/final_losses/a~0b"):
        assert zoo.problems(odd, ("put", FACT, fact)) == []
    (problem,) = judge(zoo.problems(odd, ("put", FACT, "/origin/final_losses/discriminator~1los")))
    assert problem.hint == "Did you mean /origin/final_losses/discriminator~1loss?"


@pytest.mark.parametrize("spoilt", ["/weights/files/0/sha256", "/weights/files/0", "/weights"])
def test_a_fact_that_is_faulty_itself_is_one_problem(spoilt, zoo, judge):
    (problem,) = judge(zoo.problems(("put", FACT, "/weights/files/0/sha256"), ("put", spoilt, "x")))
    assert problem.pointer == spoilt


def test_a_fact_whose_field_is_missing_is_one_problem(zoo, judge):
    (problem,) = judge(zoo.problems(("put", FACT, "/weights/files/0/size"), ("drop", "/weights/files/0/size")))
    assert problem[:2] == ("missing-field", "/weights/files/0/size")
