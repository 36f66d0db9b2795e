"""Noise in a file or an array makes the samples that its seed makes; what does not fit is refused in a sentence."""

import hashlib
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load_file, save_file

from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec
from aigc_core.run import receipt as receipts
from aigc_core.run.noise import checked, draw

SPECS = {"latent": NoiseSpec((3,), "normal"), "class": NoiseSpec((), "uniform")}


def refused(sentence, call):
    with pytest.raises(WrongUse, match=sentence):
        call()


@pytest.fixture
def zoo(toy):
    """Run a command; by default it is to succeed in silence on the standard error stream."""

    def run(*words, code=0):
        found, out, err = toy(*words)
        assert found == code, err
        assert code or not err
        return out if code == 0 else err

    return run


# --- in Python ---


@pytest.mark.parametrize("count", [1, 63, 65])
def test_the_noise_of_a_seed_makes_its_samples(model, count):
    noise = model.noise(count, seed=5, start=7)
    assert {name: values.shape[1:] for name, values in noise.items()} == {
        name: spec.shape for name, spec in model.generator.noise.items()
    }
    assert np.array_equal(model.from_noise(noise).values, model.generate(count, seed=5, start=7).values)
    if len(noise) == 1:
        (only,) = noise.values()
        assert np.array_equal(model.from_noise(only).values, model.from_noise(noise).values)


def test_a_row_depends_on_its_noise_alone():
    model = load("dcgan-digits")
    noise = model.noise(70)["latent"]
    assert np.array_equal(model.from_noise(noise[::-1].copy()).values, model.from_noise(noise).values[::-1])
    assert np.array_equal(model.from_noise(noise[5:6]).values, model.from_noise(noise).values[5:6])


def test_options_and_batch_size_count_as_for_a_seed():
    model = load("dcgan-digits")
    noise = model.noise(9)
    made = model.from_noise(noise, truncation=0.5, batch_size=4).values
    assert np.array_equal(made, model.generate(9, truncation=0.5, batch_size=4).values)
    refused("truncation", lambda: model.from_noise(noise, truncation=-1))
    refused("batch_size is 0", lambda: model.from_noise(noise, batch_size=0))


@given(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=30), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=50, deadline=None)
def test_what_fits_comes_through_as_it_is(numbers, kind):
    rows = len(numbers) // 3
    latent = np.array(numbers[: 3 * rows], kind).reshape(rows, 3)
    found = checked(SPECS, {"latent": latent, "class": np.full(rows, 0.25, kind)}, "It", "m")
    assert [found[name].dtype for name in SPECS] == [np.float32] * 2
    assert np.array_equal(found["latent"], latent)


def test_drawn_noise_always_fits():
    drawn = draw(SPECS, 3, range(1000))
    assert all(np.array_equal(drawn[name], found) for name, found in checked(SPECS, drawn, "It", "m").items())


GOOD = draw(SPECS, 0, range(4))
BAD = np.array([0, 0.5, np.nan, 0.1], np.float32)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"class": None}, "It has no class, and m takes latent and class"),
        ({"clas": GOOD["class"]}, "It has clas, and m takes latent and class"),
        ({"latent": GOOD["latent"][:, :2]}, r"latent of It has shape \[4, 2\]; m takes float32 of shape \[n, 3\]"),
        ({"latent": GOOD["latent"][:0]}, r"latent of It has shape \[0, 3\]"),
        ({"latent": np.float32(1)}, "latent of It"),
        ({"latent": [[1.0, 2.0, 3.0]]}, "latent of It is list"),
        ({"latent": np.zeros((4, 3), int)}, "latent of It is int64; m takes float32"),
        ({"latent": np.zeros((4, 3), complex)}, "latent of It is complex128"),
        ({"latent": np.full((4, 3), 1e300)}, "latent of It has numbers that are not finite, first in row 0"),
        ({"class": BAD}, "class of It has numbers that are not finite, first in row 2"),
        (
            {"class": np.array([0, 0.5, 1, 0.2], np.float32)},
            "class of It is uniform, from 0 up to but not 1, and row 2",
        ),
        ({"class": np.array([0, -0.1, 0, 0], np.float32)}, "class of It is uniform, .* and row 1 is not"),
        ({"class": np.full(4, 1 - 1e-12)}, "class of It is uniform"),
        ({"class": GOOD["class"][:3]}, "It has latent of 4, class of 3 samples"),
    ],
    ids=str,
)
def test_noise_that_does_not_fit_is_refused(change, sentence):
    inputs = {name: values for name, values in (GOOD | change).items() if values is not None}
    refused(sentence, lambda: checked(SPECS, inputs, "It", "m"))


