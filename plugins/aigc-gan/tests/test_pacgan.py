"""The benchmark of rings and grids: its points, its measures, its table, and a run that is stopped and taken up."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import interrupt

ROOT = Path(__file__).parents[3]
MODES = {"ring": 8, "grid": 25}
every_kind = pytest.mark.parametrize("kind", MODES)


@pytest.fixture(scope="module")
def pacgan():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        if importlib.util.find_spec("benchmarks") is None:
            pytest.skip("the benchmarks are not here")
        from benchmarks import pacgan

        yield pacgan
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def points(pacgan):
    from benchmarks import pacgan_points

    return pacgan_points


def at(points, kind, counts, away=0.0):
    """Points at the centres, so many at each, moved by a distance."""
    modes, _ = points.centres(kind)
    return modes.repeat_interleave(torch.tensor(counts), 0) + torch.tensor([away, 0.0])


def test_the_modes_are_the_papers(points):
    ring, deviation = points.centres("ring")
    assert deviation == 0.01
    torch.testing.assert_close(ring.norm(dim=1), torch.ones(8, dtype=torch.float64))
    assert torch.pdist(ring).min().item() == pytest.approx(2 * math.sin(math.pi / 8))
    grid, deviation = points.centres("grid")
    assert deviation == 0.05
    assert sorted(map(tuple, grid.tolist())) == [(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]


@every_kind
def test_real_points_are_of_high_quality_in_all_modes(points, kind):
    found = points.score(points.data_of(kind, 1).train.images, kind)
    assert found["modes"] == MODES[kind]
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=1e-3)  # three deviations in two dimensions
    assert found["reverse_kl"] < 1e-3
    assert torch.equal(points.data_of(kind, 1).train.images, points.data_of(kind, 1).train.images)
    assert not torch.equal(points.data_of(kind, 1).train.images, points.data_of(kind, 2).train.images)


@every_kind
@given(st.data())
def test_the_divergence_is_that_from_the_uniform(points, kind, data):
    counts = data.draw(st.lists(st.integers(0, 20), min_size=MODES[kind], max_size=MODES[kind]).filter(any))
    share = [each / sum(counts) for each in counts if each]
    expected = sum(each * math.log(each * MODES[kind]) for each in share)
    found = points.score(at(points, kind, counts), kind)
    assert found["reverse_kl"] == pytest.approx(expected, abs=1e-4)
    assert found["reverse_kl_high"] == found["reverse_kl"]
    assert found["modes"] == len(share)
    assert found["high_quality_by_mode"] == counts


@every_kind
def test_a_point_beyond_three_deviations_finds_no_mode_and_still_has_a_nearest_one(points, kind):
    _, deviation = points.centres(kind)
    one = [1] * MODES[kind]
    assert points.score(at(points, kind, one, 2.99 * deviation), kind)["modes"] == MODES[kind]
    found = points.score(at(points, kind, one, 3.01 * deviation), kind)
    assert (found["modes"], found["high_quality"], found["reverse_kl"]) == (0, 0.0, 0.0)
    assert found["reverse_kl_high"] is None


def test_a_step_sees_a_hundred_packs_and_the_trainer_packs_them(pacgan):
    recipe = pacgan.recipe_of("grid", 2, 3, 50)
    assert recipe["data"]["batch_size"] == 200
    assert recipe["budget"]["steps"] == 50_000
    assert recipe["trainer"]["config"] == {"update": "simultaneous", "pac": 2}
    adam = recipe["optimizers"]["discriminator"]
    assert (adam["learning_rate"], adam["betas"]) == (1e-4, [0.8, 0.999])


def record(problem, pac, seed, modes, **other):
    facts = {"problem": problem, "epochs": 400, "pac": pac, "seed": seed, "modes": modes}
    return facts | {"high_quality": 0.9, "reverse_kl": 0.2, "reverse_kl_high": 0.1, **other}


def test_the_table_has_the_means_over_seeds_beside_the_papers(pacgan):
    rows = pacgan.pacgan_table.lines([record("grid", 2, 2, 23), record("ring", 1, 1, 6), record("grid", 2, 1, 24)])
    assert rows[2:] == [
        f"| ring | 400 | 1 | 1 | 6.0 of 8 | 90.0 % | 0.20 | 0.10 | {pacgan.pacgan_table.PAPER['ring', 1]} |",
        f"| grid | 400 | 2 | 1, 2 | 23.5 of 25 | 90.0 % | 0.20 | 0.10 | {pacgan.pacgan_table.PAPER['grid', 2]} |",
    ]
    assert "inf" in pacgan.pacgan_table.lines([record("ring", 1, 1, 0, reverse_kl_high=None)])[2]


def asked(out, **other):
    return argparse.Namespace(**{"kind": "ring", "pac": 2, "seed": 1, "epochs": 0.02, "out": out} | other)


@pytest.fixture
def stopping(monkeypatch):
    """Say when a signal comes: after so many questions whether one has."""
    monkeypatch.setattr(interrupt, "defer", lambda: None)
    threads = torch.get_num_threads()

    def after(steps):
        left = iter([False] * steps)
        monkeypatch.setattr(interrupt, "pending", lambda: next(left, True))

    yield after
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


def test_a_run_that_is_stopped_ends_as_one_that_is_not(pacgan, tmp_path, stopping, capsys):
    stopping(7)
    assert not pacgan.run_it(asked(tmp_path / "stopped.json"))
    assert "Stopped after 8 steps; the same command goes on." in capsys.readouterr().out
    assert not (tmp_path / "stopped.json").exists()
    stopping(1000)
    found = []
    for name in ("stopped", "straight"):
        assert pacgan.run_it(asked(tmp_path / f"{name}.json"))
        found.append(json.loads((tmp_path / f"{name}.json").read_text()))
        assert found[-1].pop("cpu_seconds") > 0
    assert found[0] == found[1]
    assert found[0]["steps"] == 20


def test_checkpoints_and_records_of_another_run_are_left_alone(pacgan, tmp_path, stopping):
    stopping(1)
    pacgan.run_it(asked(tmp_path / "one.json"))
    with pytest.raises(SystemExit, match="are of another run"):
        pacgan.run_it(asked(tmp_path / "one.json", seed=2))
    out = tmp_path / "done.json"
    out.write_text(json.dumps({"problem": "ring", "pac": 2, "seed": 1, "epochs": 0.02}))
    assert pacgan._done(asked(out))
    with pytest.raises(SystemExit, match="is the record of another run"):
        pacgan._done(asked(out, pac=1))
