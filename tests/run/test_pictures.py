"""Images from files: whatever is in them is brought to what the model takes, or one sentence says why not."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from aigc_core.errors import WrongUse
from aigc_core.run import pictures
from aigc_core.run.pictures import Place, around, read, read_all

GREY = {"shape": [1, 28, 28], "range": [0, 1], "multiple": 1, "largest": 1024}
FREE = {"shape": [3, None, None], "range": [-1, 1], "multiple": 8, "largest": 64}
SMALL = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def saved(image, name, **how):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(name, **how)
    return name


def seen(name, declared=FREE):
    return read(name, declared).seen.transpose(1, 2, 0)


def refused(name, sentence, declared=GREY):
    with pytest.raises(WrongUse, match=sentence) as refusal:
        read(name, declared)
    text = str(refusal.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert not text.endswith("..")
    assert len(text) < 400


# --- What is in the file ---


def test_a_png_is_its_levels_and_its_file_has_a_hash():
    import hashlib

    picture = read(saved(SMALL, "a.png"), FREE)
    assert np.array_equal(picture.seen, SMALL.transpose(2, 0, 1))
    assert picture.sha256 == hashlib.sha256(Path("a.png").read_bytes()).hexdigest()
    assert (picture.name, picture.size, picture.scaled) == ("a.png", (20, 24), "")
    assert read("./a.png", FREE).name == "a.png", "a receipt holds no folder"


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "tiff", "ppm", "webp", "jpg"])
def test_every_format_is_read_whatever_the_file_is_called(ending):
    image = Image.fromarray(SMALL)
    image.save(f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
    os.rename(f"a.{ending}", "a.dat")
    with Image.open("a.dat") as expected:
        assert np.array_equal(seen("a.dat"), np.asarray(expected.convert("RGB")))


def test_grey_is_itu_601_luma_and_grey_becomes_three_equal_channels():
    grey = seen(saved(SMALL, "a.png"), GREY)[..., 0]
    luma = SMALL @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey - luma).max() <= 0.51
    assert np.array_equal(grey, np.asarray(Image.fromarray(SMALL).convert("L")))
    three = seen(saved(SMALL[..., 0], "b.png"))
    assert np.array_equal(three, SMALL[..., :1].repeat(3, 2))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_is_white(mode):
    image = Image.fromarray(np.dstack([SMALL, np.full((20, 24), 255, np.uint8)]))
    image.putpixel((3, 5), (10, 20, 30, 0))
    if mode == "P":
        image = Image.fromarray(np.zeros((20, 24), np.uint8)).convert("P")
        image.putpixel((3, 5), 7)
        saved(image, "a.png", transparency=7)
    else:
        saved(image.convert("RGBA" if mode == "PA" else mode), "a.png")
    assert np.array_equal(seen("a.png")[5, 3], [255, 255, 255])
    assert seen("a.png", GREY)[5, 3] == 255


def test_half_transparent_is_half_way_to_white():
    image = np.zeros((4, 4, 4), np.uint8)
    image[..., 3] = 51  # a fifth
    assert np.array_equal(seen(saved(image, "a.png")), np.full((4, 4, 3), 204, np.uint8))


@pytest.mark.parametrize(("kind", "high"), [("png", 65535), ("png", 40000), ("tiff", 65535)])
def test_sixteen_bits_are_their_upper_eight(kind, high):
    values = np.linspace(0, high, 400).astype(np.uint16).reshape(20, 20)
    saved(values, f"a.{kind}")
    assert np.array_equal(seen(f"a.{kind}", GREY)[..., 0], (values >> 8).astype(np.uint8))


def test_sixteen_bits_of_colour_are_their_upper_eight_too():
    wide = np.random.default_rng(1).integers(0, 65536, (5, 7, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    Path("a.png").write_bytes(png(7, 5, rows, depth=16, colour=2))
    assert np.array_equal(seen("a.png"), (wide >> 8).astype(np.uint8))


def test_cmyk_palettes_and_bits_are_converted():
    image = Image.fromarray(SMALL)
    cmyk = image.convert("CMYK")
    assert np.array_equal(seen(saved(cmyk, "a.tiff")), np.asarray(cmyk.convert("RGB")))
    palette = image.quantize(16)
    assert np.array_equal(seen(saved(palette, "b.png")), np.asarray(palette.convert("RGB")))
    bits = image.convert("1")
    assert np.array_equal(seen(saved(bits, "c.png"), GREY)[..., 0], np.asarray(bits.convert("L")))
    assert seen(saved(cmyk, "d.jpg")).shape == (20, 24, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp"])
def test_a_picture_stands_as_its_exif_data_say(orientation, kind):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(SMALL)
    image.save(f"a.{kind}", exif=exif, **({"lossless": True} if kind == "webp" else {}))
    with Image.open(f"a.{kind}") as expected:
        upright = np.asarray(ImageOps.exif_transpose(expected).convert("RGB"))
    assert upright.shape[:2] == ((24, 20) if orientation > 4 else (20, 24))
    assert np.array_equal(seen(f"a.{kind}"), upright)


@pytest.mark.parametrize("damage", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"])
def test_damaged_exif_data_spoil_no_picture(damage):
    saved(SMALL, "a.jpg", exif=damage)
    assert seen("a.jpg").shape == SMALL.shape


def test_a_telephones_jpeg_with_a_second_picture_is_the_first():
    saved(SMALL, "a.jpg", format="MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    with Image.open("a.jpg") as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    assert seen("a.jpg").shape == SMALL.shape


# --- What is brought to the model, and back ---


@pytest.mark.parametrize(
    ("size", "place"),
    [
        ((640, 480), (3, 0, 21, 28)),
        ((480, 640), (0, 3, 28, 21)),
        ((28, 28), (0, 0, 28, 28)),
        ((20, 10), (9, 4, 10, 20)),
        ((29, 1), (13, 0, 1, 28)),
        ((10_000, 10), (13, 0, 1, 28)),
        ((1, 1), (13, 13, 1, 1)),
        ((27, 28), (0, 0, 28, 27)),
    ],
    ids=str,
)
def test_one_size_scaled_down_inside_and_centred_on_black(size, place):
    picture = read(saved(Image.new("L", size, 200), "a.png"), GREY)
    assert picture.place == place
    assert picture.levels.shape == (1, 28, 28)
    assert (picture.seen == 200).all(), "scaling a flat grey leaves it"
    assert picture.levels.sum() == 200 * place[2] * place[3], "the rest is black"
    larger = max(size) > 28
    assert picture.scaled == (f"scaled to {place[3]} x {place[2]}" if larger else "")


@pytest.mark.parametrize(
    ("size", "shape", "place"),
    [
        ((64, 48), (3, 48, 64), (0, 0, 48, 64)),
        ((60, 41), (3, 48, 64), (0, 0, 41, 60)),
        ((640, 320), (3, 32, 64), (0, 0, 32, 64)),
        ((100, 33), (3, 24, 64), (0, 0, 21, 64)),
        ((1, 1), (3, 8, 8), (0, 0, 1, 1)),
        ((5000, 1), (3, 8, 64), (0, 0, 1, 64)),
    ],
    ids=str,
)
def test_any_size_is_padded_at_its_end_by_its_edge(size, shape, place):
    pixels = np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), np.uint8)
    picture = read(saved(pixels, "a.png"), FREE)
    assert (picture.levels.shape, tuple(picture.place)) == (shape, place)
    padded = np.pad(picture.seen, [(0, 0), *((0, shape[at + 1] - place[at + 2]) for at in (0, 1))], mode="edge")
    assert np.array_equal(picture.levels, padded)


def test_scaling_is_pillows_bicubic():
    pixels = np.random.default_rng(3).integers(0, 256, (300, 200), np.uint8)
    expected = Image.fromarray(pixels).resize((19, 28), Image.Resampling.BICUBIC)
    assert np.array_equal(read(saved(pixels, "a.png"), GREY).seen[0], np.asarray(expected))


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([GREY, FREE, {**FREE, "multiple": 7, "largest": 50}]))
def test_no_picture_is_stretched_or_scaled_up(height, width, declared):
    stream = io.BytesIO()
    Image.new("L", (width, height)).save(stream, "PNG")
    Path("law.png").write_bytes(stream.getvalue())
    picture = read("law.png", declared)
    place, shape = picture.place, picture.levels.shape
    assert place.height <= height
    assert place.width <= width
    factor = min(1, (28 if declared is GREY else declared["largest"]) / max(height, width))
    assert abs(place.height - height * factor) < 1
    assert abs(place.width - width * factor) < 1
    assert place.top + place.height <= shape[1]
    assert place.left + place.width <= shape[2]
    if declared is GREY:
        assert (height, width) == picture.seen.shape[1:] if max(height, width) <= 28 else 28 in picture.seen.shape[1:]
    else:
        assert shape[1] % declared["multiple"] == shape[2] % declared["multiple"] == 0
        assert shape[1] - place.height < declared["multiple"]
        assert max(place.height, place.width) <= declared["largest"]


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 28)] * 2)))
def test_what_was_padded_is_cut_off_again(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    Path("law.png").write_bytes(stream.getvalue())
    assert np.array_equal(read("law.png", GREY).seen[0], pixels)


def test_two_places_have_one_around_them():
    assert around(Place(3, 0, 21, 28), Place(0, 3, 28, 21)) == (0, 0, 28, 28)
    assert around(Place(9, 4, 10, 20), Place(10, 5, 2, 3)) == (9, 4, 10, 20)


@pytest.mark.parametrize("bounds", [[0, 1], [-1, 1], [0.5, 3]])
def test_levels_become_what_the_training_data_are(bounds):
    """The plugin's own reader of training data is the oracle: black is the low end and white the high, to the bit."""
    from aigc_core.run.pictures import in_range
    from aigc_core.train.data.batches import normalised

    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    values = in_range(levels, bounds)
    assert values.dtype == np.float32
    assert np.array_equal(values, normalised(torch.from_numpy(levels), {"range": bounds}).numpy())
    assert (values.min(), values.max()) == tuple(bounds)


