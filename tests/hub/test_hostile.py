"""Hostile input: thousands of spoilt files and answers, each of which is taken as what it says or ends in one sentence.

A program that reads them in a process of its own, bounded in time and memory, is this file too:
``python test_hostile.py KIND,KIND FIRST COUNT [SABOTEUR]``. Each case is made by its number, so any can be looked at.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LINUX = Path("/proc/self/status").exists()
COMMIT, SHA256 = "a1" * 20, "b2" * 32

SECONDS = 30
"""What one case may take; all but a hang take milliseconds."""
FACTOR = 2
"""What our code may allocate, in sizes of the file, beyond what the file's own reader takes: json or safetensors. That
depends on the text: json.loads makes 25 times its size of ``[{},{},{}]``, safetensors 14 times of a header of names.
"""
LIMIT = 50_000
"""The largest file that is read here. To read one of at most N bytes sets N bytes aside, so that it is to be small."""
OBJECTS = LIMIT + 14_000
"""Bytes of objects that do not grow with the file: what is set aside, messages, paths (measured: 54,200 in all)."""
SPACE_MB = 16
"""What address space may grow by beyond that, in a case: malloc and the interpreter ask for some MB at a time."""
SENTENCE = 4000
"""Characters of a message: it may quote one value of a file, such as a path, and torch's own take up to 2,000."""


