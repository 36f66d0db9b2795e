"""``translate`` as a command and in Python: what it writes, says and refuses, and every breach of the contract."""

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open

from aigc_core import load
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.run import receipt as receipts

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 28, 28), np.uint8)
LEVELS = RANDOM.integers(0, 256, (70, 1, 28, 28), np.uint8)
FREE = RANDOM.integers(0, 256, (2, 3, 16, 24), np.uint8)


@pytest.fixture(autouse=True)
def installed(toys, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(toys.packages)
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def zoo(toy):
    """Run a verb; by default it is to succeed in silence on the standard error stream."""

    def run(*arguments, code=0):
        found, out, said = toy(*arguments)
        if code:
            assert (found, said.count("\n"), "Traceback" in said) == (code, 1, False), said
            assert len(said) < 500
            return said
        assert (found, said) == (0, "")
        return out

    for index, pixels in enumerate(GREY):
        Image.fromarray(pixels).save(f"{index}.png")
    Image.fromarray(RANDOM.integers(0, 256, (480, 640, 3), np.uint8)).save("photo.png")
    return run


def painted(grey):
    """What the toy makes of levels (h, w): red where they are bright, cyan where they are dark."""
    return np.stack([grey, 255 - grey, 255 - grey], -1)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


# --- The command ---


def test_originals_stand_over_their_translations_in_other_colours(zoo):
    out = zoo("translate", "toy-painter", "0.png", "1.png", "2.png")
    assert re.fullmatch(r"toy-painter-translated\.png: 3 images translated by toy-painter, in [\d.]+ s\.\n", out)
    sheet = pixels("toy-painter-translated.png").copy()
    assert sheet.shape == (62, 92, 3)
    for column, grey in enumerate(GREY):
        left = 2 + 30 * column
        assert np.array_equal(sheet[2:30, left : left + 28], np.stack([grey] * 3, -1))
        assert np.array_equal(sheet[32:60, left : left + 28], painted(grey))


def test_grey_translations_stand_under_colours(zoo):
    colours = RANDOM.integers(0, 256, (8, 16, 3), np.uint8)
    Image.fromarray(colours).save("c.png")
    zoo("translate", "toy-greyer", "c.png", "-o", "a.png")
    sheet = pixels("a.png")
    assert sheet.shape == (22, 20, 3)
    assert np.array_equal(sheet[2:10, 2:18], colours)
    grey = sheet[12:20, 2:18].astype(float)
    assert np.abs(grey - colours.mean(-1, keepdims=True)).max() <= 0.5 + 1e-4


def test_a_folder_has_an_image_and_a_receipt_each(zoo):
    zoo("translate", "toy-painter", "0.png", "1.png", "-o", "all/")
    assert sorted(os.listdir("all")) == ["toy-painter-translated-000000.png", "toy-painter-translated-000001.png"]
    for index in range(2):
        path = f"all/toy-painter-translated-{index:06}.png"
        assert np.array_equal(pixels(path), painted(GREY[index]))
        receipt = receipts.found(path)
        assert (receipt["verb"], [each["name"] for each in receipt["inputs"]]) == ("translate", [f"{index}.png"])


def test_raw_values_and_options(zoo):
    zoo("translate", "toy-painter", "0.png", "--gain", "2", "-o", "a.npy")
    values = np.load("a.npy")
    assert (values.dtype, values.shape) == (np.float32, (1, 3, 28, 28))
    assert np.allclose(values[0, 0], np.clip(GREY[0] / 255 * 2, 0, 1), atol=1e-6)
    zoo("translate", "toy-painter", "0.png", "-o", "a.safetensors")
    with safe_open("a.safetensors", "np") as file:
        assert file.get_tensor("samples").shape == (1, 3, 28, 28)
    assert "is 10.0, it takes at most 9" in zoo("translate", "toy-painter", "0.png", "--gain", "10", code=2)


def test_what_is_scaled_is_said_and_what_is_padded_is_cut_off(zoo):
    out = zoo("translate", "toy-painter", "photo.png", "0.png", "-o", "all/")
    assert out.startswith("photo.png: scaled to 28 x 21\nall/: 2 images translated")
    assert pixels("all/toy-painter-translated-000000.png").shape == (21, 28, 3)


@pytest.mark.parametrize("output", ["a.png", "a.npy"])
def test_again_says_what_to_type_and_that_makes_the_same_bytes(zoo, output):
    zoo("translate", "toy-painter", "0.png", "1.png", "--gain", "2.0", "-o", output)
    before = Path(output).read_bytes()
    said = zoo("run", "--again", output, code=2)
    assert f"{output} was made of files by `aigc-zoo translate`, and --again repeats only what run made. Type: " in said
    typed = shlex.split(said.partition("Type: aigc-zoo ")[2])
    os.unlink(output)
    zoo(*typed)
    assert Path(output).read_bytes() == before


def test_a_bad_image_or_output_is_one_sentence_and_nothing_is_written(zoo):
    Path("text.png").write_text("no image\n")
    before = sorted(os.listdir())
    assert "text.png is no image with pixels" in zoo("translate", "toy-painter", "0.png", "text.png", code=2)
    assert "gone.png does not exist" in zoo("translate", "toy-painter", "gone.png", code=2)
    assert "Cannot tell what to write to a.jpg" in zoo("translate", "toy-painter", "gone.png", "-o", "a.jpg", code=2)
    assert "missing argument" in zoo("translate", "toy-painter", code=2).lower()
    assert sorted(os.listdir()) == before


def test_who_cannot_says_who_can_and_a_translator_makes_nothing_from_noise(zoo):
    said = zoo("translate", "dcgan-fashion", "0.png", code=2)
    assert "dcgan-fashion does not translate images; it can generate" in said
    assert "toy-greyer" in said
    said = zoo("run", "toy-painter", code=2)
    expected = "toy-painter turns images into others, and makes nothing from noise. Try: aigc-zoo translate toy-painter"
    assert said == f"aigc-zoo: {expected} IMAGE\n"
    assert "toy-painter does not reconstruct images; it can translate" in zoo(
        "reconstruct", "toy-painter", "0.png", code=2
    )


def test_a_terminal_is_not_steered_by_a_name(zoo):
    Path("\x1b[31mred.png").write_bytes(Path("photo.png").read_bytes())
    assert "\x1b" not in zoo("translate", "toy-painter", "\x1b[31mred.png")


def test_completion_offers_the_models_that_can(toys):
    shell = {"_AIGC_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": "aigc-zoo translate toy-", "COMP_CWORD": "2"}
    offered = toys.zoo(**shell).stdout
    assert "plain,toy-painter\n" in offered
    assert "toy-linear" not in offered


# --- In Python ---


def test_levels_and_numbers_in_range_are_translated_alike():
    model = load("toy-painter")
    made = model.translate(LEVELS)
    assert (made.kind, made.range, made.values.shape) == ("image", (0.0, 1.0), (70, 3, 28, 28))
    assert np.array_equal(made.levels()[:, :1], LEVELS)
    assert np.array_equal(model.translate((LEVELS / np.float32(255)).astype(np.float32)).values, made.values)
    assert load("toy-greyer").translate(FREE).values.shape == (2, 1, 16, 24)


@given(st.lists(st.integers(0, 69), min_size=1, max_size=70, unique=True))
def test_an_image_is_translated_alike_whatever_is_beside_it(rows):
    model = load("toy-painter")
    assert np.array_equal(model.translate(LEVELS[rows]).values, model.translate(LEVELS).values[rows])


def test_large_images_are_computed_one_at_a_time():
    images = np.zeros((3, 3, 256, 256), np.uint8)  # the toy itself asserts that it is given one
    assert load("toy-large").translate(images).values.shape == (3, 3, 256, 256)


def test_nothing_global_changes():
    before = (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())
    load("toy-painter").translate(LEVELS)
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (LEVELS[:, :, :27], r"An image has the shape \[1, 27, 28\]; toy-painter takes 1 x 28 x 28"),
        (LEVELS[:0], "There are no images"),
        (LEVELS.tolist(), "Images are given as a numpy array"),
        (LEVELS.astype(np.float64), "The images are float64"),
        (np.full((1, 1, 28, 28), 1.5, np.float32), r"values outside of \[0, 1\]"),
    ],
)
def test_images_that_a_model_does_not_take(images, sentence):
    with pytest.raises(WrongUse, match=sentence):
        load("toy-painter").translate(images)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("toy-paint-raises", "toy-zoo 1.0 failed to translate with toy-paint-raises: ValueError: no such layer"),
        ("toy-paint-nan", r"toy-zoo 1.0 made values outside of \[0, 1\], or no numbers"),
        ("toy-paint-range", r"toy-zoo 1.0 made values outside of \[0, 1\]"),
        ("toy-paint-shape", r"made values of shape \[64, 1, 28, 28\], the manifest says \[64, 3, 28, 28\]"),
        ("toy-paint-type", "made no Samples with a float32 array"),
        ("toy-no-translate", "by toy-zoo, has no translate, and its manifest says that it can translate"),
        ("toy-nothing-in", "toy-nothing-in is said to translate, but its manifest has no use.input"),
    ],
)
def test_a_plugin_that_breaks_its_contract_is_named(name, sentence):
    with pytest.raises(NotAvailable, match=sentence):
        load(name).translate(LEVELS)
