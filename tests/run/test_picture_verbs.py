"""``reconstruct``, ``interpolate``, ``encode`` and ``decode`` as commands: what they write and say, and refuse."""

import json
import os
import re
import shlex
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from aigc_core.manifest.schema import schema
from aigc_core.run import receipt as receipts
from aigc_core.run.similarity import psnr, ssim

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 28, 28), np.uint8)


@pytest.fixture
def zoo(toy):
    """Run a verb; by default it is to succeed in silence on the standard error stream."""

    def run(*arguments, code=0, err=""):
        found, out, said = toy(*arguments)
        if code:
            assert (found, said.count("\n"), "Traceback" in said) == (code, 1, False), said
            assert len(said) < 500
            return said
        assert (found, said) == (0, err)
        return out

    for index, pixels in enumerate(GREY):
        Image.fromarray(pixels).save(f"{index}.png")
    Image.fromarray(RANDOM.integers(0, 256, (480, 640, 3), np.uint8)).save("photo.png")
    Image.fromarray(RANDOM.integers(0, 256, (30, 50, 3), np.uint8)).save("small.png")
    return run


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def embedded(path):
    return receipts.found(path)


# --- reconstruct ---


def test_originals_stand_over_their_reconstructions(zoo):
    out = zoo("reconstruct", "toy-exact", "0.png", "1.png", "2.png")
    assert out.startswith("0.png: PSNR infinite, SSIM 1.0000\n1.png: PSNR infinite, SSIM 1.0000\n")
    assert "mean of 3 images: PSNR infinite, SSIM 1.0000\n" in out
    assert "toy-exact-reconstructed.png: 3 images reconstructed by toy-exact, in " in out
    sheet = pixels("toy-exact-reconstructed.png").copy()
    assert sheet.shape == (62, 92), "two rows of three, with two pixels around each"
    for row in (0, 1):
        for column in range(3):
            top, left = 2 + 30 * row, 2 + 30 * column
            assert np.array_equal(sheet[top : top + 28, left : left + 28], GREY[column])
            sheet[top : top + 28, left : left + 28] = 0
    assert not sheet.any()


def test_twenty_images_make_rows_of_pairs(zoo):
    zoo("reconstruct", "toy-linear", *["0.png", "1.png"] * 10, "-o", "a.png")
    sheet = pixels("a.png")
    assert sheet.shape == (6 * 30 + 2, 8 * 30 + 2)
    assert np.array_equal(sheet[2 + 60 : 30 + 60, 2:30], GREY[0]), "the ninth image begins the third row"
    assert np.array_equal(sheet[2 + 30 : 60, 2:30], sheet[2 + 90 : 120, 2:30])


def test_one_image_has_no_mean(zoo):
    out = zoo("reconstruct", "toy-linear", "0.png")
    assert out.count("\n") == 2
    assert "mean" not in out


def test_json_has_a_line_an_image(zoo):
    out = zoo("reconstruct", "toy-linear", "0.png", "./photo.png", "--json", "-o", "all/")
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        jsonschema.Draft202012Validator(schema("reconstruct")).validate(line)
    assert [line["file"] for line in lines] == ["0.png", "./photo.png"]
    assert [(line["size"], line["seen"]) for line in lines] == [([28, 28], [28, 28]), ([480, 640], [21, 28])]
    rebuilt = pixels("all/toy-linear-reconstructed-000000.png")[None]
    assert lines[0]["psnr"] == psnr(GREY[:1], rebuilt)
    assert lines[0]["ssim"] == ssim(GREY[:1], rebuilt)
    assert lines[1]["receipt"]["inputs"][0]["name"] == "photo.png"
    assert json.loads(zoo("reconstruct", "toy-exact", "0.png", "--json"))["psnr"] is None


