"""The table of likelihoods: a number is called what it is, and only what compares is put side by side."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def table():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        if importlib.util.find_spec("benchmarks") is None:
            pytest.skip("the benchmarks are not here")
        from benchmarks import nll_table

        yield nll_table
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


def run(model="vae-binary-mnist", seed=1, last=91.0, best=89.5, steps=250_000, **other):
    def number(nats):
        rounds = [nats - 0.01, nats + 0.01]
        said = {"metric": "nll-is-200@binarized-mnist.fixed", "sha256": "a" * 64, "images": 10_000, "of": 10_000}
        return {**said, "nats": nats, "rounds": rounds, "error_over_images": 0.2, **other}

    scores = {"last": number(last)} | ({"best": number(best)} if best else {})
    selection = {"by": "validation autoencoder/loss", "value": 98.1, "step": 212_000}
    facts = {"cpu_seconds": 7200.0, "threads": 1, "torch": "2.13", "instructions": "AVX512"}
    return {"model": model, "seed": seed, "steps": steps, **facts, "selection": selection, "scores": scores}


def test_best_and_last_stand_side_by_side_under_their_names(table):
    text = "\n".join(table.lines([run(seed=2), run(seed=1), run(seed=3, best=89.9)]))
    assert "`nll-is-200@binarized-mnist.fixed`, 10,000 images, 2 rounds (± is their standard deviation)" in text
    assert "| 1 | 250,000 | 2.00 | 212,000, by validation autoencoder/loss | 89.500 ± 0.014 | 91.000 ± 0.014 |" in text
    assert text.index("| 1 |") < text.index("| 2 |") < text.index("| 3 |")
    assert (
        "Chosen on validation: 89.633 [89.060, 90.207], mean of 3 seeds, 95 % over seeds; at most 90 is asked" in text
    )
    assert "Last step: 91.000 [91.000, 91.000], mean of 3 seeds, 95 % over seeds." in text


@pytest.mark.parametrize(("best", "verdict"), [(90.0, "holds"), (90.01, "does not hold")])
def test_the_bar_is_held_by_the_number_that_it_is_for(table, best, verdict):
    assert f"at most 90 is asked, which {verdict}." in "\n".join(table.lines([run(best=best)]))


def test_a_part_of_the_data_holds_no_bar(table):
    assert "is asked" not in "\n".join(table.lines([run(images=500)]))


def test_without_a_chosen_model_the_last_is_judged(table):
    text = "\n".join(table.lines([run("made-binary-mnist", last=94.0, best=None)]))
    assert "no step was chosen | -" in text
    assert "Last step: 94.000, 1 seed; at most 94.5 is asked, which holds." in text
    assert "Chosen on validation" not in text


def test_orders_are_told_of_the_last_step_at_equal_budget(table):
    runs = [run(f"iwae-{k}-binary-mnist", last=100 - k / 10, best=None, steps=20_000) for k in (1, 5, 50)]
    text = "\n".join(table.lines([*runs, run("vamp-binary-mnist", last=101.0, best=None, steps=10_000)]))
    assert "- iwae-5-binary-mnist is no worse than iwae-1-binary-mnist: holds." in text
    assert "- iwae-50-binary-mnist is no worse than iwae-5-binary-mnist: holds." in text
    assert "- vamp-binary-mnist is no worse than iwae-1-binary-mnist: does not hold." in text
    assert "difference +1.100 (the budgets differ)" in text


def test_numbers_that_do_not_compare_make_no_table(table):
    other = run(seed=2, metric="nll-is-5000@binarized-mnist.fixed")
    with pytest.raises(SystemExit, match="do not compare"):
        table.lines([run(), other])
    low, high = run("iwae-1-binary-mnist", best=None), run("iwae-5-binary-mnist", best=None, sha256="b" * 64)
    with pytest.raises(SystemExit, match="do not compare"):
        table.lines([low, high])
