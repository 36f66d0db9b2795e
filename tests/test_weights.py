"""Weights: whatever is wrong with a file ends in one sentence that names file and cause, before anything is loaded."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from aigc_core.errors import Refused
from aigc_core.weights import check_dtype, load_module


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


def bits(tensor):
    """A tensor's type, shape and bytes: equal where two tensors are, NaN or not."""
    return tensor.dtype, tuple(tensor.shape), tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


class Holder(nn.Module):
    """A module that has these tensors as its state."""

    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, torch.empty(tensor.shape, dtype=tensor.dtype))


TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.uint8, torch.bool]
TENSORS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True).map("t_{}".format),
    st.tuples(st.sampled_from(TYPES), st.lists(st.integers(0, 5), max_size=3), st.binary(min_size=8, max_size=8)),
    min_size=1,
    max_size=6,
)


def tensor_of(kind, shape, data):
    """A tensor of any bits, so of NaN and infinity too; of a bool, only the lowest."""
    size = torch.Size(shape).numel() * kind.itemsize
    raw = torch.frombuffer(bytearray((data * (size // 8 + 1))[:size] or b"\0"), dtype=torch.uint8)[:size]
    return (raw % 2).bool().reshape(shape) if kind == torch.bool else raw.view(kind).reshape(shape)


@settings(max_examples=100)
@given(TENSORS)
def test_what_is_loaded_is_to_the_bit_what_safetensors_itself_reads(tmp_path_factory, tensors):
    tensors = {name: tensor_of(*parts) for name, parts in tensors.items()}
    path = tmp_path_factory.mktemp("any") / "any.safetensors"
    save_file(tensors, path)
    loaded = load_module(lambda: Holder(tensors), path).state_dict()
    expected = load_file(path)
    assert {name: bits(value) for name, value in loaded.items()} == {n: bits(v) for n, v in expected.items()}


MAPS = Path("/proc/self/maps")
needs_maps = pytest.mark.skipif(not MAPS.exists(), reason="shows what is mapped on Linux only")


def mapped_from(tensor):
    """The file that a tensor's numbers lie in, or an empty text."""
    for line in MAPS.read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= tensor.data_ptr() < end:
            return line.split(maxsplit=5)[5] if len(line.split()) > 5 else ""
    return ""


@needs_maps
def test_a_loaded_tensor_is_a_view_of_the_file(good):
    path, _ = good
    for name, tensor in load_module(build, path).state_dict().items():
        assert mapped_from(tensor) == str(path), name
    copied = {name: value.clone() for name, value in load_module(build, path).state_dict().items()}
    assert str(path) not in {mapped_from(tensor) for tensor in copied.values()}


def test_to_change_a_loaded_module_leaves_the_file_as_it_is(good):
    path, _ = good
    before = path.read_bytes()
    module = load_module(build, path)
    for tensor in module.state_dict().values():
        tensor.add_(1)
    assert path.read_bytes() == before
    assert not torch.equal(module[0].weight, load_module(build, path)[0].weight)


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


def float_for_int(header, body):
    header["1.num_batches_tracked"]["dtype"] = "F64"
    return header, body


def long_name(header, body):
    header["a\n" * 500_000] = header.pop("0.bias")
    return header, body


STRUCTURE = {
    "missing key": (drop, "invalid|lacks 0.bias"),
    "extra key": (add("2.weight"), "it has 2.weight, which the architecture does not know"),
    "wrong shape": (change("0.weight", shape=[3, 4]), r"0.weight has shape \[3, 4\], the architecture has \[4, 3\]"),
    "type that lies, same size": (lie_about_type, "0.weight is stored as int32, the architecture has float32"),
    "type that lies, other size": (change("0.weight", dtype="F16"), "no valid safetensors file"),
    "float that lies, same size": (
        float_for_int,
        "1.num_batches_tracked is stored as float64, the architecture has int",
    ),
    "complex for int, same size": (change("1.num_batches_tracked", dtype="C64"), "is stored as complex64, the arch"),
    "unsigned for int, same size": (change("1.num_batches_tracked", dtype="U64"), "is stored as uint64, the arch"),
    "vector for int, same size": (change("1.num_batches_tracked", dtype="U8", shape=[8]), r"has shape \[8\], the arch"),
    "name of a megabyte": (long_name, r"it lacks 0\.bias"),
    "text where a number belongs": (change("0.weight", shape="x\n" * 5000), "no valid safetensors file"),
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
    assert not str(refusal.value).endswith("..")
    assert len(str(refusal.value)) < 500


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


def test_a_name_that_is_too_long_to_read_is_cut(good):
    path, module = good
    save_file(module.state_dict() | {"x" * 10_000: torch.zeros(1)}, path)
    with pytest.raises(Refused, match=r"it has x+, which the architecture does not know") as refusal:
        load_module(build, path)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_a_whole_number_is_not_made_of_another_type(good, kind):
    path, module = good
    save_file(module.state_dict() | {"1.num_batches_tracked": torch.zeros((), dtype=kind)}, path)
    with pytest.raises(Refused, match=r"1\.num_batches_tracked is stored as [a-z0-9_]+, the architecture has int64"):
        load_module(build, path)


def test_a_buffer_that_no_file_fills_is_refused(good):
    class Hidden(nn.Linear):
        def __init__(self):
            super().__init__(3, 4)
            self.register_buffer("scale", torch.ones(1), persistent=False)

    save_file(nn.Linear(3, 4).state_dict(), good[0])
    with pytest.raises(Refused, match="cannot fill scale"):
        load_module(Hidden, good[0])


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


# What a header or an architecture claims costs nothing until all of it fits.

CLAIMS = """
import json, struct, sys, torch
from pathlib import Path
from aigc_core.errors import Refused
from aigc_core import weights

def status(field):
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith(field + ":"))

def write(name, size, **tensors):
    header = json.dumps(tensors).encode()
    with open(Path(sys.argv[1]) / name, "wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + size)
        return stream.name

def tensor(side, start=0, size=None, kind="F32"):
    size = 4 * side * side if size is None else size
    return {"dtype": kind, "shape": [side, side], "data_offsets": [start, start + size]}

if sys.argv[2] == "trusts the header":
    def load(build, path, real=weights.load_module):
        data = open(path, "rb").read(1000)
        header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
        room = [torch.empty(entry["shape"]) for entry in header.values()]
        return real(build, path)
    weights.load_module = load
if sys.argv[2] == "builds first":
    def fill(build, *arguments, real=weights.fill):
        build()
        return real(build, *arguments)
    weights.fill = fill

GB, GB_50 = 1 << 14, 111_848  # squared, times four bytes
class Net(torch.nn.Module):
    def __init__(self, side):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(side, side))

weights.load_module(lambda: Net(3), write("fits", 36, weight=tensor(3)))  # what a first load imports is not counted
cases = {
    "small file, large claim": (3, write("a", 36, weight=tensor(GB_50))),
    "small file, large claim of its size": (3, write("b", 36, weight=tensor(GB_50, size=36))),
    "small file, large architecture": (GB_50, write("c", 36, weight=tensor(3))),
    "small file, large architecture and claim": (GB_50, write("d", 36, weight=tensor(GB_50))),
    "large file of another name": (GB, write("e", 1 << 30, other=tensor(GB))),
    "large file of another shape": (3, write("f", 1 << 30, weight=tensor(GB))),
    "large file of another type": (GB, write("g", 1 << 30, weight=tensor(GB, kind="I32"))),
    "large file, one more": (GB, write("h", 4 + (1 << 30), weight=tensor(GB), more=tensor(1, 1 << 30))),
}
for name, (side, path) in cases.items():
    space, memory, mapped = status("VmPeak"), status("VmHWM"), 2 * Path(path).stat().st_size // 2**20
    try:
        weights.load_module(lambda: Net(side), path)
        print(json.dumps([name, "it was loaded", 0, 0]))
    except Refused as error:  # two readers map the file, which takes address space and no memory
        print(json.dumps([name, str(error), status("VmPeak") - space - mapped, status("VmHWM") - memory]))
    except Exception as error:  # so much that not even the saboteur gets it
        print(json.dumps([name, str(error), 10**9, 10**9]))
"""
ALLOWED = 16
"""MB that refusing may take: what the interpreter and the readers need for themselves (measured: 0 to 2)."""


def claimed(tmp_path, saboteur=""):
    """What became of each claim, and by how many MB address space and memory grew beyond the file."""
    command = [sys.executable, "-c", CLAIMS, str(tmp_path), saboteur]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_maps
def test_a_claim_of_many_gigabytes_allocates_nothing(tmp_path):
    outcomes = claimed(tmp_path)
    assert len(outcomes) == 8
    for name, sentence, space, memory in outcomes:
        assert "does not" in sentence or "no valid safetensors file" in sentence, name
        assert space <= ALLOWED, name
        assert memory <= ALLOWED, name


@needs_maps
@pytest.mark.slow
@pytest.mark.parametrize("saboteur", ["trusts the header", "builds first"])
def test_a_loader_that_trusts_a_claim_is_caught(tmp_path, saboteur):
    assert any(space > ALLOWED for _, _, space, _ in claimed(tmp_path, saboteur))


TOO_LARGE = """
import resource, sys, torch
from aigc_core.weights import load_module

size = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize:")) * 1024
resource.setrlimit(resource.RLIMIT_AS, [size + (int(sys.argv[2]) << 20)] * 2)
try:
    load_module(lambda: torch.nn.Linear(1 << 14, 1 << 14, bias=False), sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


@needs_maps
@pytest.mark.slow
@pytest.mark.parametrize("room_mb", [512, 1536])
def test_a_file_that_is_larger_than_memory_is_not_available(tmp_path, room_mb):
    """It is mapped for its header, and once more for its numbers, of which each program may have its own."""
    header = {"weight": {"dtype": "F32", "shape": [1 << 14, 1 << 14], "data_offsets": [0, 1 << 30]}}
    join(tmp_path / "large.safetensors", header, b"")
    with (tmp_path / "large.safetensors").open("ab") as stream:
        stream.truncate(stream.tell() + (1 << 30))
    command = [sys.executable, "-c", TOO_LARGE, str(tmp_path / "large.safetensors"), str(room_mb)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("NotAvailable ")
    assert "large.safetensors cannot be mapped into memory" in done.stdout