def test_what_was_scaled_is_said_and_what_was_padded_cut(zoo):
    out = zoo("reconstruct", "toy-exact", "0.png", "photo.png", "-o", "all/")
    assert "photo.png: PSNR infinite, SSIM 1.0000 (scaled to 28 x 21)\n" in out
    assert "0.png: PSNR infinite, SSIM 1.0000\n" in out
    with Image.open("photo.png") as photo:
        expected = photo.convert("L").resize((28, 21), Image.Resampling.BICUBIC)
    assert np.array_equal(pixels("all/toy-exact-reconstructed-000001.png"), np.asarray(expected))


def test_any_size_comes_back_in_its_own(zoo):
    out = zoo("reconstruct", "toy-free", "photo.png", "small.png", "0.png", "-o", "all/")
    assert "photo.png: " in out
    assert "(scaled to 64 x 48)" in out
    shapes = [pixels(f"all/toy-free-reconstructed-{index:06}.png").shape for index in range(3)]
    assert shapes == [(48, 64, 3), (30, 50, 3), (28, 28, 3)]
    zoo("reconstruct", "toy-free", "photo.png", "small.png", "-o", "a.png")
    assert pixels("a.png").shape == (2 * 50 + 2, 2 * 66 + 2, 3)


@pytest.mark.parametrize("output", ["a.npy", "a.safetensors"])
def test_raw_reconstructions(zoo, output):
    from aigc_core import load

    zoo("reconstruct", "toy-linear", "0.png", "1.png", "-o", output)
    expected = load("toy-linear").reconstruct(GREY[:2, None]).values
    found = np.load(output) if output == "a.npy" else safe_open(output, "np").get_tensor("samples")
    assert np.array_equal(found, expected)
    said = zoo("reconstruct", "toy-free", "photo.png", "small.png", "-o", output, code=2)
    assert "The pictures are of 64 x 48 and 50 x 30 pixels, which no array holds. Write a .png or into -o DIR/" in said


def test_the_receipt_says_of_what_and_by_what(zoo):
    import hashlib

    zoo("reconstruct", "toy-linear", "0.png", "photo.png", "--gain", "2")
    receipt = embedded("toy-linear-reconstructed.png")
    digest = hashlib.sha256(Path("0.png").read_bytes()).hexdigest()
    assert receipt["inputs"][0] == {"name": "0.png", "sha256": digest, "place": [0, 0, 28, 28]}
    assert receipt["inputs"][1]["place"] == [3, 0, 21, 28]
    assert (receipt["verb"], receipt["model"], receipt["options"]) == ("reconstruct", "toy:toy-linear", {"gain": 2.0})
    assert receipt.keys() >= {"plugin", "core", "weights", "engine", "dtype", "device", "torch", "threads"}
    assert str(Path.cwd()) not in json.dumps(receipt), "no path of this machine"


def test_the_same_command_gives_the_same_bytes(zoo):
    for verb, *rest in (["reconstruct", "0.png", "photo.png"], ["interpolate", "0.png", "1.png"]):
        for output in ("a.png", "b.png"):
            zoo(verb, "toy-linear", *rest, "-o", output)
        assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


# --- interpolate ---


def test_a_row_from_one_reconstruction_to_the_other(zoo):
    out = zoo("interpolate", "toy-exact", "0.png", "1.png", "-n", "5")
    assert out.startswith("toy-exact-interpolated.png: 5 images from 0.png to 1.png by toy-exact, in ")
    row = pixels("toy-exact-interpolated.png")
    assert row.shape == (32, 5 * 30 + 2)
    assert np.array_equal(row[2:30, 2:30], GREY[0])
    assert np.array_equal(row[2:30, 122:150], GREY[1])
    middle = row[2:30, 62:90].astype(float)
    assert np.abs(middle - (GREY[0].astype(float) + GREY[1]) / 2).max() <= 0.5


def test_nine_are_made_and_all_kinds_written(zoo):
    zoo("interpolate", "toy-linear", "0.png", "1.png", "-o", "a.npy")
    assert np.load("a.npy").shape == (9, 1, 28, 28)
    zoo("interpolate", "toy-linear", "0.png", "1.png", "-o", "row/")
    assert sorted(os.listdir("row"))[-1] == "toy-linear-interpolated-000008.png"
    assert embedded("row/toy-linear-interpolated-000008.png")["row"] == 8


