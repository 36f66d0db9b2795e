"""Sample i: the same for any count, batch size and order, with no side effect, for every registered model."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch

from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.interfaces import Generator

COUNT = 1000
FEWER = 300
"""For batches so small that a model which draws one code after another would take minutes."""
PER_MILLION = 10 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 20
"""Pixels that may differ by one 8-bit level where the batch shape differs: at most 4 with AVX-512, 13 with AVX2."""


_references = {}


@pytest.fixture
def reference(model):
    if model.manifest.id not in _references:
        _references[model.manifest.id] = model.generate(COUNT, seed=3).levels()
    return _references[model.manifest.id]


def test_keeps_the_contract(model):
    assert isinstance(model.generator, Generator)


def test_samples_have_the_declared_kind_shape_and_range(model):
    samples = model.generate(70, seed=1)
    declared = model.manifest.output
    assert samples.kind == declared["kind"]
    assert list(samples.values.shape) == [70, *declared["shape"]]
    assert list(samples.range) == declared["range"]
    assert samples.values.dtype == np.float32
    assert samples.values.min() >= declared["range"][0]
    assert samples.values.max() <= declared["range"][1]


def test_samples_differ_from_one_another(model):
    levels = model.generate(200, seed=1).levels().reshape(200, -1)
    assert len(np.unique(levels, axis=0)) == 200


@pytest.mark.parametrize("count", [1, 5, 63, 64, 65, 200])
def test_count_changes_nothing(model, reference, count):
    assert np.array_equal(model.generate(count, seed=3).levels(), reference[:count])


def test_start_and_order_change_nothing(model, reference):
    assert np.array_equal(model.generate(7, seed=3, start=501).levels(), reference[501:508])
    order = np.random.default_rng(0).permutation(COUNT)[:150].tolist()
    shuffled = np.concatenate([samples.levels() for samples in model.stream(order, seed=3)])
    assert np.array_equal(shuffled, reference[order])


@pytest.mark.parametrize("batch_size", [1, 3, 32, 100, 1000])
def test_batch_size_changes_few_pixels_by_one_level(model, reference, batch_size):
    count = COUNT if batch_size >= 32 else FEWER
    levels = model.generate(count, seed=3, batch_size=batch_size).levels()
    apart = np.abs(levels.astype(int) - reference[:count].astype(int))
    assert apart.max() <= 1
    assert (apart > 0).sum() <= PER_MILLION * apart.size / 1e6 + 2  # of few pixels, two are chance


def test_a_fresh_process_gives_the_same(model, tmp_path):
    path = tmp_path / "fresh.npy"
    command = [sys.executable, "-m", "aigc_core", "run", model.manifest.id, "-n", "40", "--seed", "3", "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    assert np.array_equal(np.load(path), model.generate(40, seed=3).values)


def test_a_neighbour_in_the_batch_changes_nothing(model):
    from aigc_core.run.noise import draw

    noise = draw(model.generator.noise, 0, range(64))
    other = {name: np.concatenate([values[:1], np.roll(values[1:], 1, axis=0)]) for name, values in noise.items()}
    options = {}
    one, two = model.generator.generate(noise, options), model.generator.generate(other, options)
    assert np.array_equal(one.values[0], two.values[0])
    assert not np.array_equal(one.values[1], two.values[1])


def test_sampling_leaves_no_trace(model):
    random, mode, threads = torch.random.get_rng_state(), torch.is_grad_enabled(), torch.get_num_threads()
    numpy_state = copy.deepcopy(np.random.get_state()[1])
    weights = {name: value.clone() for name, value in model.generator.network.state_dict().items()}
    model.generate(3, seed=5)
    assert torch.equal(random, torch.random.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    assert (mode, threads) == (torch.is_grad_enabled(), torch.get_num_threads())
    assert all(torch.equal(value, weights[name]) for name, value in model.generator.network.state_dict().items())


def test_every_option_has_an_effect(model):
    plain = model.generate(8, seed=0).values
    for name, schema in model.manifest.options.get("properties", {}).items():
        value = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 0.5)
        assert not np.array_equal(model.generate(8, seed=0, **{name: value}).values, plain), f"{name} is inert"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"count": 0}, "count is 0, it takes a whole number from 1 up"),
        ({"count": -4}, "count is -4"),
        ({"count": 2.5}, "count is 2.5, it takes a whole number"),
        ({"count": 1, "seed": -1}, "seed is -1"),
        ({"count": 1, "seed": "seven"}, "seed is 'seven', it takes a whole number"),
        ({"count": 1, "seed": 2**63}, "seed is 9223372036854775808"),
        ({"count": 1, "start": -1}, "start is -1"),
        ({"count": 2, "start": 2**63 - 1}, "start + count"),
        ({"count": 1, "batch_size": 0}, "batch_size is 0"),
        ({"count": 1, "trunkation": 1.0}, "has no option trunkation. Did you mean truncation?"),
        ({"count": 1, "truncation": 0}, "is 0, it takes above 0"),
        ({"count": 1, "truncation": float("nan")}, "is nan, it takes a number"),
        ({"count": 1, "truncation": True}, "is True, it takes a number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_argument_ends_in_one_sentence(call, sentence):
    model = load("dcgan-digits")
    with pytest.raises(WrongUse) as refusal:
        model.generate(**call)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("indices", [[-1], [1.5], ["a"], [2**70]])
def test_an_index_that_cannot_be_is_named(indices):
    with pytest.raises(WrongUse, match="index is"):
        list(load("dcgan-digits").stream(indices))


@pytest.mark.parametrize("arguments", [(None,), ("dcgan-digits", None), (3, "cpu")])
def test_names_are_text(arguments):
    with pytest.raises(WrongUse, match="named by text"):
        load(*arguments)


def test_numpy_integers_are_numbers_too():
    model = load("dcgan-digits")
    assert np.array_equal(model.generate(np.int64(2), seed=np.uint8(3)).values, model.generate(2, seed=3).values)


def test_truncation_bounds_the_latents_and_a_wide_bound_changes_nothing():
    from aigc_gan.generators import truncate

    latent = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    assert truncate(latent, 0.5).abs().max() <= 0.5
    # The truncated normal's standard deviation at 0.5 has a closed form: sqrt(1 - 2 b phi(b) / (2 Phi(b) - 1)).
    assert truncate(latent, 0.5).std() == pytest.approx(0.28388, abs=0.005)
    assert torch.allclose(truncate(latent, 8.0), latent, atol=1e-5)
    assert torch.equal(truncate(latent, 0.7).argsort(), latent.argsort())
