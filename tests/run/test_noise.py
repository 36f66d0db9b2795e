"""The noise of sample i is a pure function of seed, input and i, with the distribution that it says."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.interfaces import NoiseSpec
from aigc_core.run.noise import draw

NORMAL = {"latent": NoiseSpec((5,), "normal")}
UNIFORM = {"latent": NoiseSpec((3, 2), "uniform")}
index = st.integers(0, 2**63 - 1)


@given(seed=index, indices=st.lists(index, min_size=1, max_size=8), specs=st.sampled_from([NORMAL, UNIFORM]))
def test_a_row_is_the_same_alone_and_in_any_company(seed, indices, specs):
    together = draw(specs, seed, indices)["latent"]
    alone = [draw(specs, seed, [one])["latent"][0] for one in indices]
    assert np.array_equal(together, np.stack(alone))


@given(start=st.integers(0, 2**62), count=st.integers(1, 40))
def test_a_run_of_indices_equals_its_shuffled_parts(start, count):
    order = np.random.default_rng(0).permutation(count).tolist()
    whole = draw(NORMAL, 1, range(start, start + count))["latent"]
    shuffled = draw(NORMAL, 1, [start + position for position in order])["latent"]
    assert np.array_equal(whole[order], shuffled)


def test_seeds_inputs_and_indices_give_other_noise():
    specs = {"latent": NoiseSpec((4,), "normal"), "style": NoiseSpec((4,), "normal")}
    one, other = draw(specs, 0, range(50)), draw(specs, 1, range(50))
    rows = np.concatenate([one["latent"], one["style"], other["latent"], other["style"]])
    assert len(np.unique(rows, axis=0)) == 200


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 100])
def test_every_width_has_the_shape_and_type(width):
    drawn = draw({"z": NoiseSpec((width,), "normal")}, 0, [0, 1, 2])["z"]
    assert drawn.shape == (3, width)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()


def test_normals_are_standard_normal():
    """100,000 draws: mean, variance, kurtosis, the correlation of Box and Muller's pairs, and the quantiles."""
    drawn = draw({"z": NoiseSpec((100,), "normal")}, 7, range(1000))["z"].astype(np.float64)
    flat = drawn.ravel()
    assert abs(flat.mean()) < 0.015
    assert abs(flat.var() - 1) < 0.02
    assert abs((flat**4).mean() - 3) < 0.1
    assert abs((drawn[:, 0::2] * drawn[:, 1::2]).mean()) < 0.02
    for quantile, expected in ((0.5, 0.0), (0.8413447, 1.0), (0.9772499, 2.0), (0.0227501, -2.0)):
        assert abs(np.quantile(flat, quantile) - expected) < 0.03


def test_uniforms_lie_in_the_unit_interval_evenly():
    drawn = draw({"z": NoiseSpec((100,), "uniform")}, 7, range(1000))["z"]
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    assert abs(counts - 5000).max() < 5 * 5000**0.5


def test_a_uniform_number_that_float32_would_round_to_1_stays_below_it():
    (number,) = draw({"z": NoiseSpec((1,), "uniform")}, 0, [1878029])["z"][0]  # the first such index of this stream
    assert number == np.nextafter(np.float32(1), np.float32(0))


def test_the_stream_is_pinned():
    """A change of numpy, of the key or of the layout would change everybody's samples: it must be seen here.

    The uniforms, because these use no function whose last bit may differ between machines.
    """
    drawn = draw({"latent": NoiseSpec((8,), "uniform")}, 2024, range(3, 7))["latent"]
    assert (
        hashlib.sha256(drawn.tobytes()).hexdigest()
        == "4c4b264bb472dbe4bd3f2149a02372a345e79de57335c80111425eeb7abf414a"
    )