def test_pictures_at_different_places_are_cut_to_both(zoo):
    Image.new("L", (640, 480), 90).save("wide.png")
    Image.new("L", (480, 640), 90).save("high.png")
    out = zoo("interpolate", "toy-exact", "wide.png", "high.png", "-o", "row/")
    assert "wide.png to high.png (wide.png scaled to 28 x 21, high.png scaled to 21 x 28) by" in out
    assert pixels("row/toy-exact-interpolated-000004.png").shape == (28, 28)
    zoo("interpolate", "toy-exact", "wide.png", "wide.png", "-o", "same/")
    assert pixels("same/toy-exact-interpolated-000004.png").shape == (21, 28)


@pytest.mark.parametrize("count", ["1", "0", "-3", "x"])
def test_fewer_than_two_are_no_way(zoo, count):
    assert "count" in zoo("interpolate", "toy-linear", "0.png", "1.png", "-n", count, code=2)


def test_there_is_no_way_between_two_sizes(zoo):
    said = zoo("interpolate", "toy-free", "photo.png", "small.png", code=2)
    assert "The two images come to 64 x 48 and 56 x 32 pixels" in said


def test_a_row_too_long_is_refused_before_any_work(zoo):
    assert "Write into -o DIR/" in zoo("interpolate", "toy-linear", "0.png", "1.png", "-n", "100000", code=2)


# --- encode and decode ---


@pytest.mark.parametrize("name", ["toy-linear", "toy-codes", "toy-exact"])
@pytest.mark.parametrize("latents", ["a.safetensors", "a.npy"])
def test_decoding_what_was_encoded_is_a_reconstruction_to_the_bit(zoo, name, latents):
    images = ["0.png", "photo.png", "small.png"]
    zoo("encode", name, *images, "-o", latents)
    zoo("decode", name, latents, "-o", "decoded/")
    zoo("reconstruct", name, *images, "-o", "rebuilt/")
    for index in range(3):
        one, other = f"decoded/{name}-decoded-{index:06}.png", f"rebuilt/{name}-reconstructed-{index:06}.png"
        assert np.array_equal(pixels(one), pixels(other))
    zoo("encode", name, "0.png", "1.png", "-o", latents)
    zoo("decode", name, latents, "-o", "d.npy")
    zoo("reconstruct", name, "0.png", "1.png", "-o", "r.npy")
    assert np.array_equal(np.load("d.npy"), np.load("r.npy"))


def test_any_size_goes_there_and_back(zoo):
    out = zoo("encode", "toy-free", "small.png", "-o", "a.safetensors")
    assert "a.safetensors: latents, 3 x 8 x 14 each, of 1 image by toy-free" in out
    zoo("decode", "toy-free", "a.safetensors", "-o", "d/")
    zoo("reconstruct", "toy-free", "small.png", "-o", "r/")
    found = pixels("d/toy-free-decoded-000000.png")
    assert found.shape == (30, 50, 3)
    assert np.array_equal(found, pixels("r/toy-free-reconstructed-000000.png"))
    said = zoo("encode", "toy-free", "small.png", "photo.png", code=2)
    assert "small.png comes to 56 x 32 pixels and photo.png to 64 x 48, so one file cannot hold both" in said


def test_what_a_file_of_latents_holds(zoo):
    out = zoo("encode", "toy-linear", "0.png", "photo.png")
    assert "toy-linear-latents.safetensors: latents, 20 each, of 2 images (1 scaled down) by toy-linear, in " in out
    with safe_open("toy-linear-latents.safetensors", "np") as file:
        assert sorted(file.keys()) == ["deviation", "latents"]
        assert file.get_tensor("latents").shape == file.get_tensor("deviation").shape == (2, 20)
    receipt = embedded("toy-linear-latents.safetensors")
    assert [entry["name"] for entry in receipt["inputs"]] == ["0.png", "photo.png"]
    zoo("encode", "toy-codes", "0.png", "-o", "codes.npy")
    assert np.load("codes.npy").dtype == np.int64
    assert embedded("codes.npy")["verb"] == "encode"