def test_one_array_is_for_one_input():
    with pytest.raises(WrongUse, match="It is one array, and m takes latent and class") as refusal:
        checked(SPECS, GOOD["latent"], "It", "m")
    assert refusal.value.hint == "Give each by its name."
    refused("It is one array, and m takes no noise", lambda: checked({}, GOOD["latent"], "It", "m"))


def test_a_model_without_a_prior_takes_none(toy):
    refused("has no prior", lambda: load("toy-exact").from_noise(np.zeros((1, 20), np.float32)))
    refused("has no prior", lambda: load("toy-exact").noise(3))


# --- as a command ---


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_every_kind_of_option_is_typed_as_a_flag():
    options = {"top_k": 3, "stop": ["a", "b"], "greedy": True, "loud": False}
    typed = ["--top-k", "3", "--stop", "a", "--stop", "b", "--greedy", "--no-loud"]
    assert receipts.as_flags(options) == typed


def test_what_to_type_with_saved_noise_has_every_flag_that_decides_the_pixels(zoo):
    flags = ["--class", 3, "--truncation", 0.7, "--batch-size", 2, "--dtype", "float32"]
    out = zoo("run", "cgan-fashion", "-n", "4", *flags, "-o", "a.png", "--save-latent", "z 1.safetensors")
    command = "aigc-zoo run cgan-fashion --latent 'z 1.safetensors' --class 3 --truncation 0.7"
    command += " --batch-size 2 --dtype float32"
    assert out.endswith(f"Edit it, then: {command}\n")
    zoo(*shlex.split(command)[1:], "-o", "b.png")
    assert np.array_equal(pixels("a.png"), pixels("b.png"))


@pytest.mark.parametrize("file", ["z.npy", "z.safetensors"])
def test_saved_edited_and_given_back(zoo, file):
    out = zoo("run", "dcgan-digits", "-n", "9", "--seed", "4", "--start", "2", "-o", "a.png", "--save-latent", file)
    last = f"{file}: what they are made of. Edit it, then: aigc-zoo run dcgan-digits --latent {file}\n"
    assert out.endswith(last)
    noise = np.load(file) if file == "z.npy" else load_file(file)["latent"]
    assert np.array_equal(noise, load("dcgan-digits").noise(9, seed=4, start=2)["latent"])
    out = zoo("run", "dcgan-digits", "--latent", file, "-o", "b.png")
    assert out.startswith(f"b.png: 9 images of {file} by dcgan-digits, in ")
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
    noise = noise.copy()
    noise[0] = -noise[0]
    np.save("z.npy", noise) if file == "z.npy" else save_file({"latent": noise}, file)
    zoo("run", "dcgan-digits", "--latent", file, "-o", "c.png")
    changed = pixels("c.png") != pixels("b.png")
    assert changed[2:30, 2:30].any()
    changed[2:30, 2:30] = False
    assert not changed.any()


def test_several_inputs_go_by_name(zoo):
    zoo("run", "toy-two", "-n", "5", "-o", "a.npy", "--save-latent", "z.safetensors")
    tensors = load_file("z.safetensors")
    assert {name: values.shape for name, values in tensors.items()} == {"latent": (5, 20), "class": (5,)}
    zoo("run", "toy-two", "--latent", "z.safetensors", "-o", "b.npy")
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
    tensors["class"][:] = 0.75
    save_file(tensors, "z.safetensors")
    zoo("run", "toy-two", "--latent", "z.safetensors", "-o", "b.npy")
    assert (np.load("b.npy")[:, :, :14] == 1).all()


def test_every_kind_of_output_and_its_names(zoo):
    zoo("run", "dcgan-digits", "-n", "3", "-o", "a.npy", "--save-latent", "z.npy")
    for output in ("b.npy", "b.safetensors", "all/"):
        zoo("run", "dcgan-digits", "--latent", "z.npy", "-o", output)
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
    assert np.array_equal(np.load("a.npy"), load_file("b.safetensors")["samples"])
    assert sorted(path.name for path in Path("all").iterdir())[-1] == "dcgan-digits-latent-000002.png"
    assert receipts.found("all/dcgan-digits-latent-000002.png")["indices"] == [2, 3]
    zoo("run", "dcgan-digits", "--latent", "z.npy", "-q")
    assert Path("dcgan-digits-latent.png").exists()