# What is done to good input.

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 7, 0.5, -0.0, 1e308, 10**9, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30),
    "", "x", "é", "\n", "\0", "\x1b[2J", "\ud800", "\u202e", "/", "..", "../..", "a/../b", "/etc/passwd", "~", "C:\\x",
    "a\\b", "a//b", "model.bin", "x" * 3000, "0" * 40, "0" * 64, "F" * 64, "main", "hf:a/b", "a/b", "a--b/c", "../a",
    "F32", "I64", "BOOL", "C64", "F8_E4M3", "F4", "F99", "safetensors", "pickle", "hub", "bundled", "NaN", "1e5",
    [], {}, [[]], [{}], [None], {"": None}, {"a": {"a": {}}}, [0, 0], [8, 4], [-4, 4], [0, 2**63], [2**40, 2**40],
    [111_848, 111_848], [1] * 300, [2**62, 4], [0, 2**40], list(range(200)),
    {str(number): number for number in range(200)},
]  # fmt: skip
RAW = [
    b"", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"-", b"01", b"1.", b"tru", b'"\\ud800"',
    b'"\\u0000"', b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\0", b"[" * 3000, b'{"a":' * 300, b"[" * 70 + b"]" * 70,
    b"[" * 5000 + b"]" * 5000, b"}", b"]", b'"', b",", b":", b"\\", b"//", b"'", b"\r", b"\xe2\x80\xa8",
    b'"a":1,"a":2,', b'"files":[],', b'"sha":"x",',
]  # fmt: skip
GROWN: list[Callable[[int], Any]] = [
    lambda size: [[] for _ in range(size)],
    lambda size: [{} for _ in range(size)],
    lambda size: [None] * size,
    lambda size: list(range(size)),
    lambda size: "x" * size,
    lambda size: {str(number): "a" for number in range(size)},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    found = []
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *places(value[key])]
    return found


def changed(chance: random.Random, good: Any) -> Any:
    """Return a document with up to four of its values changed, lost, doubled, renamed or grown."""
    document = copy.deepcopy(good)
    for _ in range(chance.randint(0, 4)):
        container, key = chance.choice(places(document))
        action = chance.random()
        if action < 0.55:
            container[key] = copy.deepcopy(chance.choice(ODD))
        elif action < 0.60:
            container[key] = chance.choice(GROWN)(chance.choice([100, 3000]))
        elif action < 0.65:
            for _ in range(chance.choice([5, 70])):
                container[key] = chance.choice([[container[key]], {"a": container[key]}])
        elif action < 0.75 and isinstance(container, dict):
            container[chance.choice(["", "x", "a/b", "../x", "\udfff", "sha", f"{key}s"])] = container.pop(key)
        elif action < 0.85 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif action < 0.90 and isinstance(container[key], int):
            container[key] += chance.choice([-1, 1, 2**20])
        elif action < 0.95 and isinstance(container[key], str):
            text, at = container[key], chance.randrange(len(container[key]) + 1)
            container[key] = text[:at] + chance.choice(["", "/", "..", "\n", "\x1b[31m", "é", "\0"]) + text[at + 1 :]
        else:
            del container[key]
        if not document:
            break
    return document


def spoilt(chance: random.Random, good: Any) -> bytes:
    """Return a JSON text that was spoilt as a document, as bytes, or both."""
    data = json.dumps(changed(chance, good), indent=chance.choice([None, 1])).encode()
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        start = chance.randrange(len(data) + 1)
        data = data[:start] + chance.choice(RAW) + data[start + chance.choice([0, 0, 1, 5, 100]) :]
    return data


# The kinds of input: what is good, how it is spoilt, and what reads it.


class Kind:
    """One kind of input, in a folder of its own."""

    good: Any

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "spoilt"

    def make(self, chance: random.Random) -> bytes:
        """Return one spoilt input."""
        raise NotImplementedError

    def alone(self, data: bytes) -> None:
        """Let the reader that we build on read it, to know what that takes.

        A text that may hold what cannot be written again is written again, to see.
        """
        json.dumps(json.loads(data), ensure_ascii=False)

    def read(self, data: bytes) -> Any:
        """Read it as we do; memory is measured. Raises ``ZooError`` or ``Malformed``."""
        raise NotImplementedError

    def use(self, found: Any) -> None:
        """Go on with what was read, as far as the program would; assert what must hold of it."""


def build() -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


class Tensors(Kind):
    """A safetensors file: its length field, its header, its numbers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from safetensors.torch import save

        data = save(build().state_dict())
        (length,) = struct.unpack("<Q", data[:8])
        self.header, self.body = json.loads(data[8 : 8 + length]), data[8 + length :]

    def make(self, chance: random.Random) -> bytes:
        header, body = spoilt(chance, self.header), self.body
        if chance.random() < 0.1:
            names = ",".join(f'"{n:x}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(500))
            header = f"{{{names}}}".encode()
        length = struct.pack("<Q", len(header))
        if chance.random() < 0.2:
            wrong = [0, 1, 7, len(header) - 1, len(header) + 1, 100_000_001, 2**31, 2**32, 2**62, 2**63, 2**64 - 1]
            length = struct.pack("<Q", chance.choice(wrong) % 2**64)
        if chance.random() < 0.2:
            body = chance.choice([b"", body[:-1], body[:-4], body + b"\0", body * 2, body[:7]])
        data = length + header + body
        return data[: chance.randrange(len(data))] if chance.random() < 0.05 else data

    def alone(self, data: bytes) -> None:
        from safetensors import SafetensorError, safe_open

        self.path.write_bytes(data)
        with contextlib.suppress(SafetensorError), safe_open(self.path, framework="pt") as file:
            file.keys()

    def read(self, data: bytes) -> Any:
        from aigc_core.weights import check_dtype, load_module

        self.path.write_bytes(data)
        check_dtype(self.path, "float32")
        return load_module(build, self.path)

    def use(self, found: Any) -> None:
        import torch
        from safetensors.torch import load_file

        expected = load_file(self.path)
        assert expected.keys() == found.state_dict().keys()
        for name, tensor in found.state_dict().items():
            assert torch.equal(tensor.nan_to_num(), expected[name].to(tensor.dtype).nan_to_num())
        found(torch.zeros(2, 3))


class Index(Kind):
    """The index of two real shards that lie beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from safetensors.torch import save_file

        self.tensors = build().state_dict()
        self.shards = {f"model-0000{number}-of-00002.safetensors": folder / f"blob{number}" for number in (1, 2)}
        names = [*self.shards]
        self.good = {
            "metadata": {"total_size": 136},
            "weight_map": {tensor: names[number % 2] for number, tensor in enumerate(self.tensors)},
        }
        for number, name in enumerate(names):
            mine = {tensor: value for at, (tensor, value) in enumerate(self.tensors.items()) if at % 2 == number}
            save_file(mine, self.shards[name])

    def make(self, chance: random.Random) -> bytes:
        return spoilt(chance, self.good)

    def read(self, data: bytes) -> Any:
        from aigc_core.shards import read_index

        self.path.write_bytes(data)
        return read_index(self.path)

    def use(self, found: Any) -> None:
        import torch

        from aigc_core.weights import load_module

        for shard in found.values():
            assert (self.folder / shard).resolve().is_relative_to(self.folder.resolve())
        files = {"model.safetensors.index.json": self.path, **self.shards, **self.others(found)}
        loaded = load_module(build, files).state_dict()
        assert all(torch.equal(loaded[name], self.tensors[name]) for name in self.tensors)

    def others(self, found: Any) -> dict[str, Path]:
        """A hostile repository has every file that its index names."""
        first = next(iter(self.shards.values()))
        return {shard: first for shard in found.values() if shard not in self.shards}


class Listing(Kind):
    """What a Hub says of a repository: here as it is parsed, in the tests below through the real client."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        small = {"size": 30, "blobId": COMMIT}
        large = {"size": 4_000_000, "blobId": COMMIT, "lfs": {"sha256": SHA256, "size": 4_000_000, "pointerSize": 135}}
        names = ["aigc-zoo.json", "config.json", "README.md", "model.safetensors.index.json", "merges.txt"]
        tensors = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "sub/vae.safetensors"]
        self.good = {
            "_id": "6" * 24, "id": "me/tiny", "modelId": "me/tiny", "author": "me", "sha": COMMIT,
            "lastModified": "2026-01-01T00:00:00.000Z", "private": False, "gated": False, "disabled": False,
            "downloads": 7, "likes": 1, "library_name": "aigc-zoo", "pipeline_tag": "text-generation",
            "tags": ["safetensors", "license:mit", "region:us"], "cardData": {"license": "mit", "language": ["en"]},
            "config": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]},
            "siblings": [{"rfilename": name, **(large if name in tensors else small)} for name in names + tensors],
        }  # fmt: skip
        self.index = folder / "index.json"
        self.index.write_text(json.dumps({"weight_map": {"a": tensors[0], "b": tensors[1]}}))

    def make(self, chance: random.Random) -> bytes:
        return spoilt(chance, self.good)

    def alone(self, data: bytes) -> None:
        json.loads(data)

    def read(self, data: bytes) -> Any:
        from aigc_core.errors import NotAvailable
        from aigc_core.hub.remote import parse

        try:
            return parse(json.loads(data))
        except (ValueError, RecursionError) as error:  # as the client does, which is tested with the real one
            raise NotAvailable(f"{type(error).__name__}.") from error

    def use(self, found: Any) -> None:
        from aigc_core.hub.choose import kind, small_files, weight_files

        if found is None:
            return
        well_formed(found)
        chosen = [*small_files(found.files), *weight_files(found.files, lambda name: str(self.index), found.repo_id)]
        assert set(chosen) <= found.files.keys()
        assert {kind(name) for name in chosen} <= {"safetensors", "gguf", "json", "text"}


def well_formed(found: Any) -> None:
    """Assert what everything else takes for granted of a listing, whoever wrote it."""
    for name, file in found.files.items():
        assert name == file.path
        assert name.isprintable()
        assert not os.path.isabs(name)
        assert not {"", ".", ".."} & set(name.split("/"))
        assert "\\" not in name
        assert type(file.size) is int
        assert 0 <= file.size < 2**63
        assert len(file.digest) in (40, 64)
        assert set(file.digest) <= set("0123456789abcdef")
    assert len(found.revision) == 40
    assert found.repo_id.count("/") == 1
    assert ".." not in found.repo_id
    assert isinstance(found.gated, bool)
    assert found.license is None or (found.license.isprintable() and len(found.license) < 300)


class Lock(Kind):
    """A lock file, as a project brings one along."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from aigc_core.hub import lock

        files = [
            {"path": "model.safetensors", "size": 4, "sha256": SHA256, "format": "safetensors", "dtype": "float16"},
            {"path": "sub/config.json", "size": 30, "sha256": SHA256, "format": "json"},
        ]
        pin = {"repo_id": "me/tiny", "revision": COMMIT, "license": "MIT", "files": files}
        bundled = {"repo_id": None, "revision": None, "license": None, "files": files[:1]}
        self.good = {"schema": 1, "models": {"hf:me/tiny": pin, "tiny": copy.deepcopy(pin), "digits": bundled}}
        self.path = Path(lock.project_path())

    def make(self, chance: random.Random) -> bytes:
        return spoilt(chance, self.good)

    def read(self, data: bytes) -> Any:
        from aigc_core.hub import lock

        self.path.write_bytes(data)
        return lock.read(str(self.path))

    def use(self, found: Any) -> None:
        from aigc_core.hub import lock

        copied = str(self.folder / "copied.lock")
        lock.write(copied, found)
        assert lock.read(copied) == {name: pin._replace(files=tuple(sorted(pin.files))) for name, pin in found.items()}
        for name, pin in found.items():
            assert lock.find(name) == pin
            assert pin.repo_id.count("/") <= 1
            for file in pin.files:
                assert file.pinned
                assert not {"", ".", ".."} & set(file.path.split("/"))
            assert lock.differences(pin, pin) == []
            lock.differences(None, pin)
            lock.differences(next(iter(found.values())), pin)
            lock.require(name, pin.files)


class Manifest(Kind):
    """A manifest beside its weights, in a folder that somebody sent: it is resolved, fetched and loaded."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model, self.good = folder / "model", write_model(folder / "model")
        self.path = self.model / "aigc-zoo.json"
        self.use(self.read(self.path.read_bytes()))

    def make(self, chance: random.Random) -> bytes:
        return spoilt(chance, self.good)

    def read(self, data: bytes) -> Any:
        from aigc_core.hub.describe import own_manifest

        self.path.write_bytes(data)
        return own_manifest(str(self.model), "./model")

    def use(self, found: Any) -> None:
        assert found.source == "bundled"
        assert {file.format for file in found.files} <= {"safetensors", "gguf", "json", "text"}
        load(str(self.model))


KINDS: dict[str, type[Kind]] = {
    "tensors": Tensors, "index": Index, "listing": Listing, "lock": Lock, "manifest": Manifest
}  # fmt: skip


def write_model(folder: Path) -> dict[str, Any]:
    """Write a small real model into a folder in the Hub's layout, and return its manifest."""
    from safetensors.torch import save

    from aigc_gan.networks import DcganGenerator

    folder.mkdir()
    zoo = Path(__file__).parents[2] / "plugins/aigc-gan/src/aigc_gan/zoo"
    document: dict[str, Any] = json.loads((zoo / "models/dcgan-digits.json").read_text())
    data = save(DcganGenerator(8, 4).state_dict())
    file = {"path": "model.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    document["code"]["config"] = {"latent_dim": 8, "width": 4}
    document["weights"]["files"] = [{**file, "format": "safetensors", "dtype": "float32"}]
    (folder / "model.safetensors").write_bytes(data)
    (folder / "config.json").write_text('{"model_type": "dcgan-28", "latent_dim": 8, "width": 4}')
    (folder / "aigc-zoo.json").write_text(json.dumps(document))
    return document


def load(name: str) -> None:
    """Go the whole way from a name to a sample."""
    from aigc_core.run.load import check_licence, fetch, open_entry, resolve

    entry = resolve(name)
    check_licence(entry, accepted=False)
    open_entry(entry, fetch(entry), "cpu")


# The program: reads spoilt input and says what became of it.


class Hang(BaseException):
    """A case took too long. No handler of ``Exception`` takes it for its own."""


def hang(*_: object) -> None:
    raise Hang


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Let nothing in the block take longer than a case may."""
    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fault_of(call: Callable[[], Any], results: list[Any]) -> str:
    """Return what is wrong with how a call ends, or an empty string; what it returns goes into ``results``."""
    from aigc_core.errors import ZooError
    from aigc_core.manifest.read import Malformed

    try:
        with bounded():
            results.append(call())
    except (ZooError, Malformed) as error:
        text = str(error)
        if not text.strip() or len(text) > SENTENCE:
            return f"its message has {len(text):,} characters: {text[:200]!r}"
        if isinstance(error, ZooError) and not text.endswith((".", "?", "!")):
            return f"its message is no sentence: {text[-200:]!r}"
    except Hang:
        return f"it took more than {SECONDS} s"
    except BaseException as error:
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}: {str(error)[:300]!r}"
    return ""


def peak_of(call: Callable[[], Any]) -> int:
    """Return the most bytes that Python's objects took during a call, beyond those that were there."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    call()
    return tracemalloc.get_traced_memory()[1] - before


def space(field: str) -> int:
    """Return the process's address space, in bytes: what it is (VmSize) or was at most (VmPeak)."""
    text = Path("/proc/self/status").read_text() if LINUX else ""
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(field + ":")), 0)


