"""Numbers out of the sandbox: whatever a file is, it is what was asked for, or refused in a sentence."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save

from aigc_core.errors import Refused
from aigc_core.judge import believed
from aigc_core.sandbox.collect import collect

IMAGE = {"kind": "image", "shape": [1, 2, 2], "range": [0, 1]}
TEXT = {"kind": "text"}


@pytest.fixture
def came(tmp_path):
    def of(data):
        (tmp_path / "s.safetensors").write_bytes(data)
        return collect(str(tmp_path))

    return of


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def one(shape, offsets, dtype="F32", name="values"):
    return {name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


LIES = {
    "nothing": b"",
    "a length alone": (8).to_bytes(8, "little"),
    "a length beyond the file": (1 << 62).to_bytes(8, "little") + b"{}",
    "a header that is too long": raw(b"{}" + b" " * 2_000_000),
    "no JSON": raw(b"\xff" * 20),
    "nested": raw(b'{"a":' * 50_000),
    "no object": raw([1]),
    "offsets beyond the file": raw(one([2, 1, 2, 2], [0, 32])),
    "offsets backwards": raw(one([2, 1, 2, 2], [32, 0]), bytes(32)),
    "negative offsets": raw(one([2, 1, 2, 2], [-32, 0]), bytes(32)),
    "more data than it says": raw(one([2, 1, 2, 2], [0, 32]), bytes(64)),
    "another size than its shape": raw(one([2, 1, 2, 3], [0, 32]), bytes(32)),
    "a shape beyond any memory": raw(one([1 << 40, 1 << 40], [0, 32]), bytes(32)),
    "a shape that overflows to nothing": raw(one([1 << 32, 1 << 32, 0], [0, 0])),
    "two tensors in one place": raw(one([2, 1, 2, 2], [0, 32]) | one([2, 1, 2, 2], [0, 32], name="b"), bytes(32)),
    "a type that is none": raw(one([2, 1, 2, 2], [0, 32], "F33"), bytes(32)),
    "another type": raw(one([2, 1, 2, 2], [0, 64], "F64"), bytes(64)),
    "half precision of another kind": raw(one([2, 1, 2, 2], [0, 16], "BF16"), bytes(16)),
    "another shape": save({"values": np.zeros((3, 1, 2, 2), np.float32)}),
    "no such tensor": save({"other": np.zeros((2, 1, 2, 2), np.float32)}),
    "numbers that are none": save({"values": np.full((2, 1, 2, 2), np.nan, np.float32)}),
    "numbers out of range": save({"values": np.full((2, 1, 2, 2), 2, np.float32)}),
    "thousands of tensors": save({f"a{number}": np.zeros(1, np.float32) for number in range(5000)}),
    "a name that steers": save({"values": np.zeros((2, 1, 2, 2), np.float32), "\x1b[2J": np.zeros(1, np.float32)}),
}


@pytest.mark.parametrize("what", LIES)
@pytest.mark.parametrize("output", [IMAGE, TEXT], ids=["image", "text"])
def test_a_file_that_lies_is_refused(came, what, output):
    with pytest.raises(Refused) as caught:
        believed.samples(came(LIES[what]), "s.safetensors", 2, output)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


TEXTS = {
    "lengths that are too few": ([3], b"abc"),
    "lengths that are negative": ([4, -1], b"abc"),
    "lengths that overflow": ([1 << 62, 1 << 62], b"abc"),
    "more bytes than lengths": ([1, 1], b"abc"),
    "fewer bytes than lengths": ([1, 5], b"abc"),
    "no UTF-8": ([1, 1], b"a\xff"),
    "half a surrogate": ([3, 1], b"\xed\xa0\x80a"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_texts_that_lie_are_refused(came, what):
    lengths, data = TEXTS[what]
    file = save({"lengths": np.array(lengths, np.int64), "bytes": np.frombuffer(data, np.uint8)})
    with pytest.raises(Refused):
        believed.samples(came(file), "s.safetensors", 2, TEXT)


def test_what_is_honest_is_believed(came):
    images = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 1, 2, 2)
    assert np.array_equal(believed.samples(came(save({"values": images})), "s.safetensors", 2, IMAGE).values, images)
    file = save({"lengths": np.array([2, 0], np.int64), "bytes": np.frombuffer("ä".encode(), np.uint8)})
    assert [*believed.samples(came(file), "s.safetensors", 2, TEXT).values] == ["ä", ""]


def test_more_than_was_asked_for_is_not_read(tmp_path):
    with open(tmp_path / "s.safetensors", "wb") as stream:
        stream.truncate(1 << 34)
    assert os.path.getsize(tmp_path / "s.safetensors") == 1 << 34
    with pytest.raises(Refused, match="more than"):
        believed.samples(collect(str(tmp_path)), "s.safetensors", 2, IMAGE)


def test_samples_of_a_kind_that_has_no_range_are_refused(came):
    with pytest.raises(Refused, match="no range"):
        believed.samples(came(LIES["another shape"]), "s.safetensors", 2, {"kind": "features", "shape": [1]})