# --- What is refused ---


def png(width, height, data=b"", depth=8, colour=0, extra=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def animated(kind, name):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "green", "blue")]
    frames[0].save(name, kind, save_all=True, append_images=frames[1:])


BAD = {
    "a text": (lambda: Path("a.png").write_text("no image\n"), "a.png is no image with pixels"),
    "nothing": (lambda: Path("a.png").touch(), "a.png is no image with pixels"),
    "0 x 0": (lambda: Path("a.png").write_bytes(png(0, 0)), "a.png is no image with pixels"),
    "0 x 0, PPM": (lambda: Path("a.png").write_bytes(b"P5 0 0 255\n"), "a.png is no image|cannot be decoded"),
    "20,000 x 20,000": (lambda: Path("a.png").write_bytes(png(20_000, 20_000)), "a.png has more than 50,000,000"),
    "11,000 x 11,000": (lambda: Path("a.png").write_bytes(png(11_000, 11_000)), "a.png has more than 50,000,000"),
    "8,000 x 7,000": (
        lambda: Path("a.png").write_bytes(png(8_000, 7_000)),
        "8,000 x 7,000 pixels; more than 50,000,000 are not",
    ),
    "cut off": (
        lambda: Path("a.png").write_bytes(Path(saved(SMALL, "b.png")).read_bytes()[:-400]),
        "a.png cannot be decoded: ",
    ),
    "cut off, JPEG": (
        lambda: Path("a.png").write_bytes(Path(saved(SMALL, "b.jpg")).read_bytes()[:-300]),
        "a.png cannot be decoded: image file is truncated",
    ),
    "fewer rows than it says": (lambda: Path("a.png").write_bytes(png(40, 40, b"\0" * 80)), "cannot be decoded"),
    "a GIF in motion": (lambda: animated("GIF", "a.png"), "a.png has more than one picture"),
    "a PNG in motion": (lambda: animated("PNG", "a.png"), "a.png has more than one picture"),
    "a WebP in motion": (lambda: animated("WEBP", "a.png"), "a.png has more than one picture"),
    "a TIFF of pages": (lambda: animated("TIFF", "a.png"), "a.png has more than one picture"),
    "floating point": (lambda: saved(Image.new("F", (9, 9)), "a.png", format="TIFF"), "a.png has 32 bits a pixel"),
    "32 bits": (lambda: saved(Image.new("I", (9, 9)), "a.png", format="TIFF"), "a.png has 32 bits a pixel"),
    "a folder": (lambda: Path("a.png").mkdir(), "a.png is a folder"),
    "nothing there": (lambda: None, "a.png does not exist"),
    "a pipe": (lambda: os.mkfifo("a.png"), "a.png is no file with something in it, but a pipe"),
    "a device": (lambda: Path("a.png").symlink_to("/dev/zero"), "a.png is no file with something in it"),
    "a loop of links": (lambda: Path("a.png").symlink_to("a.png"), "a.png cannot be read: too many levels"),
    "a program of PostScript": (lambda: Path("a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "is no image"),
    "a bomb of text": (
        lambda: Path("a.png").write_bytes(png(9, 9, b"\0" * 99, extra=bomb())),
        "a.png cannot be decoded: |is no image",
    ),
}


def bomb():
    """Return compressed text chunks of a PNG that come to 500 MB."""
    body = b"k\0\0" + zlib.compress(b"\0" * 50_000_000, 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    return chunk * 10


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_sentence(name):
    make, sentence = BAD[name]
    make()
    refused("a.png", sentence)


def test_a_name_that_cannot_be_is_one_sentence():
    refused("a\0.png", "cannot be read: ")
    refused("x" * 300, "cannot be read: file name too long")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read():
    os.chmod(saved(SMALL, "a.png"), 0)
    refused("a.png", "a.png cannot be read: permission denied")


def test_a_file_too_large_is_not_read_whole(monkeypatch):
    with open("a.png", "wb") as stream:
        stream.truncate(pictures.FILE_BYTES + 1)
    refused("a.png", "has more than 100 MB")


def test_many_images_are_bounded_together(monkeypatch):
    monkeypatch.setattr(pictures, "AT_ONCE", 3 * 28 * 28)
    saved(SMALL, "a.png")
    assert len(read_all(["a.png"] * 3, GREY)) == 3
    with pytest.raises(WrongUse, match=r"more than 2,352 pixels at once, from a\.png on"):
        read_all(["a.png"] * 4, GREY)


PEAK = """
import resource, sys
from PIL import Image
import numpy
from aigc_core.errors import WrongUse
from aigc_core.run.pictures import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(sys.argv[1], {"shape": [3, None, None], "range": [0, 1], "multiple": 8, "largest": 1024})
except WrongUse as error:
    print(error, file=sys.stderr)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def peak_mb(path):
    done = subprocess.run([sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1000


@pytest.mark.parametrize("name", ["20,000 x 20,000", "11,000 x 11,000", "8,000 x 7,000", "a bomb of text"])
def test_a_bomb_takes_no_memory(name):
    BAD[name][0]()
    assert peak_mb("a.png") < 150


@pytest.mark.slow
@pytest.mark.parametrize("colour", [2, 6], ids=["RGB", "RGBA"])
def test_the_largest_image_fits_into_half_a_gigabyte(colour):
    """49 megapixels are some 200 MB to Pillow; turning or compositing them needs as much again."""
    channels = {2: 3, 6: 4}[colour]
    Path("a.png").write_bytes(png(7000, 7000, (b"\0" + b"\x80" * 7000 * channels) * 7000, colour=colour))
    assert peak_mb("a.png") < 550
