"""Weights: whatever is wrong with a file ends in one sentence that names file and cause, before anything is loaded."""

import hashlib
import json
import os
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from aigc_core.errors import NotAvailable, Refused
from aigc_core.weights import check_dtype, load_module, verify


def build():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.fixture
def good(tmp_path):
    """A file that fits ``build``, with its module."""
    module = build()
    path = tmp_path / "good.safetensors"
    save_file({name: value.clone() for name, value in module.state_dict().items()}, path)
    return path, module


def split(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(path, header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_a_good_file_is_loaded_to_the_bit_in_eval_mode_without_gradients(good):
    path, module = good
    loaded = load_module(build, path)
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert not any(child.training for child in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_is_converted_to_the_modules_own_type(good):
    path, module = good
    half = {name: v.half() if v.is_floating_point() else v for name, v in module.state_dict().items()}
    save_file(half, path)
    loaded = load_module(build, path)
    assert loaded[0].weight.dtype == torch.float32
    assert torch.equal(loaded[0].weight, module[0].weight.half().float())


def test_loading_draws_nothing_from_the_global_random_state(good):
    state = torch.random.get_rng_state()
    load_module(build, good[0])
    assert torch.equal(state, torch.random.get_rng_state())


class TestVerify:
    def test_the_right_bytes_pass(self, good):
        data = good[0].read_bytes()
        verify(good[0], len(data), hashlib.sha256(data).hexdigest())

    def test_a_flipped_byte_is_refused(self, good):
        path, data = good[0], bytearray(good[0].read_bytes())
        digest = hashlib.sha256(data).hexdigest()
        for position in range(0, len(data), 37):
            flipped = bytearray(data)
            flipped[position] ^= 1
            path.write_bytes(flipped)
            with pytest.raises(Refused, match=r"good\.safetensors has sha256 [0-9a-f]{64}, its manifest says"):
                verify(path, len(data), digest)

    def test_a_wrong_size_is_refused_before_hashing(self, good):
        with pytest.raises(Refused, match=r"has [\d,]+ bytes, its manifest says 7"):
            verify(good[0], 7, "no hash is needed to see that")

    def test_a_missing_file_is_not_available(self, tmp_path):
        with pytest.raises(NotAvailable, match=r"gone\.safetensors cannot be read: no such file"):
            verify(tmp_path / "gone.safetensors", 1, "")


def drop(header, body):
    del header["0.bias"]
    return header, body


def change(name, **fields):
    def fault(header, body):
        header[name].update(fields)
        return header, body

    return fault


def add(name, **entry):
    def fault(header, body):
        size = len(body)
        header[name] = {"dtype": "F32", "shape": [1], "data_offsets": [size, size + 4], **entry}
        return header, body + b"\0" * 4

    return fault


def overlap(header, body):
    header["0.bias"]["data_offsets"] = header["1.bias"]["data_offsets"]
    return header, body


def truncate(header, body):
    return header, body[:-4]


def lie_about_type(header, body):
    # Same number of bytes: int32 for float32 would be read as garbage.
    header["0.weight"]["dtype"] = "I32"
    return header, body


STRUCTURE = {
    "missing key": (drop, "invalid|lacks 0.bias"),
    "extra key": (add("2.weight"), "it has 2.weight, which the architecture does not know"),
    "wrong shape": (change("0.weight", shape=[3, 4]), r"0.weight has shape \[3, 4\], the architecture has \[4, 3\]"),
    "type that lies, same size": (lie_about_type, "0.weight is stored as I32, which is no floating-point type"),
    "type that lies, other size": (change("0.weight", dtype="F16"), "no valid safetensors file"),
    "unknown type": (change("0.weight", dtype="F33"), "no valid safetensors file"),
    "overlapping tensors": (overlap, "no valid safetensors file"),
    "offsets beyond the file": (change("0.weight", data_offsets=[0, 1 << 40]), "no valid safetensors file"),
    "negative offsets": (change("0.weight", data_offsets=[-4, 44]), "no valid safetensors file"),
    "huge shape": (change("0.weight", shape=[1 << 40, 1 << 40]), "no valid safetensors file"),
    "truncated data": (truncate, "no valid safetensors file"),
    "header that is no JSON": (lambda header, body: (b"{" * 64, body), "no valid safetensors file"),
    "empty header": (lambda header, body: (b"", body), "no valid safetensors file"),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_a_file_of_the_wrong_structure_is_refused(good, name):
    path, _ = good
    fault, cause = STRUCTURE[name]
    join(path, *fault(*split(path)))
    with pytest.raises(Refused, match=cause) as refusal:
        load_module(build, path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_that_is_missing_is_named(good):
    path, module = good
    save_file({name: v for name, v in module.state_dict().items() if name != "0.bias"}, path)
    with pytest.raises(Refused, match=r"it lacks 0\.bias\."):
        load_module(build, path)


@pytest.mark.parametrize("declared", ["float16", "bfloat16"])
def test_a_type_other_than_the_manifests_is_refused(good, declared):
    check_dtype(good[0], "float32")
    with pytest.raises(Refused, match=f"is stored as float32, the manifest says {declared}"):
        check_dtype(good[0], declared)


def test_a_buffer_that_no_file_fills_is_refused(good):
    class Hidden(nn.Linear):
        def __init__(self):
            super().__init__(3, 4)
            self.register_buffer("scale", torch.ones(1), persistent=False)

    save_file(nn.Linear(3, 4).state_dict(), good[0])
    with pytest.raises(Refused, match="cannot fill scale"):
        load_module(Hidden, good[0])


def test_a_pipe_in_the_files_place_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(NotAvailable, match="no such file"):
        verify(tmp_path / "pipe.safetensors", 0, "")


@pytest.mark.parametrize("length", [0, 1, 7, 1 << 31, 1 << 62, (1 << 64) - 1])
def test_a_header_length_that_cannot_be_is_refused(good, length):
    path, _ = good
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    with pytest.raises(Refused, match="no valid safetensors file"):
        load_module(build, path)


@pytest.mark.parametrize("data", [b"", b"\0" * 4, b"PK\x03\x04" * 10, b"\x80\x02}q\x00."], ids=repr)
def test_a_file_of_another_kind_is_refused(tmp_path, data):
    path = tmp_path / "other.safetensors"
    path.write_bytes(data)
    with pytest.raises(Refused, match="no valid safetensors file"):
        load_module(build, path)


def test_a_refusal_allocates_nothing_large(tmp_path):
    """A sparse 4 GB file whose header does not fit is refused within 200 MB of address space growth."""
    shape = [1 << 20, 1 << 10]
    header = json.dumps({"0.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 << 30]}}).encode()
    path = tmp_path / "large.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + (4 << 30))
    script = (
        "import resource, sys, torch\n"
        "from aigc_core.errors import Refused\n"
        "from aigc_core.weights import load_module\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    load_module(lambda: torch.nn.Linear(3, 4), sys.argv[1])\n"
        "except Refused as error:\n    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    sentence, grown = done.stdout.strip().rsplit("\n", 1)
    assert "does not fit its architecture" in sentence
    assert int(grown) < 200 * 1024  # kilobytes
