"""The way between two samples: slerp's laws, its ends to the bit, and what the verb writes and refuses."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec
from aigc_core.run import receipt as receipts
from aigc_core.run.between import slerp, way

LATENTS = st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=12).map(lambda row: np.array(row, np.float32))
EVEN = np.linspace(0, 1, 7)


def pair(row):
    return row, np.roll(row[::-1], 1) + np.float32(0.5)


@given(LATENTS)
@settings(max_examples=100, deadline=None)
def test_it_begins_and_ends_at_the_ends_and_is_the_same_from_the_other_side(row):
    one, other = pair(row)
    found = slerp(one, other, EVEN)
    assert found.dtype == np.float32
    assert np.array_equal(found[0], one)
    assert np.array_equal(found[-1], other)
    assert np.allclose(found, slerp(other, one, EVEN)[::-1], atol=1e-4)


@given(LATENTS)
@settings(max_examples=100, deadline=None)
def test_the_angle_grows_evenly_and_the_length_stays(row):
    one, other = (latent.astype(np.float64) for latent in pair(row))
    assume(min(np.linalg.norm(one), np.linalg.norm(other)) > 0.1)
    other *= np.linalg.norm(one) / np.linalg.norm(other)
    whole = np.arccos(np.clip(one @ other / (one @ one), -1, 1))
    assume(0.1 < whole < 3)
    found = slerp(one.astype(np.float32), other.astype(np.float32), EVEN).astype(np.float64)
    lengths = np.linalg.norm(found, axis=1)
    assert np.allclose(lengths, np.linalg.norm(one), rtol=1e-4)
    angles = np.arccos(np.clip(found @ one / lengths / np.linalg.norm(one), -1, 1))
    assert np.allclose(angles, EVEN * whole, atol=2e-3)


def test_a_quarter_of_a_circle_against_its_closed_form():
    found = slerp(np.array([2, 0], np.float32), np.array([0, 2], np.float32), EVEN)
    angles = EVEN * np.pi / 2
    assert np.allclose(found, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)
    assert np.linalg.norm(found[3]) == pytest.approx(2), "the straight line would pass at 1.41"


@pytest.mark.parametrize("other", [[2.0, 4.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0]])
def test_where_no_one_circle_leads_there_the_line_does(other):
    one, other = np.array([1, 2], np.float32), np.array(other, np.float32)
    line = np.outer(1 - EVEN, one) + np.outer(EVEN, other)
    assert np.allclose(slerp(one, other, EVEN), line, atol=1e-6)


def test_uniform_noise_which_chooses_changes_at_the_half():
    specs = {
        "latent": NoiseSpec((2,), "normal"),
        "class": NoiseSpec((), "uniform"),
        "codes": NoiseSpec((3,), "uniform"),
    }
    ends = {
        "latent": np.eye(2, dtype=np.float32),
        "class": np.array([0.1, 0.9], np.float32),
        "codes": np.array([[0.1] * 3, [0.2] * 3], np.float32),
    }
    found = way(specs, ends, np.linspace(0, 1, 5))
    assert found["class"].tolist() == [np.float32(0.1)] * 2 + [np.float32(0.9)] * 3
    assert found["codes"][:, 0].tolist() == [np.float32(0.1)] * 2 + [np.float32(0.2)] * 3
    assert found["latent"].shape == (5, 2)


# --- with a model ---


@pytest.mark.parametrize("count", [2, 9, 70])
def test_the_ends_are_those_samples_to_the_bit(count):
    model = load("dcgan-fashion")
    found = model.interpolate(3, 1, count, seed=2).values
    assert found.shape == (count, 1, 28, 28)
    assert np.array_equal(found[[0, -1]], model.generate(4, seed=2).values[[3, 1]])
    assert np.array_equal(model.interpolate(np.int64(3), 1, count, seed=2).values, found)
    assert np.array_equal(model.interpolate(3, 3, count, seed=2).values, np.repeat(found[:1], count, 0))


def test_options_count():
    model = load("dcgan-fashion")
    found = model.interpolate(0, 1, 3, truncation=0.3).values
    assert np.array_equal(found[0], model.generate(1, truncation=0.3).values[0])


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ((np.zeros((1, 28, 28), np.uint8), 1, 3), "dcgan-fashion has no encoder, so it interpolates between samples"),
        (("0", "1", 3), "has no encoder"),
        ((-1, 1, 3), "one is -1"),
        ((0, 2**63, 3), "other is "),
        ((0, 1, 1), "count is 1"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(given_, sentence):
    with pytest.raises(WrongUse, match=sentence):
        load("dcgan-fashion").interpolate(*given_)


# --- as a command ---


@pytest.fixture
def zoo(toy):
    def run(*words, code=0):
        found, out, err = toy(*words)
        assert found == code, err
        assert code or not err
        return out if code == 0 else err

    return run


def frames(path):
    with Image.open(path) as image:
        assert (image.format, image.info["loop"]) == ("GIF", 0)
        return [
            np.asarray(frame.convert("RGB" if frame.mode == "P" else frame.mode))
            for frame in ImageSequence.Iterator(image)
        ]


def test_every_kind_of_output_shows_the_same(zoo):
    expected = load("dcgan-fashion").interpolate(0, 5, 9)
    out = zoo("interpolate", "dcgan-fashion", "0", "5")
    assert out.startswith("dcgan-fashion-interpolated.png: 9 images from sample 0 to 5 of seed 0 by dcgan-fashion, in ")
    with Image.open("dcgan-fashion-interpolated.png") as image:
        row = np.asarray(image)
    assert row.shape == (32, 9 * 30 + 2)
    tiles = np.stack([row[2:30, 2 + 30 * at : 30 + 30 * at] for at in range(9)])
    assert np.array_equal(tiles, expected.levels()[:, 0])
    zoo("interpolate", "dcgan-fashion", "0", "5", "-o", "a.npy")
    assert np.array_equal(np.load("a.npy"), expected.values)
    zoo("interpolate", "dcgan-fashion", "0", "5", "-o", "row/")
    assert receipts.found("row/dcgan-fashion-interpolated-000008.png")["row"] == 8
    zoo("interpolate", "dcgan-fashion", "0", "5", "-o", "a.gif")
    assert np.array_equal(np.stack(frames("a.gif")), expected.levels()[:, 0])


def test_a_gif_has_as_many_frames_as_asked_and_its_receipt(zoo):
    zoo("interpolate", "toy-colour", "0", "5", "--seed", "3", "-n", "24", "-o", "a.gif")
    assert len(frames("a.gif")) == 24
    receipt = receipts.found("a.gif")
    assert (receipt["verb"], receipt["samples"], receipt["seed"], receipt["count"]) == ("interpolate", [0, 5], 3, 24)
    assert "inputs" not in receipt
    expected = load("toy-colour").interpolate(0, 5, 24, seed=3).levels().transpose(0, 2, 3, 1)
    assert np.array_equal(np.stack(frames("a.gif")), expected), "one colour a frame: nothing is lost to its palette"
    before = Path("a.gif").read_bytes()
    said = zoo("run", "--again", "a.gif", code=2)
    assert "a.gif was made from samples by `aigc-zoo interpolate`" in said
    zoo(*shlex.split(said.partition("Type: aigc-zoo ")[2]))
    assert Path("a.gif").read_bytes() == before


def test_an_autoencoders_way_is_animated_too(zoo):
    zoo("run", "toy-linear", "-n", "2", "-o", "two/")
    ends = sorted(map(str, Path("two").iterdir()))
    zoo("interpolate", "toy-linear", *ends, "-n", "5", "-o", "a.gif")
    zoo("interpolate", "toy-linear", *ends, "-n", "5", "-o", "a.npy")
    levels = np.rint(np.load("a.npy")[:, 0] * 255).astype(np.uint8)
    assert np.array_equal(np.stack(frames("a.gif")), levels)
    said = zoo("interpolate", "toy-linear", *ends, "--seed", "3", code=2)
    assert "toy-linear interpolates between images, which have no seed: leave out --seed." in said


@pytest.mark.parametrize("ends", [("a.png", "b.png"), ("0", "b.png"), ("1.5", "2"), ("", "1"), ("٣", "1")], ids=str)
def test_images_are_one_clear_sentence_for_a_model_without_an_encoder(zoo, ends):
    said = zoo("interpolate", "dcgan-fashion", *ends, code=2)
    assert said.startswith("aigc-zoo: dcgan-fashion has no encoder, so it cannot begin or end at ")
    assert "A and B are numbers of samples. Such as: aigc-zoo interpolate dcgan-fashion 0 5" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["0", "1", "-n", "1"], "count is 1"),
        (["0", "1", "--seed", "-2"], "seed is -2"),
        (["0", str(10**30)], "A sample's number is "),
        (["0", "1", "-o", "a.jpg"], "Cannot tell what to write to a.jpg"),
        (["0", "1", "-o", "no/where.gif"], "does not exist"),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_refused(zoo, words, sentence):
    assert sentence in zoo("interpolate", "dcgan-fashion", *words, code=2)


def test_a_gif_is_of_what_follows_one_another_alone(zoo):
    assert "Cannot tell what to write to a.gif" in zoo("run", "dcgan-fashion", "-o", "a.gif", code=2)