def judge(kind: Kind, data: bytes, results: list[Any]) -> tuple[str, int]:
    """Return what is wrong with how one input is read and used, and the bytes that we took for reading it."""

    def alone() -> None:
        with contextlib.suppress(ValueError, RecursionError):
            kind.alone(data)

    faults: list[str] = []
    largest, size = space("VmPeak"), space("VmSize")
    own = peak_of(lambda: faults.append(fault_of(lambda: kind.read(data), results))) - peak_of(alone)
    grown = space("VmPeak") - size if space("VmPeak") > largest else 0
    if not faults[0] and own > FACTOR * len(data) + OBJECTS:
        faults[0] = f"{len(data):,} bytes were read with {own:,} bytes of objects"
    if not faults[0] and grown > FACTOR * len(data) + SPACE_MB * 2**20:
        faults[0] = f"{len(data):,} bytes were read with {grown:,} bytes of memory"
    if not faults[0] and results:
        faults[0] = fault_of(lambda: kind.use(results[0]), [])
    return faults[0], own - FACTOR * len(data)


def main(names: str, first: int, count: int, saboteur: str = "") -> None:
    """Read cases of some kinds and print what became of them."""
    import torch

    from aigc_core import shards
    from aigc_core.manifest import read

    torch.set_num_threads(1)
    shards.INDEX_BYTES = LIMIT
    read.read_text.__defaults__ = read.read_object.__defaults__ = (LIMIT,)
    with tempfile.TemporaryDirectory() as place:
        os.environ["AIGC_ZOO_HOME"] = os.path.join(place, "home")
        outcomes = {}
        for name in names.split(","):
            folder = Path(place, name)
            (folder / "cwd").mkdir(parents=True)
            os.chdir(folder / "cwd")
            kind = KINDS[name](folder)
            SABOTEURS[saboteur](kind)
            outcomes[name] = many(kind, name, first, count)
    print(json.dumps(outcomes))


