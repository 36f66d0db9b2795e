"""Images from idx files, folders and plugins: what is read, what is cleaned away, and what is said of bad input."""

import hashlib
import io
import itertools
import json
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.train.data.clean.images import difference_hash, steps
from aigc_core.train.data.clean.steps import clean
from aigc_core.train.data.sources.decode import LARGEST, decode
from aigc_core.train.data.sources.found import Broken

IDX = {"kind": "idx", "images": "images.gz", "labels": "labels"}
FOLDER = {"kind": "folder", "mode": "L"}
RNG = np.random.default_rng(1)


def taken(rows):
    return rows.take(torch.arange(len(rows)))


def grey(h=4, w=6):
    return RNG.integers(0, 256, (h, w), np.uint8)


def test_idx_files_are_read_with_their_labels(toys, get):
    folder, images = toys
    data = get(IDX, folder, licence="MIT", sha256=hashlib.sha256(images.tobytes()).hexdigest())
    assert np.array_equal(taken(data.train)["images"].numpy(), images[:, None])
    assert taken(data.train)["labels"].tolist() == [0, 1, 2] * 4
    assert data.facts == {"shape": [1, 3, 5], "classes": ["0", "1", "2"]}
    assert (data.validation, data.test) == (None, None)
    assert data.identity["rows"] == {"train": 12}
    assert data.identity["sha256"] == hashlib.sha256(images.tobytes()).hexdigest()
    assert data.identity["licence"] == "MIT"
    assert json.loads(json.dumps(data.identity)) == data.identity


def test_classes_may_be_named(toys, get):
    data = get({**IDX, "classes": ["shirt", "shoe", "bag"]}, toys[0])
    assert data.facts["classes"] == ["shirt", "shoe", "bag"]
    with pytest.raises(NotAvailable, match=r"labels up to 2, and data.source.classes names 1"):
        get({**IDX, "classes": ["shirt"]}, toys[0])


def test_other_images_than_the_recipes_are_refused(toys, get):
    with pytest.raises(Refused, match=r"The images in .* are not the recipe's: they have sha256 [0-9a-f]{64}, not 00"):
        get(IDX, toys[0], sha256="00")


def test_missing_and_damaged_idx_files_are_one_sentence_each(toys, get, write_idx):
    folder, images = toys
    with pytest.raises(NotAvailable, match=r"There is no data set toys in .*: nothing.gz is missing\.$") as caught:
        get({"kind": "idx", "images": "nothing.gz"}, folder, **{"from": "the attic"})
    assert caught.value.hint == "Get it from: the attic"
    cases = [
        ({"magic": b"\0\0\x0d\x03"}, "is no idx file of bytes: it starts with 00 00 0d 03"),
        ({"cut": 9}, "cannot be read: "),
        ({"cut": 9, "zipped": False}, "its header says 180 bytes, and it has 171"),
        ({"cut": 175 + 12, "zipped": False}, "is cut short: it ends within its header"),
        ({"magic": b"\0\0\x08\x02", "zipped": False}, "its header says 36 bytes, and it has more"),
    ]
    for options, said in cases:
        write_idx("bad", images, **options)
        with pytest.raises(NotAvailable, match=said):
            get({"kind": "idx", "images": "bad"}, folder)
    (folder / "bad").write_bytes(b"\x1f\x8b\x08 no gzip")
    with pytest.raises(NotAvailable, match="cannot be read"):
        get({"kind": "idx", "images": "bad"}, folder)
    with pytest.raises(NotAvailable, match=r"labels of shape \[12, 3, 5\], and there are 12 images"):
        get({"kind": "idx", "images": "images.gz", "labels": "images.gz"}, folder)


def test_a_header_that_claims_a_petabyte_costs_nothing(toys, get):
    (toys[0] / "bad").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", 1 << 31, 1 << 31, 1 << 31) + b"x")
    with pytest.raises(NotAvailable, match="and it has 1"):
        get({"kind": "idx", "images": "bad"}, toys[0])


