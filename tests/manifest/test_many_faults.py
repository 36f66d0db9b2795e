"""All problems of a file are reported at once, in order, and a hostile file has a report that ends."""

from __future__ import annotations

import json

TEN = {
    ("unknown-field", "/sumary"): ("rename", "/summary", "sumary"),
    ("not-allowed", "/family"): ("put", "/family", "GANs"),
    ("wrong-type", "/code/api"): ("put", "/code/api", True),
    ("out-of-range", "/code/config/width"): ("put", "/code/config/width", 10**6),
    ("bad-form", "/weights/files/0/sha256"): ("put", "/weights/files/0/sha256", "a" * 63),
    ("option-collides", "/use/options/properties/seed"): ("rename", "/use/options/properties/style", "seed"),
    ("bad-default", "/use/options/properties/truncation/default"): (
        "put", "/use/options/properties/truncation/default", 11),
    ("empty-range", "/use/output/range"): ("put", "/use/output/range", [1, -1]),
    ("bad-form", "/terms/code"): ("put", "/terms/code", "Apache 2.0"),
    ("missing-file", "/origin/recipe"): ("put", "/origin/recipe", "recipes/no"),
}  # fmt: skip


def test_ten_faults_are_ten_problems_in_the_order_of_lines(zoo, judge):
    problems = judge(zoo.problems(*TEN.values()))
    assert len(problems) == 10
    assert {problem[:2] for problem in problems} == set(TEN)
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_faults_of_syntax_and_sense_are_reported_together(zoo, judge):
    text = zoo.model.read_text()
    text = text.replace('"api": 1', '"api": 1, "api": 0').replace('"gate": 4', '"gate": NaN').replace('"gan"', '"gam"')
    zoo.model.write_text(text)
    assert {problem.code for problem in judge(zoo.validate("model"))} == {
        "duplicate-key", "not-portable", "not-allowed"}  # fmt: skip


def test_a_hostile_file_has_a_bounded_report(zoo):
    texts = [
        json.dumps({"x" * 400_000: 1, "code": {"y" * 300_000: 1}, "use": {f"k{n}": n for n in range(15_000)}}),
        json.dumps({"use": {"options": {"properties": {"Z" * 400_000: {f"k{n}": n for n in range(15_000)}}}}}),
        json.dumps({f"key-{n}": n for n in range(50_000)}),
        json.dumps({"capabilities": [[n] for n in range(100_000)]}),
        json.dumps({"capabilities": ["generate"] * 80_000}),
        json.dumps({"golden": [{}] * 200_000}),
        json.dumps({"provenance": [{"facts": ["/x"] * 150_000}]}),
        '{"id": {"' + "k" * 400_000 + '": {' + '"a": 1,' * 80_000 + '"a": 1}}}',
    ]
    for text in texts:
        assert len(text) < 1_000_000
        zoo.model.write_text(text)
        problems = zoo.validate("model")
        assert problems
        assert sum(len("".join(map(str, problem))) for problem in problems) < 2_000_000