def many(kind: Kind, name: str, first: int, count: int) -> dict[str, Any]:
    """Return what became of cases of one kind."""
    outcome: dict[str, Any] = {"accepted": 0, "refused": 0, "worst": 0, "faults": []}
    for number in range(-20, 0):
        judge(kind, kind.make(random.Random(f"{name}{number}")), [])  # what is imported at first use is not counted
    tracemalloc.start()
    for number in range(first, first + count):
        results: list[Any] = []
        fault, own = judge(kind, kind.make(random.Random(f"{name}{number}")), results)
        outcome["accepted" if results else "refused"] += 1
        outcome["worst"] = max(outcome["worst"], own)
        if fault:
            outcome["faults"].append([number, fault])
    tracemalloc.stop()
    return outcome


# Saboteurs: each does what a careless reader would.


def trust_the_header(kind: Kind) -> None:
    import torch

    def trusting(data: bytes, read: Callable[[bytes], Any] = kind.read) -> Any:
        try:
            header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
            room = [torch.empty(entry["shape"]) for entry in header.values()]
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, OverflowError):
            room = []
        del room
        return read(data)

    kind.read = trusting  # type: ignore[method-assign]


def keep_copies(kind: Kind) -> None:
    def copying(data: bytes, read: Callable[[bytes], Any] = kind.read) -> Any:
        kept = [bytearray(data) for _ in range(20)]
        return read(data) if kept else None

    kind.read = copying  # type: ignore[method-assign]


