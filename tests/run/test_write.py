"""Every kind of output: what is in it, that it is whole, and that it says how to make it again."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from aigc_core import load
from aigc_core.run import receipt as receipts

MODEL = "dcgan-fashion"
FIELDS = {"model", "plugin", "weights", "options", "seed", "indices", "engine", "dtype", "torch", "threads", "device"}


@pytest.fixture(scope="module")
def samples():
    return load(MODEL).generate(10, seed=2)


def test_a_sheet_holds_every_image_in_reading_order(cli, samples):
    assert cli("run", MODEL, "-n", 10, "--seed", 2, "-o", "sheet.png")[0] == 0
    with Image.open("sheet.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (3 * 30 + 2, 4 * 30 + 2), "ten images: four columns, three rows, two pixels between"
    for index, expected in enumerate(samples.levels()[:, 0]):
        row, column = divmod(index, 4)
        top, left = 2 + 30 * row, 2 + 30 * column
        assert np.array_equal(sheet[top : top + 28, left : left + 28], expected)
        sheet = sheet.copy()
        sheet[top : top + 28, left : left + 28] = 0
    assert not sheet.any(), "the rest is black"


def test_single_images_are_named_by_index_and_have_receipts_of_their_own(cli, samples):
    assert cli("run", MODEL, "-n", 3, "--start", 4, "--seed", 2, "-o", "new/folder/")[0] == 0
    for index in (4, 5, 6):
        path = f"new/folder/{MODEL}-2-{index:06}.png"
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), samples.levels()[index, 0])
        assert receipts.read(path)["indices"] == [index, index + 1]
    assert cli("run", "--again", f"new/folder/{MODEL}-2-000005.png")[0] == 0


def test_an_existing_folder_needs_no_slash(cli, tmp_path):
    (tmp_path / "work" / "there").mkdir()
    assert cli("run", MODEL, "-n", 1, "-o", "there")[0] == 0
    assert len(list((tmp_path / "work" / "there").iterdir())) == 1


def test_npy_holds_the_raw_samples_and_a_receipt_beside_it(cli, samples):
    assert cli("run", MODEL, "-n", 10, "--seed", 2, "-o", "raw.npy")[0] == 0
    assert np.array_equal(np.load("raw.npy"), samples.values)
    assert receipts.read("raw.npy")["seed"] == 2


def test_safetensors_holds_the_raw_samples_and_the_receipt(cli, samples):
    assert cli("run", MODEL, "-n", 10, "--seed", 2, "-o", "raw.safetensors")[0] == 0
    with safe_open("raw.safetensors", "np") as file:
        assert list(file.keys()) == ["samples"]
        assert np.array_equal(file.get_tensor("samples"), samples.values)
    assert receipts.read("raw.safetensors")["seed"] == 2


@pytest.mark.parametrize("output", ["a.png", "a.npy", "a.safetensors", "A.PNG", "A.NPY", "A.SafeTensors"])
def test_again_gives_the_same_bytes(cli, output):
    assert cli("run", MODEL, "-n", 5, "--truncation", 0.7, "--seed", 11, "-o", output)[0] == 0
    code, out, err = cli("run", "--again", output)
    assert (code, err) == (0, "")
    assert "every byte agrees" in out
    assert cli("run", "--again", output, "-o", f"copy-{output}")[0] == 0
    with open(output, "rb") as one, open(f"copy-{output}", "rb") as other:
        assert one.read() == other.read()


def test_the_receipt_says_everything(cli):
    cli("run", MODEL, "-n", 2, "-o", "a.png")
    receipt = receipts.read("a.png")
    assert receipt.keys() >= FIELDS
    (digest,) = receipt["weights"].values()
    assert digest == load(MODEL).manifest.files[0].sha256


def test_a_text_chunk_that_a_stranger_can_read(cli):
    cli("run", MODEL, "-n", 2, "-o", "a.png")
    with Image.open("a.png") as image:
        assert json.loads(image.text["aigc-zoo"])["model"] == f"gan:{MODEL}"


def test_a_changed_pixel_is_noticed(cli):
    cli("run", MODEL, "-n", 4, "-o", "a.png")
    with Image.open("a.png") as image:
        pixels, info = np.asarray(image).copy(), image.text["aigc-zoo"]
    pixels[10, 10] ^= 4
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("aigc-zoo", info)
    Image.fromarray(pixels).save("a.png", pnginfo=text)
    code, _, err = cli("run", "--again", "a.png")
    assert code == 1
    assert "1 of 3,844 values differ, by at most 4" in err


def test_a_file_saved_again_by_another_program_has_no_receipt(cli):
    cli("run", MODEL, "-n", 4, "-o", "a.png")
    with Image.open("a.png") as image:
        image.load()
    image.info.clear()
    image.save("b.png")
    code, _, err = cli("run", "--again", "b.png")
    assert code == 4
    assert "b.png holds no receipt" in err


@pytest.mark.parametrize("output", ["a.png", "./a.png", "b.npy", "there"])
def test_a_copy_is_a_file_of_the_same_kind_and_not_the_file_itself(cli, tmp_path, output):
    (tmp_path / "work" / "there").mkdir()
    cli("run", MODEL, "-n", 2, "-o", "a.png")
    code, _, err = cli("run", "--again", "a.png", "-o", output)
    assert (code, err.count("\n")) == (2, 1)


def edited(path, **fields):
    with open(path, encoding="utf-8") as stream:
        receipt = json.load(stream)
    receipt.update(fields)
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(receipt, stream)


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ({"weights": {"weights/other": "0"}}, 4, "was made with other weights"),
        ({"model": "gan:dcgan-nothing"}, 2, "No model gan:dcgan-nothing is known"),
        ({"format": 99}, 4, "its format is 99, this version reads 1"),
        ({"format": True}, 4, "format is missing or of another type"),
        ({"indices": [0, 2**64]}, 4, "indices is no pair of rising numbers"),
        ({"indices": [10**300, 10**300 + 1]}, 4, "indices is no pair of rising numbers"),
        ({"batch_size": 3_000_000}, 4, "batch_size is no whole number from 1 to 65536"),
        ({"threads": True}, 4, "threads is no whole number from 1 to 1024"),
        ({"model": "\u001b[31mred"}, 2, "No model \\x1b[31mred is known"),
        ({"indices": "all"}, 4, "indices is missing or of another type"),
        ({"indices": [0, -5]}, 4, "indices"),
        ({"indices": [True, "x"]}, 4, "indices is no pair of rising numbers"),
        ({"options": {"nonsense": 1}}, 2, "has no option nonsense"),
        ({"threads": 0}, 4, "threads"),
        ({"threads": 10**9}, 4, "threads"),
        ({"seed": -1}, 4, "seed is no whole number"),
        ({"batch_size": 0}, 4, "batch_size is no whole number"),
        ({"device": "toaster"}, 2, "toaster is no device"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_receipt_that_was_tampered_with_ends_in_one_sentence(cli, fields, code, sentence):
    cli("run", MODEL, "-n", 2, "-o", "a.npy")
    edited("a.npy.json", **fields)
    found, _, err = cli("run", "--again", "a.npy")
    assert (found, err.count("\n")) == (code, 1)
    assert sentence in err


def test_another_environment_is_named_where_bytes_differ(cli):
    cli("run", MODEL, "-n", 2, "-o", "a.npy")
    values = np.load("a.npy")
    values[0, 0, 0, 0] += 0.5
    np.save("a.npy", values)
    edited("a.npy.json", torch="1.0")
    code, _, err = cli("run", "--again", "a.npy")
    assert code == 1
    assert "torch was 1.0, is " in err


def test_a_receipt_of_another_version_alone_is_said_but_is_no_failure(cli):
    cli("run", MODEL, "-n", 2, "-o", "a.npy")
    edited("a.npy.json", core="0.0.1")
    code, out, _ = cli("run", "--again", "a.npy")
    assert code == 0
    assert "every sample agrees, but core was 0.0.1, is " in out


@pytest.mark.parametrize("flags", [["--seed", "5"], ["-n", "3"], ["--device", "cpu"], ["dcgan-fashion"]])
def test_nothing_that_the_receipt_settles_may_stand_beside_again(cli, flags):
    cli("run", MODEL, "-n", 2, "-o", "a.png")
    code, _, err = cli("run", "--again", "a.png", *flags)
    assert (code, err.count("\n")) == (2, 1)
    assert "--again takes everything from the file's receipt: leave out" in err


@pytest.mark.parametrize("output", ["there", "new/", "with space.png"])
def test_the_command_that_is_printed_works(cli, tmp_path, output):
    import shlex

    (tmp_path / "work" / "there").mkdir()
    _, out, _ = cli("run", MODEL, "-n", 2, "-o", output)
    again = shlex.split(out.partition("Again: aigc-zoo ")[2])
    assert cli(*again)[0] == 0


def test_a_link_is_written_through_and_a_long_name_fits(cli, tmp_path):
    work = tmp_path / "work"
    (work / "real.png").write_bytes(b"old")
    (work / "link.png").symlink_to("real.png")
    assert cli("run", MODEL, "-n", 1, "-o", "link.png")[0] == 0
    assert (work / "link.png").is_symlink()
    assert (work / "real.png").read_bytes()[:4] == b"\x89PNG"
    assert cli("run", MODEL, "-n", 1, "-o", "图" * 83 + ".png")[0] == 0


def test_a_long_run_needs_no_more_memory_than_a_short_one(tmp_path):
    """20,000 samples stream to disk: peak memory above that of 64 samples is below 60 MB (they are 63 MB)."""
    import subprocess
    import sys

    def peak(count):
        script = (
            "import resource, sys\nfrom aigc_core.cli import outcome\n"
            f"code = outcome(['run', {MODEL!r}, '-q', '-n', '{count}', '-o', sys.argv[1]])\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\nsys.exit(code)\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "raw.npy")]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak(20_000) - peak(64) < 60 * 1024