def test_latents_of_nobody_are_decoded_whole(zoo):
    np.save("a.npy", RANDOM.standard_normal((5, 20)).astype(np.float32))
    out = zoo("decode", "toy-linear", "a.npy")
    assert out.startswith("toy-linear-decoded.png: 5 images of a.npy by toy-linear, in ")
    assert pixels("toy-linear-decoded.png").shape == (32, 5 * 30 + 2)
    np.save("a.npy", np.asfortranarray(np.load("a.npy")))
    zoo("decode", "toy-linear", "a.npy", "-o", "b.png")
    assert np.array_equal(pixels("b.png"), pixels("toy-linear-decoded.png"))
    assert embedded("b.png")["inputs"][0].keys() == {"name", "sha256"}


def test_latents_of_another_model_are_said(zoo):
    zoo("encode", "toy-linear", "0.png", "-o", "a.safetensors")
    receipt = embedded("a.safetensors") | {"weights": {"weights/other": "0" * 64}}
    with safe_open("a.safetensors", "np") as file:
        save_file({"latents": file.get_tensor("latents")}, "a.safetensors", {"aigc-zoo": json.dumps(receipt)})
    said = "a.safetensors was encoded with other weights than those of toy-linear, which decodes it.\n"
    zoo("decode", "toy-linear", "a.safetensors", err=said)


def npy_that_says(shape, dtype="<f4"):
    from io import BytesIO

    stream = BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + b"\0" * 100


def pickled():
    np.save("a.npy", np.array([{"a": print}], object), allow_pickle=True)


def zipped():
    np.savez("a.npz", latents=np.zeros((1, 20), "f4"))
    os.rename("a.npz", "a.npy")


def st(tensors, **how):
    save_file(tensors, "a.safetensors", **how)


def with_places(*places):
    entry = [{"name": "x", "sha256": "0", "place": place} for place in places]
    receipt = {"verb": "encode", "inputs": entry, "weights": {}}
    st({"latents": np.zeros((1, 20), "f4")}, metadata={"aigc-zoo": json.dumps(receipt)})