def look_up_blindly(kind: Kind) -> None:
    def blind(data: bytes, read: Callable[[bytes], Any] = kind.read) -> Any:
        found = read(data)
        json.loads(data)["models"]["tiny"]["files"][0]["size"] + 1
        return found

    kind.read = blind  # type: ignore[method-assign]


def go_round_in_circles(kind: Kind) -> None:
    global SECONDS
    SECONDS = 1

    def circling(data: bytes, read: Callable[[bytes], Any] = kind.read) -> Any:
        while b"x" * 100 in data:
            with contextlib.suppress(Exception):
                len(data)
        return read(data)

    kind.read = circling  # type: ignore[method-assign]


def quote_everything(kind: Kind) -> None:
    from aigc_core.errors import Refused

    def quoting(data: bytes, read: Callable[[bytes], Any] = kind.read) -> Any:
        if b"x" * 100 in data:
            raise Refused(f"This is wrong: {data + data!r}.")
        return read(data)

    kind.read = quoting  # type: ignore[method-assign]


def leave_the_folder(kind: Kind) -> None:
    from aigc_core import shards

    shards.leaves_folder = lambda path: False


SABOTEURS: dict[str, Callable[[Kind], None]] = {
    "": lambda kind: None,
    "trust the header": trust_the_header,
    "keep copies": keep_copies,
    "look up blindly": look_up_blindly,
    "go round in circles": go_round_in_circles,
    "quote everything": quote_everything,
    "leave the folder": leave_the_folder,
}


