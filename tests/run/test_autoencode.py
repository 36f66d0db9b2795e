"""Autoencoders as a Python API: images to latents and back, and every way of breaking the contract, on both sides."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import load
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import Latents
from aigc_core.run.batches import BATCH
from aigc_core.run.capabilities import able_to

LEVELS = np.random.default_rng(0).integers(0, 256, (70, 1, 28, 28), np.uint8)
FREE = np.random.default_rng(1).integers(0, 256, (3, 3, 16, 24), np.uint8)


@pytest.fixture(autouse=True)
def installed(toys, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(toys.packages)
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))


def refused(kind, sentence, call):
    with pytest.raises(kind, match=sentence) as refusal:
        call()
    text = f"{refusal.value} {refusal.value.hint}".rstrip()
    assert "\n" not in text
    assert len(text) < 500
    return text


def test_decoding_what_was_encoded_is_a_reconstruction_to_the_bit():
    model = load("toy-linear")
    latents = model.encode(LEVELS)
    assert latents.values.shape == latents.deviation.shape == (70, 20)
    rebuilt = model.reconstruct(LEVELS)
    assert np.array_equal(model.decode(latents).values, rebuilt.values)
    assert np.array_equal(model.decode(latents.values).values, rebuilt.values)
    assert (rebuilt.kind, rebuilt.range, rebuilt.values.shape) == ("image", (0.0, 1.0), (70, 1, 28, 28))


def test_levels_are_numbers_in_the_models_range():
    model = load("toy-exact")
    values = (LEVELS / np.float32(255)).astype(np.float32)
    assert np.array_equal(model.encode(LEVELS).values, values)
    assert np.array_equal(model.encode(values).values, values)
    assert np.array_equal(model.reconstruct(LEVELS).levels(), LEVELS)


@given(st.lists(st.integers(0, 69), min_size=1, max_size=70, unique=True))
def test_an_image_is_reconstructed_alike_whatever_is_beside_it(rows):
    model = load("toy-linear")
    assert np.array_equal(model.reconstruct(LEVELS[rows]).values, model.reconstruct(LEVELS).values[rows])


def test_every_batch_has_one_shape_and_free_sizes_come_alone(monkeypatch):
    model, free, seen = load("toy-linear"), load("toy-free"), []
    for each in (model, free):
        kind = type(each.generator)
        for name in ("encode", "decode"):
            real = getattr(kind, name)
            spy = lambda self, rows, options, real=real: (seen.append(len(rows)), real(self, rows, options))[1]  # noqa: E731
            monkeypatch.setattr(kind, name, spy)
    model.reconstruct(LEVELS)
    assert seen == [BATCH] * 4
    seen.clear()
    free.reconstruct(FREE)
    assert seen == [1] * 6


def test_codes_are_whole_numbers():
    model = load("toy-codes")
    latents = model.encode(LEVELS[:2])
    assert (latents.values.dtype, latents.values.shape, latents.deviation) == (np.int64, (2, 7, 7), None)
    assert np.array_equal(model.decode(latents).values, model.reconstruct(LEVELS[:2]).values)


def test_any_size_gives_latents_and_images_of_that_size():
    model = load("toy-free")
    assert model.encode(FREE).values.shape == (3, 3, 4, 6)
    assert model.reconstruct(FREE).values.shape == (3, 3, 16, 24)
    assert model.decode(model.encode(FREE)).values.shape == (3, 3, 16, 24)
    flat = np.full((1, 3, 8, 8), 255, np.uint8)
    assert np.array_equal(model.reconstruct(flat).levels(), flat)


@pytest.mark.parametrize(
    ("count", "name"), [(2, "toy-linear"), (9, "toy-linear"), (100, "toy-linear"), (5, "toy-exact")]
)
def test_the_way_between_begins_and_ends_with_the_reconstructions(count, name):
    model = load(name)
    found = model.interpolate(LEVELS[0], LEVELS[1], count)
    assert found.values.shape == (count, 1, 28, 28)
    ends = model.reconstruct(LEVELS[:2]).values
    assert np.array_equal(found.values[[0, -1]], ends)


def test_a_straight_way_is_straight_and_back_again():
    model = load("toy-exact")
    one, other = np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 200, np.uint8)
    found = model.interpolate(one, other, 5).levels()[:, 0, 0, 0]
    assert found.tolist() == [0, 50, 100, 150, 200]
    assert np.array_equal(model.interpolate(other, one, 5).levels()[::-1, 0, 0, 0], found)


def test_the_way_between_images_of_any_size_goes_one_at_a_time():
    assert load("toy-free").interpolate(FREE[0], FREE[1], 3).values.shape == (3, 3, 16, 24)


def test_options_of_the_model_are_checked_and_passed():
    model = load("toy-linear")
    assert np.allclose(model.encode(LEVELS, gain=2).values, 2 * model.encode(LEVELS).values)
    refused(WrongUse, "Option gain of toy-linear is 10", lambda: model.encode(LEVELS, gain=10))
    refused(WrongUse, "has no option gian. Did you mean gain?", lambda: model.decode(np.zeros((1, 20), "f4"), gian=1))


def test_nothing_global_changes():
    model = load("toy-linear")
    before = (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())
    model.interpolate(LEVELS[0], LEVELS[1], 3)
    load("toy-free").reconstruct(FREE)
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())


# --- What a user gives ---


def spoilt(value):
    images = (LEVELS[:3] / np.float32(255)).astype(np.float32)
    images[1, 0, 3, 3] = value
    return images


@pytest.mark.parametrize(
    ("name", "images", "sentence"),
    [
        ("toy-linear", LEVELS[:, :, :27], r"An image has the shape \[1, 27, 28\]; toy-linear takes 1 x 28 x 28"),
        ("toy-linear", LEVELS[0], r"An image has the shape \[28, 28\]; toy-linear takes 1 x 28 x 28 \(channels"),
        ("toy-linear", LEVELS.repeat(3, 1), r"An image has the shape \[3, 28, 28\]"),
        ("toy-linear", np.zeros((2, 0, 28, 28), np.uint8), r"An image has the shape \[0, 28, 28\]"),
        ("toy-linear", LEVELS[:0], "There are no images"),
        ("toy-linear", [], "There are no images"),
        ("toy-linear", np.uint8(3), "Images are given as a numpy array"),
        ("toy-linear", LEVELS.tolist(), "Images are given as a numpy array"),
        ("toy-linear", torch.zeros(2, 1, 28, 28), "Images are given as a numpy array"),
        ("toy-linear", LEVELS.astype(np.float64), "The images are float64; toy-linear takes uint8 levels, or float32"),
        ("toy-linear", LEVELS.astype(np.int64), "The images are int64"),
        ("toy-linear", spoilt(np.nan), r"values outside of \[0, 1\], or no numbers"),
        ("toy-linear", spoilt(np.inf), r"values outside of \[0, 1\], or no numbers"),
        ("toy-linear", spoilt(1.001), r"values outside of \[0, 1\]"),
        ("toy-linear", spoilt(-0.001), r"values outside of \[0, 1\]"),
        ("toy-linear", [*LEVELS[:2], LEVELS[2, :, :20]], "The images have different shapes; toy-linear takes 1 x 28"),
        ("toy-free", FREE[:, :, :, :23], "takes 3 channels, and sides that are multiples of 8 up to 64"),
        ("toy-free", np.zeros((1, 3, 72, 8), np.uint8), "sides that are multiples of 8 up to 64"),
        ("toy-free", np.zeros((1, 3, 0, 8), np.uint8), "sides that are multiples of 8 up to 64"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_images_that_a_model_does_not_take(name, images, sentence):
    model = load(name)
    refused(WrongUse, sentence, lambda: model.encode(images))
    refused(WrongUse, sentence, lambda: model.reconstruct(images))


GOOD = np.zeros((3, 20), np.float32)
CODES = np.zeros((3, 7, 7), np.int64)


@pytest.mark.parametrize(
    ("name", "latents", "sentence"),
    [
        ("toy-linear", GOOD[:, :19], r"toy-linear cannot decode latents of shape \[3, 19\], not \[3, 20\]"),
        ("toy-linear", GOOD[0], r"latents of shape \[20\], not \[20, 20\]"),
        ("toy-linear", GOOD * np.float32(np.nan), "latents that are no finite numbers"),
        ("toy-linear", GOOD + np.float32(np.inf), "latents that are no finite numbers"),
        ("toy-linear", GOOD.astype(np.float64), "latents that are float64, not float32"),
        ("toy-linear", GOOD.astype(">f4"), "latents that are >f4, not float32"),
        ("toy-linear", GOOD[:0], r"There are no latents; toy-linear takes an array of shape \[any, 20\]"),
        ("toy-linear", np.float32(1), "There are no latents"),
        ("toy-linear", None, "There are no latents"),
        ("toy-linear", GOOD.tolist(), "There are no latents"),
        ("toy-linear", torch.zeros(3, 20), "latents that are torch.float32, not float32"),
        ("toy-linear", CODES, "latents that are int64, not float32"),
        ("toy-codes", CODES + 16, "codes outside of 0 to 15"),
        ("toy-codes", CODES - 1, "codes outside of 0 to 15"),
        ("toy-codes", CODES.astype(np.int32), "latents that are int32, not int64"),
        ("toy-free", np.zeros((1, 3, 4), "f4"), r"shape \[1, 3, 4\], not \[1, 3, any, any\]"),
        ("toy-free", np.zeros((1, 3, 0, 4), "f4"), r"shape \[1, 3, 0, 4\], not"),
        (
            "toy-free",
            np.zeros((1, 3, 17, 4), "f4"),
            "of images that are too large for toy-free: a side of",
        ),
        ("toy-free", np.zeros((1, 3, 10**6, 1), "f4"), "too large for toy-free"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_latents_that_a_model_does_not_decode(name, latents, sentence):
    model = load(name)
    refused(WrongUse, sentence, lambda: model.decode(latents))
    if isinstance(latents, np.ndarray):
        refused(WrongUse, sentence, lambda: model.decode(Latents(latents)))


@pytest.mark.parametrize("count", [1, 0, -3, 2.5, "9", None])
def test_fewer_than_two_are_no_way(count):
    refused(WrongUse, "count is ", lambda: load("toy-linear").interpolate(LEVELS[0], LEVELS[1], count))


def test_there_is_no_way_between_two_sizes():
    other = np.zeros((3, 8, 8), np.uint8)
    sentence = "The two images come to 24 x 16 and 8 x 8 pixels, and there is a way only between two of one size"
    refused(WrongUse, sentence, lambda: load("toy-free").interpolate(FREE[0], other, 3))


# --- What a model is not able to do ---


def test_a_model_without_a_prior_loads_and_makes_nothing_from_noise():
    model = load("toy-exact")
    said = refused(WrongUse, "toy-exact has no prior, so it makes nothing from noise", lambda: model.generate(3))
    assert said.endswith("Try: aigc-zoo reconstruct toy-exact IMAGE")
    said = refused(WrongUse, "has no prior", lambda: load("toy-decoder").generate(1))
    assert said.endswith("Try: aigc-zoo decode toy-decoder LATENTS")


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("reconstruct", "reconstruct images"),
        ("interpolate", "interpolate"),
        ("encode", "encode images"),
        ("decode", "decode latents"),
    ],
)
def test_a_model_says_what_it_can_and_who_else_can(verb, words):
    name = "char-shakespeare" if verb == "interpolate" else "dcgan-fashion"
    model = load(name)
    given = {"interpolate": (LEVELS[0], LEVELS[1], 3)}.get(verb, (LEVELS,))
    said = refused(WrongUse, f"{name} does not {words}; it can generate", lambda: getattr(model, verb)(*given))
    others = said.partition("Models that can: ")[2]
    *named, rest = re.split(", | and ", others)
    assert len(named) == 6
    assert set(named) < set(able_to(verb))
    assert re.fullmatch(r"\d+ more\.", rest)
    assert name.partition("-")[0] not in others


def test_a_model_that_does_both_does_both():
    model = load("toy-linear")
    assert model.generate(3).values.shape == model.reconstruct(LEVELS[:3]).values.shape


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("toy-no-encoder", "by toy-zoo, has no encode, and its manifest says that it can reconstruct"),
        ("toy-no-latent", "by toy-zoo, has no LatentSpec as latent"),
    ],
)
def test_a_model_that_does_not_keep_its_manifests_word_is_not_loaded(name, sentence):
    refused(NotAvailable, sentence, lambda: load(name))


def test_a_manifest_that_does_not_say_of_which_images():
    model = load("toy-no-input")
    refused(
        NotAvailable, "toy-no-input is said to encode, but its manifest has no use.input", lambda: model.encode(LEVELS)
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("encode-raises", "failed to encode with toy-encode-raises: ValueError: no such layer"),
        ("no-latents", "encoded to no Latents"),
        ("latents-nan", "made latents that are no finite numbers"),
        ("latents-shape", r"made latents of shape \[64, 19\], not \[64, 20\]"),
        ("latents-type", "made latents that are float64, not float32"),
        ("deviation-negative", "made deviations that cannot be"),
        ("deviation-shape", r"made latents of shape \[64, 3\], not \[64, 20\]"),
        ("decode-raises", "failed to decode with toy-decode-raises: ValueError: no such layer"),
        ("images-nan", r"made values outside of \[0, 1\], or no numbers"),
        ("images-range", r"made values outside of \[0, 1\]"),
        ("images-shape", r"made values of shape \[64, 1, 27, 28\], the manifest says \[64, 1, 28, 28\]"),
        ("between-shape", r"made latents of shape \[64, 3\], not \[64, 20\]"),
    ],
)
def test_a_plugin_that_breaks_its_contract_is_named(fault, sentence):
    model = load(f"toy-{fault}")

    def use():
        return model.interpolate(LEVELS[0], LEVELS[1], 3) if "between" in fault else model.reconstruct(LEVELS)

    assert re.search("toy-zoo 1.0", refused(NotAvailable, sentence, use))