BAD = {
    "nothing there": ("a.npy", lambda: None, 2, "a.npy does not exist"),
    "a folder": ("a.npy", lambda: Path("a.npy").mkdir(), 2, "a.npy is a folder"),
    "a pipe": ("a.npy", lambda: os.mkfifo("a.npy"), 2, "a.npy is no file with something in it"),
    "an image": ("0.png", lambda: None, 2, "0.png has no latents. It takes a .safetensors with a tensor `latents`"),
    "a text": ("a.npy", lambda: Path("a.npy").write_text("text"), 2, "a.npy has no latents: "),
    "nothing in it": ("a.safetensors", lambda: Path("a.safetensors").touch(), 2, "a.safetensors has no latents: "),
    "a pickle": ("a.npy", pickled, 2, "a.npy has no latents: its header does not fit what follows"),
    "a zip": ("a.npy", zipped, 2, "a.npy has no latents: "),
    "far more than there is": (
        "a.npy", lambda: Path("a.npy").write_bytes(npy_that_says((10**12, 20))), 2, "its header does not fit",
    ),
    "a size below 0": ("a.npy", lambda: Path("a.npy").write_bytes(npy_that_says((-1, 20))), 2, "has no latents"),
    "no rows": ("a.npy", lambda: np.save("a.npy", np.zeros((0, 20), "f4")), 2, "There are no latents"),
    "one number": ("a.npy", lambda: np.save("a.npy", np.float32(1)), 2, "its header does not fit"),
    "another shape": ("a.npy", lambda: np.save("a.npy", np.zeros((2, 19), "f4")), 2, "latents of shape [2, 19], not"),
    "NaN": ("a.npy", lambda: np.save("a.npy", np.full((2, 20), np.nan, "f4")), 2, "no finite numbers"),
    "another type": ("a.npy", lambda: np.save("a.npy", np.zeros((2, 20))), 2, "latents that are float64, not float32"),
    "records": ("a.npy", lambda: np.save("a.npy", np.zeros(2, "f4,f4")), 2, "latents that are [('f0'"),
    "another tensor": (
        "a.safetensors", lambda: st({"samples": np.zeros((2, 20), "f4")}), 2, "no latents: its tensors are samples",
    ),
    "a cut file": (
        "a.safetensors",
        lambda: (st({"latents": np.zeros((2, 20), "f4")}), os.truncate("a.safetensors", 90)),
        2,
        "a.safetensors has no latents: ",
    ),
    "a damaged receipt": (
        "a.safetensors",
        lambda: st({"latents": np.zeros((1, 20), "f4")}, metadata={"aigc-zoo": "{"}),
        2,
        "a.safetensors has no latents: ",
    ),
    "places of two": ("a.safetensors", lambda: with_places([0, 0, 1, 1], [0, 0, 1, 1]), 4, "where each of its 1"),
    "a place outside": (
        "a.safetensors", lambda: with_places([20, 0, 28, 28]), 4, "to lie at [20, 0, 28, 28] of an image of 28 x 28",
    ),
    "a place of nothing": ("a.safetensors", lambda: with_places([0, 0, 0, 28]), 4, "does not say where"),
    "a place in words": ("a.safetensors", lambda: with_places("here"), 4, "does not say where"),
    "a place of truth": ("a.safetensors", lambda: with_places([True, 0, 1, 1]), 4, "does not say where"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_latents_are_one_sentence(zoo, name):
    path, make, code, sentence = BAD[name]
    make()
    assert sentence in zoo("decode", "toy-linear", path, code=code)
    assert not Path("toy-linear-decoded.png").exists()


def test_latents_too_large_are_not_read(zoo, monkeypatch):
    from aigc_core.run import latents_file

    with open("a.npy", "wb") as stream:
        stream.truncate(latents_file.FILE_BYTES + 1)
    assert "a.npy has more than 256 MB" in zoo("decode", "toy-linear", "a.npy", code=2)
    np.save("b.npy", np.zeros((1, 3, 1000, 1000), "f4"))
    assert "of images that are too large for toy-free" in zoo("decode", "toy-free", "b.npy", code=2)


# --- All of them ---


@pytest.mark.parametrize("verb", ["reconstruct", "encode"])
def test_bad_images_are_one_sentence_and_nothing_is_written(zoo, verb):
    Path("text.png").write_text("no image\n")
    Path("folder").mkdir()
    before = sorted(os.listdir())
    for name, sentence in {
        "text.png": "text.png is no image with pixels. It takes a PNG, JPEG, WEBP, BMP, GIF, TIFF or PPM",
        "gone.png": "gone.png does not exist",
        "folder": "folder is a folder. Name its images: folder/*.png",
    }.items():
        assert sentence in zoo(verb, "toy-linear", "0.png", name, code=2)
    assert "missing argument" in zoo(verb, "toy-linear", code=2).lower()
    assert sorted(os.listdir()) == before


def test_a_wrong_output_is_refused_before_an_image_is_read(zoo):
    for verb, images in {"reconstruct": ["gone.png"], "interpolate": ["gone.png"] * 2, "decode": ["gone.npy"]}.items():
        assert "Cannot tell what to write to a.jpg" in zoo(verb, "toy-linear", *images, "-o", "a.jpg", code=2)
        assert "the folder" in zoo(verb, "toy-linear", *images, "-o", "no/where/a.png", code=2)
    for output in ("a.png", "all/", "a"):
        assert "Cannot write latents to " in zoo("encode", "toy-linear", "gone.png", "-o", output, code=2)


@pytest.mark.parametrize("verb", ["reconstruct", "interpolate", "encode", "decode"])
@pytest.mark.parametrize("name", ["dcgan-fashion", "char-shakespeare"])
def test_a_model_of_another_family_says_what_it_can(zoo, verb, name):
    if (verb, name) == ("interpolate", "dcgan-fashion"):
        pytest.skip("it can, between samples: test_between.py")
    said = zoo(verb, name, *["0.png"] * (2 if verb == "interpolate" else 1), code=2)
    assert f"aigc-zoo: {name} does not " in said
    assert "; it can generate" in said
    assert "cvae-fashion, " in said.partition("Models that can: ")[2]
    assert re.search(r", [a-z-]+ and \d+ more\.", said)


def test_run_without_a_prior_names_the_verb_that_works(zoo):
    said = zoo("run", "toy-exact", code=2)
    expected = "toy-exact has no prior, so it makes nothing from noise. Try: aigc-zoo reconstruct toy-exact IMAGE\n"
    assert said == f"aigc-zoo: {expected}"
    assert said == zoo("run", "toy-exact", "photo.png", code=2)
    zoo("run", "toy-linear", "-n", "2")


def test_the_models_own_options_are_flags(zoo):
    assert "--gain" in zoo("reconstruct", "toy-linear", "--help")
    assert "is 10.0, it takes at most 9" in zoo("encode", "toy-linear", "0.png", "--gain", "10", code=2)
    assert "no such option" in zoo("encode", "toy-linear", "0.png", "--gian", "1", code=2).lower()
    assert "See: aigc-zoo reconstruct MODEL --help" in zoo("reconstruct", "--help")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["reconstruct", "toy-linear", "0.png", "my photo.png", "--gain", "2.0"], "a.png"),
        (["interpolate", "toy-linear", "0.png", "1.png", "-n", "3"], "a.npy"),
        (["encode", "toy-linear", "0.png"], "a.safetensors"),
        (["encode", "toy-linear", "0.png"], "a.npy"),
        (["decode", "toy-linear", "l.safetensors"], "a.png"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_again_says_what_to_type_and_that_makes_the_same_bytes(zoo, words, file):
    Image.fromarray(GREY[2]).save("my photo.png")
    zoo("encode", "toy-linear", "0.png", "1.png", "-o", "l.safetensors")
    zoo(*words, "-o", file)
    before = Path(file).read_bytes()
    said = zoo("run", "--again", file, code=2)
    assert f"{file} was made of files by `aigc-zoo {words[0]}`, and --again repeats only what run made. Type: " in said
    typed = shlex.split(said.partition("Type: aigc-zoo ")[2])
    os.unlink(file)
    zoo(*typed)
    assert Path(file).read_bytes() == before


@pytest.mark.parametrize("fields", [{"verb": "rm"}, {"verb": ["x"]}, {"inputs": 1}, {"options": None}])
def test_a_receipt_that_was_tampered_with_is_not_repeated(zoo, fields):
    zoo("encode", "toy-linear", "0.png", "-o", "a.npy")
    receipt = json.loads(Path("a.npy.json").read_text()) | fields
    Path("a.npy.json").write_text(json.dumps(receipt))
    assert "The receipt in a.npy cannot be used" in zoo("run", "--again", "a.npy", code=4)


def test_a_terminal_is_not_steered_by_a_name(zoo):
    Path("\x1b[31mred.png").write_bytes(Path("0.png").read_bytes())
    for verb in ("reconstruct", "encode"):
        assert "\x1b" not in zoo(verb, "toy-linear", "\x1b[31mred.png")
    assert "\x1b" not in zoo("interpolate", "toy-linear", "\x1b[31mred.png", "0.png")


def test_completion_offers_the_models_that_can(toys):
    def offered(verb):
        shell = {"_AIGC_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": f"aigc-zoo {verb} toy-", "COMP_CWORD": "2"}
        return toys.zoo(**shell).stdout

    assert "plain,toy-linear\n" in offered("reconstruct")
    assert "toy-decoder" not in offered("reconstruct")
    assert "plain,toy-decoder\n" in offered("decode")


def test_show_says_what_a_model_takes(zoo):
    out = zoo("show", "toy-free")
    assert "shape: [3, null, null]" in out
    assert "- interpolate" in out