def run(kinds: str, first: int, count: int, saboteur: str = "") -> dict[str, Any]:
    """Run the program in a process of its own, for at most ten minutes."""
    command = [sys.executable, "-W", "ignore", __file__, kinds, str(first), str(count), saboteur]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes: dict[str, Any] = json.loads(done.stdout)
    print(outcomes)
    return outcomes


def clean(outcome: dict[str, Any], count: int) -> None:
    assert outcome["faults"] == []
    assert outcome["accepted"] + outcome["refused"] == count
    assert outcome["accepted"] > count / 50  # some of it is what it was
    assert outcome["refused"] > count / 5  # and much is not


def test_300_spoilt_inputs_are_taken_or_refused_in_one_sentence() -> None:
    for outcome in run(",".join(KINDS), 0, 60).values():
        clean(outcome, 60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_10000_spoilt_inputs_are_taken_or_refused_in_one_sentence(kind: str) -> None:
    clean(run(kind, 1000, 2000)[kind], 2000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "saboteur", "seen"),
    [
        ("tensors", "trust the header", "RuntimeError|bytes of memory"),
        ("lock", "keep copies", "bytes of objects"),
        ("lock", "look up blindly", "Error in test_hostile.py"),
        ("index", "go round in circles", "it took more than"),
        ("lock", "quote everything", "its message has"),
        ("index", "leave the folder", "AssertionError|NotImplementedError|Error in"),
    ],
)
def test_a_careless_reader_is_caught(kind: str, saboteur: str, seen: str) -> None:
    faults = [fault for _, fault in run(kind, 0, 300, saboteur)[kind]["faults"]]
    assert any(re.search(seen, fault) for fault in faults), faults[:5]


# The same input from a Hub, through the real client.