def test_the_receipt_names_the_noise_and_again_says_what_to_type(zoo):
    zoo("run", "dcgan-digits", "-n", "3", "-o", "a.png", "--save-latent", "z.npy")
    zoo("run", "dcgan-digits", "--latent", "z.npy", "--truncation", "0.7", "--batch-size", "8", "-o", "b.png")
    receipt = receipts.found("b.png")
    digest = hashlib.sha256(Path("z.npy").read_bytes()).hexdigest()
    assert receipt["inputs"] == [{"name": "z.npy", "sha256": digest}]
    assert (receipt["verb"], receipt["options"], receipt["batch_size"]) == ("run", {"truncation": 0.7}, 8)
    assert "seed" not in receipt
    assert str(Path.cwd()) not in json.dumps(receipt), "no path of this machine"
    before = Path("b.png").read_bytes()
    for file in ("b.png", "z.npy"):
        said = zoo("run", "--again", file, code=2)
        typed = shlex.split(said.partition("Type: aigc-zoo ")[2])
        noise = Path("z.npy").read_bytes()
        zoo(*typed)
        assert Path("z.npy").read_bytes() == noise
    assert Path("b.png").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--latent", "gone.npy"], "gone.npy does not exist."),
        (["--latent", "gone.png"], "gone.png has no noise. It takes what --save-latent writes"),
        (["--latent", "text.npy"], "text.npy has no noise: "),
        (["--latent", "none.npy"], "none.npy has noise of no sample."),
        (["--latent", "one.safetensors"], "one.safetensors has no noise: its latent is one number."),
        (["--latent", "two.safetensors"], "two.safetensors has noise of 1 and 2 samples"),
        (
            ["--latent", "other.npy"],
            "latent of other.npy has shape [2, 7]; dcgan-digits takes float32 of shape [n, 100].",
        ),
        (["--latent", "bad.npy"], "latent of bad.npy has numbers that are not finite, first in row 1."),
        (["--latent", "object.npy"], "object.npy has no noise: "),
        (["--latent", "other.npy", "-n", "3"], "--latent says what is made, and of how many: leave out --count."),
        (["--latent", "other.npy", "--seed", "0"], "leave out --seed."),
        (["--latent", "other.npy", "--save-latent", "b.npy"], "leave out --save-latent."),
        (["--latent", "other.npy", "-o", "other.npy"], "The images and their noise cannot both be other.npy."),
        (["--save-latent", "z.npy", "-o", "./z.npy"], "The images and their noise cannot both be ./z.npy."),
        (["--save-latent", "z.txt"], "Cannot write noise to z.txt. Name a .safetensors or an .npy."),
        (["--save-latent", "no/where/z.npy"], "does not exist"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(zoo, words, sentence):
    Path("text.npy").write_text("no array")
    np.save("none.npy", np.zeros((0, 100), np.float32))
    np.save("other.npy", np.zeros((2, 7), np.float32))
    np.save("bad.npy", np.array([[0.0] * 100, [np.inf] * 100], np.float32))
    np.save("object.npy", np.array([{}], object), allow_pickle=True)
    save_file({"latent": np.array(1, np.float32)}, "one.safetensors")
    save_file({"latent": np.zeros((1, 20)), "class": np.zeros(2)}, "two.safetensors")
    before = sorted(path.name for path in Path().iterdir())
    said = zoo("run", "dcgan-digits", *words, code=2)
    assert sentence in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == before


def test_one_array_for_two_inputs_is_refused_on_both_ways(zoo):
    np.save("z.npy", np.zeros((2, 20), np.float32))
    assert "z.npy is one array, and toy-two takes latent and class." in zoo(
        "run", "toy-two", "--latent", "z.npy", code=2
    )
    said = zoo("run", "toy-two", "--save-latent", "b.npy", code=2)
    assert "toy-two takes latent and class, and an .npy holds one array. Name a .safetensors." in said
    assert not Path("toy-two-0.png").exists()


def test_a_text_has_no_latent(zoo):
    said = zoo("run", "char-shakespeare", "--latent", "z.npy", code=2)
    assert said == "aigc-zoo: char-shakespeare is a text model, whose noise is no latent: leave out --latent.\n"


def test_latents_of_an_encoder_are_noise_of_its_prior(zoo):
    zoo("run", "toy-linear", "-n", "2", "-o", "two/")
    zoo("encode", "toy-linear", *sorted(map(str, Path("two").iterdir())), "-o", "l.npy")
    zoo("run", "toy-linear", "--latent", "l.npy", "-o", "a.npy")
    zoo("decode", "toy-linear", "l.npy", "-o", "b.npy")
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