@pytest.mark.parametrize("name", ["../images.gz", "/etc/passwd"])
def test_a_recipe_names_no_file_outside_the_users_folder(toys, get, name):
    with pytest.raises(WrongUse, match="does not lie in the data set's folder"):
        get({"kind": "idx", "images": name}, toys[0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": {"kind": "indx"}}, "takes idx, .*PLUGIN:NAME. Did you mean idx?"),
        ({"source": {"kind": 3}}, "data.source.kind in the recipe is 3; it takes a text"),
        ({"source": {"kind": "idx", "images": 3}}, "data.source.images in the recipe is 3; it takes a text"),
        ({"source": {**IDX, "imagse": "x"}}, "a field 'imagse', which nothing reads. Did you mean images?"),
        ({"source": {"kind": "idx"}}, "has no images"),
        ({"clean": [{"step": "exact"}]}, "data.clean.0..step .* Did you mean aspect|takes one of"),
        ({"clean": ["decode"]}, "data.clean.*takes an object"),
        ({"clean": [{"step": "exact-duplicates", "distance": 2}]}, "a field 'distance', which nothing reads"),
        ({"clean": [{"step": "near-duplicates", "distance": 64}]}, "takes a whole number from 0 to 63"),
        ({"clean": [{"step": "near-duplicates", "distance": True}]}, "takes a whole number"),
        ({"clean": [{"step": "size", "min": [9, 9], "max": [1, 1]}]}, "keeps no image: min is above max"),
        ({"clean": [{"step": "size", "min": [999, 1]}]}, "No image of .* is left to train on"),
        ({"clean": [{"step": "resize", "size": [0, 4], "rule": "box"}]}, r"takes \[h, w\] in pixels"),
        ({"split": {"by": "name"}}, "it takes one of hash, position"),
        ({"split": {"validation": -0.1}}, "it takes a number from 0 to 1"),
        ({"split": {"validation": 0.5, "test": 0.5}}, "leaves no row to train on"),
        ({"range": [1, -1]}, "it takes the lowest and the highest value"),
        ({"range": [0, float("nan")]}, "it takes the lowest and the highest value"),
        ({"batch_size": 0}, "it takes a whole number from 1 up"),
        ({"source": {**IDX, "test": {"images": "images.gz"}}, "split": {"test": 0.1}}, "a test of its own, and"),
        ({"source": {**IDX, "test": {"kind": "text"}}}, "data.source.test in the recipe names a kind"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(toys, get, fields, said):
    with pytest.raises(WrongUse, match=said):
        get(fields.pop("source", IDX), toys[0], **fields)


def test_without_data_the_recipe_says_what_it_needs(get):
    for source in (IDX, FOLDER, {"kind": "a:b"}):
        with pytest.raises(WrongUse, match=r"data set toys is read from a .*folder, and none was given"):
            get(source, None)


def test_counts_before_and_after_each_step_add_up(toys, get):
    cleaning = [{"step": "size", "min": [1, 1]}, {"step": "exact-duplicates"}, {"step": "aspect", "max": 2}]
    record = get(IDX, toys[0], clean=cleaning).identity
    assert [(step["step"], step["before"], step["after"]) for step in record["clean"]] == [
        ("size", 12, 12), ("exact-duplicates", 12, 11), ("aspect", 11, 11),
    ]  # fmt: skip
    assert record["rows"] == {"train": 11}
    data = get(IDX, toys[0], clean=cleaning)
    assert taken(data.train)["labels"].tolist() == [0, 1, 2, 0, 1, 2, 0, 2, 0, 1, 2]  # row 7 went, with its label


@given(st.lists(st.sampled_from(["black", "white", "broken", "small"]), max_size=20))
def test_what_a_step_lets_through_is_what_the_next_one_meets(kinds):
    made = {
        "black": np.zeros((1, 4, 4), np.uint8),
        "white": np.full((1, 4, 4), 255, np.uint8),
        "small": np.zeros((1, 2, 2), np.uint8),
        "broken": Broken("it", "why"),
    }
    todo = steps([{"step": "decode"}, {"step": "size", "min": [3, 3]}, {"step": "exact-duplicates"}])
    left = [place for place, _ in clean((made[kind] for kind in kinds), todo)]
    counts = [step.record() for step in todo]
    assert counts[0]["before"] == len(kinds)
    assert counts[-1]["after"] == len(left) == len({"black", "white"} & set(kinds))
    assert all(one["after"] == two["before"] for one, two in itertools.pairwise(counts))
    assert left == sorted(left)


def test_a_test_set_of_its_own_shares_no_row_with_the_others(toys, get, write_idx):
    folder, images = toys
    held = np.concatenate([images[4:6], RNG.integers(0, 256, (3, 3, 5), np.uint8)])
    write_idx("test", held)
    write_idx("test-labels", np.zeros(5, np.uint8))
    data = get({**IDX, "test": {"images": "test", "labels": "test-labels"}}, folder)
    assert data.identity["rows"] == {"train": 10, "test": 5}
    assert data.identity["clean"] == [{"step": "held out elsewhere", "before": 12, "after": 10}]
    assert data.identity["sources"]["test"]["source_rows"] == 5
    kept = {bytes(row) for row in taken(data.train)["images"].numpy()}
    assert not kept & {bytes(row) for row in taken(data.test)["images"].numpy()}


def test_a_folder_gives_labels_by_its_subfolders(tmp_path, write_image, get):
    images = {name: grey() for name in ("b/2.png", "b/1.bmp", "a/x.png", "a/deep/y.png")}
    for name, image in images.items():
        write_image(f"set/{name}", image)
    (tmp_path / "set" / "README.txt").write_text("no image")
    data = get(FOLDER, tmp_path / "set")
    order = ["a/deep/y.png", "a/x.png", "b/1.bmp", "b/2.png"]
    assert np.array_equal(taken(data.train)["images"][:, 0].numpy(), np.stack([images[name] for name in order]))
    assert taken(data.train)["labels"].tolist() == [0, 0, 1, 1]
    assert data.facts == {"shape": [1, 4, 6], "classes": ["a", "b"]}
    assert get({**FOLDER, "mode": "RGB", "folder": "b"}, tmp_path / "set").facts == {"shape": [3, 4, 6]}


def test_lazy_rows_are_the_same_as_those_in_memory(tmp_path, write_image, get):
    for number in range(8):
        write_image(f"{number % 2}/{number}.png", grey(number % 3 + 4, 6))
    fields = {
        "clean": [{"step": "resize", "size": [5, 5], "rule": "box"}, {"step": "exact-duplicates"}],
        "split": {"validation": 0.4},
    }
    ready, lazy = (get({**FOLDER, "lazy": each}, tmp_path, **fields) for each in (False, True))
    assert (ready.train.lazy, lazy.train.lazy) == (False, True)
    assert ready.identity == lazy.identity
    for one, other in ((ready.train, lazy.train), (ready.validation, lazy.validation)):
        assert all(torch.equal(taken(one)[name], taken(other)[name]) for name in ("images", "labels"))


def test_a_lazy_file_that_is_damaged_later_is_named(tmp_path, write_image, get):
    path = write_image("a.png", grey())
    data = get({**FOLDER, "lazy": True}, tmp_path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(NotAvailable, match=r"a\.png cannot be decoded"):
        taken(data.train)
    write_image("a.png", grey(5, 5))
    with pytest.raises(NotAvailable, match=r"a\.png has changed since the training started"):
        taken(data.train)


def test_files_that_do_not_decode_stop_the_reading_or_are_counted(tmp_path, write_image, get):
    for name in "abc":
        write_image(f"{name}.png", grey())
    path = tmp_path / "b.png"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(NotAvailable, match=r"b\.png cannot be decoded") as caught:
        get(FOLDER, tmp_path)
    assert '{"step": "decode"}' in caught.value.hint
    with pytest.raises(NotAvailable, match=r"b\.png cannot be decoded"):
        get(FOLDER, tmp_path, clean=[{"step": "exact-duplicates"}, {"step": "decode"}])
    (step,) = get(FOLDER, tmp_path, clean=[{"step": "decode"}]).identity["clean"]
    assert (step["before"], step["after"]) == (3, 2)
    assert "b.png: " in step["first"]


def test_empty_and_mixed_folders_are_one_sentence_each(tmp_path, write_image, get):
    with pytest.raises(NotAvailable, match=r"holds no image: no file in it ends in \.png"):
        get(FOLDER, tmp_path)
    with pytest.raises(NotAvailable, match="is no folder"):
        get(FOLDER, tmp_path / "missing")
    write_image("a.png", grey(4, 6))
    write_image("b.png", grey(5, 6))
    with pytest.raises(NotAvailable, match="different sizes: 1 x 4 x 6 and 1 x 5 x 6") as caught:
        get(FOLDER, tmp_path)
    assert '"step": "resize"' in caught.value.hint
    write_image("c/d.png", grey())
    with pytest.raises(NotAvailable, match=r"a\.png lies beside the subfolders"):
        get(FOLDER, tmp_path)


def bomb(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [1 << 13, 12_000, 1 << 20])
def test_an_image_that_claims_to_be_enormous_is_not_decoded(tmp_path, write_image, get, side):
    write_image("a.png", grey())
    (tmp_path / "bomb.png").write_bytes(bomb(side, side + 1))
    assert side * (side + 1) > LARGEST
    data = get(FOLDER, tmp_path, clean=[{"step": "decode"}])
    assert data.identity["rows"] == {"train": 1}
    assert "pixels" in data.identity["clean"][0]["first"]


def test_sixteen_bit_pixels_are_not_squeezed_into_eight(write_image):
    path = write_image("a.png", RNG.integers(0, 1 << 16, (4, 4), np.uint16))
    found = decode(path, "L", "a")
    assert isinstance(found, Broken)
    assert "not 8 bits" in found.reason


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"BM", b"%!PS"])
)
def test_any_bytes_end_as_an_image_or_as_broken(data, head):
    found = decode(head + data, "RGB", "it")
    assert isinstance(found, Broken) or (found.dtype == np.uint8 and found.shape[0] == 3)


def test_colours_are_kept_in_their_order():
    from PIL import Image

    pixels = RNG.integers(0, 256, (2, 3, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    assert np.array_equal(decode(stream.getvalue(), "RGB", "it"), pixels.transpose(2, 0, 1))


def test_shrinking_antialiases():
    """A checkerboard of single pixels becomes grey; taking every second pixel would make it black."""
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)[None]
    for rule in ("box", "bicubic"):
        (step,) = steps([{"step": "resize", "size": [2, 2], "rule": rule}])
        assert np.abs(step(board).astype(int) - 128).max() < 40
    (same,) = steps([{"step": "resize", "size": [8, 8], "rule": "box"}])
    assert np.array_equal(same(board), board)


def test_a_difference_hash_is_that_of_its_definition():
    image = RNG.integers(0, 256, (3, 16, 27), np.uint8)
    means = image.astype(float).sum(axis=0).reshape(8, 2, 9, 3).mean(axis=(1, 3))
    expected = int.from_bytes(np.packbits(means[:, :-1] < means[:, 1:]).tobytes(), "little")
    assert int(difference_hash(image)) == expected
    for shape in ((1, 1, 1), (1, 5, 3), (3, 28, 28)):
        assert difference_hash(np.full(shape, 77, np.uint8)) == 0  # nothing differs, whatever the areas


def test_near_duplicates_are_left_out_and_others_are_not():
    images = list(RNG.integers(0, 256, (20, 1, 32, 36), np.uint8))
    brighter = np.clip(images[3].astype(int) + 2, 0, 255).astype(np.uint8)
    (step,) = steps([{"step": "near-duplicates", "distance": 4}])
    assert [place for place, _ in clean([*images, brighter, images[5]], [step])] == list(range(20))
    (exact,) = steps([{"step": "exact-duplicates"}])
    assert len(list(clean([*images, brighter, images[5]], [exact]))) == 21


@given(st.lists(st.integers(0, 2**64 - 1), max_size=12), st.integers(0, 20))
def test_no_two_kept_images_are_nearer_than_declared(hashes, distance):
    import unittest.mock

    (step,) = steps([{"step": "near-duplicates", "distance": distance}])
    with unittest.mock.patch("aigc_core.train.data.clean.images.difference_hash", lambda row: row[0]):
        kept = [int(row[0]) for _, row in clean([np.array([each], np.uint64) for each in hashes], [step])]
    naive = []
    for each in hashes:
        if all((each ^ other).bit_count() > distance for other in naive):
            naive.append(each)
    assert kept == naive


def test_a_plugins_reader_gives_images_with_or_without_labels(tmp_path, get):
    images = RNG.integers(0, 256, (4, 2, 2), np.uint8)
    images.flags.writeable = False
    asked = []
    data = get({"kind": "gan:digits"}, tmp_path, lambda name: asked.append(name) or (lambda folder: images))
    assert asked == ["gan:digits"]
    assert np.array_equal(taken(data.train)["images"][:, 0].numpy(), images)
    data = get({"kind": "gan:digits"}, tmp_path, lambda name: lambda folder: (images, np.array([3, 0, 0, 1])))
    assert taken(data.train)["labels"].tolist() == [3, 0, 0, 1]


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (np.zeros((2, 2, 2)), r"gan:digits gives float64 \[2, 2, 2\]"),
        ("images", "gan:digits gives str"),
        ((np.zeros((2, 2, 2), np.uint8), [1]), "gives 1 labels for 2 images"),
    ],
)
def test_a_plugin_that_gives_something_else_is_named(tmp_path, get, given_, said):
    with pytest.raises(WrongUse, match=said):
        get({"kind": "gan:digits"}, tmp_path, lambda name: lambda folder: given_)


def test_a_plugin_that_misses_a_file_says_which(tmp_path, get):
    with pytest.raises(NotAvailable, match=r"There is no data set toys in .*: .*nowhere\.json is missing\."):
        get({"kind": "gan:digits"}, tmp_path, lambda name: lambda folder: (folder / "nowhere.json").read_bytes())


def test_fashion_mnist_is_what_the_bundled_model_was_trained_on(real, get):
    data = get(
        {"kind": "idx", "images": "train-images-idx3-ubyte.gz", "labels": "train-labels-idx1-ubyte.gz"},
        real("fashion-mnist"),
        sha256="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    )
    assert data.identity["rows"] == {"train": 60000}
    assert torch.bincount(data.train.labels).tolist() == [6000] * 10