@pytest.fixture
def served(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Hub that is asked once, since what it answers gets no better, by a program in an empty folder."""
    from aigc_core.hub import client

    monkeypatch.setattr(client, "PAUSES", ())
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return hub


def listings_through_the_client(hub: Any, folder: Path, first: int, count: int) -> None:
    """What it makes of a listing is what ``parse`` makes of it, or one sentence."""
    from aigc_core.hub.remote import look, parse

    commit = hub.commit("me/tiny", {"config.json": b"{}", "model.safetensors": b"x" * 100})
    kind = Listing(folder)
    accepted = 0
    for number in range(first, first + count):
        data, results = kind.make(random.Random(f"served{number}")), []
        hub.fault("GET /api/models/me/tiny/revision", "garbage", 1, data)
        assert fault_of(lambda: look("me/tiny"), results) == "", number
        if results:
            accepted += 1
            well_formed(results[0])
            assert results[0] == parse(json.loads(data))
        assert fault_of(lambda: look("me/tiny", commit), []) == "", number  # the connection is as good as before
    assert 0 < accepted < count


def test_spoilt_listings_from_a_hub(served: Any, tmp_path: Path) -> None:
    listings_through_the_client(served, tmp_path, 0, 60)


@pytest.mark.slow
def test_many_spoilt_listings_from_a_hub(served: Any, tmp_path: Path) -> None:
    listings_through_the_client(served, tmp_path, 1000, 1000)


def test_another_commit_than_was_asked_for_is_refused(served: Any) -> None:
    from aigc_core.errors import NotAvailable
    from aigc_core.hub.remote import look

    first = served.commit("me/tiny", {"config.json": b"{}"})
    served.commit("me/tiny", {"config.json": b"{ }"})
    other = look("me/tiny")
    served.fault(f"GET /api/models/me/tiny/revision/{first}", "garbage", 1, json.dumps(served_row(other)).encode())
    with pytest.raises(NotAvailable, match="something that is no listing of it"):
        look("me/tiny", first)


def served_row(found: Any) -> dict[str, Any]:
    return {"id": found.repo_id, "sha": found.revision, "siblings": []}


def repositories(hub: Any, folder: Path, first: int, count: int) -> None:
    """Each is resolved, pinned, fetched and loaded: one with a spoilt manifest, one with a spoilt index."""
    from safetensors.torch import load_file, save

    write_model(folder / "model")
    files = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    manifest = json.loads(files["aigc-zoo.json"])
    tensors = load_file(folder / "model" / "model.safetensors")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    weight_map = {name: names[number % 2] for number, name in enumerate(tensors)}
    sharded = {"config.json": files["config.json"], "README.md": b"---\nlicense: mit\n---\n"} | {
        name: save({key: value for key, value in tensors.items() if weight_map[key] == name}) for name in names
    }
    loaded = 0
    for number in range(first, first + count):
        chance = random.Random(f"repository{number}")
        spoilt_files = {
            f"me/manifest{number}": {**files, "aigc-zoo.json": spoilt(chance, manifest)},
            f"me/index{number}": {
                **sharded, "model.safetensors.index.json": spoilt(chance, {"metadata": {}, "weight_map": weight_map})
            },
        }  # fmt: skip
        for name, content in spoilt_files.items():
            results: list[Any] = []
            hub.commit(name, content)
            assert fault_of(lambda: load(f"hf:{name}"), results) == "", number  # noqa: B023 (called at once)
            loaded += len(results)
    assert 0 < loaded < 2 * count


def test_spoilt_repositories(served: Any, tmp_path: Path) -> None:
    repositories(served, tmp_path, 0, 20)


@pytest.mark.slow
def test_many_spoilt_repositories(served: Any, tmp_path: Path) -> None:
    repositories(served, tmp_path, 1000, 200)


# The same at a size where what does not grow with the file counts for nothing.

LARGE: dict[str, Callable[[], Any]] = {
    "empty arrays": lambda: [[] for _ in range(50_000)],
    "empty objects": lambda: [{} for _ in range(50_000)],
    "ones": lambda: [1] * 70_000,
    "numbers": lambda: list(range(25_000)),
    "fractions": lambda: [number + 0.5 for number in range(20_000)],
    "one text": lambda: "x" * 150_000,
    "one Chinese text": lambda: "\u4e2d" * 50_000,
    "texts": lambda: ["ab"] * 30_000,
    "names": lambda: {f"{number:x}": "a" for number in range(15_000)},
    "files": lambda: [{"rfilename": f"{number:x}", "size": 1, "blobId": COMMIT} for number in range(2000)],
    "tensors": lambda: {f"h.{number}.w": f"model-{number % 9}.safetensors" for number in range(5000)},
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("kind", ["index", "listing", "lock"])
def test_a_large_text_costs_little_beyond_what_json_makes_of_it(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aigc_core import shards
    from aigc_core.manifest import read

    monkeypatch.chdir(tmp_path)
    reader: Kind = {"index": Index, "listing": Listing, "lock": Lock}[kind](tmp_path)
    where = {"index": "weight_map", "listing": "siblings", "lock": "more"}[kind]
    data = json.dumps({**reader.good, where: LARGE[name]()}, ensure_ascii=False, separators=(",", ":")).encode()
    monkeypatch.setattr(shards, "INDEX_BYTES", len(data))
    for function in (read.read_text, read.read_object):
        monkeypatch.setattr(function, "__defaults__", (len(data),))
    faults: list[str] = []
    fault_of(lambda: reader.read(data), [])
    tracemalloc.start()
    try:
        alone = peak_of(lambda: json.loads(data))
        own = peak_of(lambda: faults.append(fault_of(lambda: reader.read(data), []))) - alone
    finally:
        tracemalloc.stop()
    print(f"{kind} {name}: {len(data):,} bytes, json {alone / len(data):.1f}, we {own / len(data):.2f} more")
    assert faults == [""]
    assert own <= FACTOR * len(data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
