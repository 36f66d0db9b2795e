"""Memory: to load a file takes the file's size and little more, with every page of it in memory."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures what Linux tells")

LAYERS, SIDE = 4, 3536
"""Four square layers of 50 MB each: 200 MB."""
BEYOND = 100
"""MB that loading may take beyond the file's size."""

LOAD = """
import json, sys, torch

LAYERS, SIDE = int(sys.argv[3]), int(sys.argv[4])

def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:"))

def build():
    return torch.nn.Sequential(*(torch.nn.Linear(SIDE, SIDE, bias=False) for _ in range(LAYERS)))

def copied(build, files):  # the saboteur: what loads without mapping does
    module = build()
    module.load_state_dict({name: value for path in files.values() for name, value in load_file(path).items()})
    return module

from safetensors.torch import load_file  # these are not what is measured
from pathlib import Path
from aigc_core.pickled import load_pickled
from aigc_core.weights import load_module

files, way = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}, sys.argv[2]
before = peak()
if way == "mapped":
    module = load_module(build, files)
elif way == "pickled":
    module = load_pickled(build, *files.values())
else:
    module = copied(build, files)
loaded = peak()
with torch.no_grad():
    total = sum(tensor.flatten()[::1024].sum().item() for tensor in module.state_dict().values())  # one of each page
print(json.dumps([loaded - before, peak() - before, total]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same layers in one file, in shards with their index, and pickled; each is as the others."""
    folder = tmp_path_factory.mktemp("large")
    tensors = {f"{number}.weight": torch.full((SIDE, SIDE), number + 1.0) for number in range(LAYERS)}
    save_file(tensors, folder / "model.safetensors")
    torch.save(tensors, folder / "model.bin")
    for number, (name, tensor) in enumerate(tensors.items()):
        save_file({name: tensor}, folder / f"shard-{number}.safetensors")
    weight_map = {name: f"shard-{number}.safetensors" for number, name in enumerate(tensors)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    yield folder
    for path in folder.iterdir():  # 600 MB need not stay for the next runs, as pytest would let them
        path.unlink()


def measure(folder, pattern, way):
    """Load the files with such names in a fresh process; return the MB that it took, and then with every page read."""
    files = {path.name: str(path) for path in folder.iterdir() if re.fullmatch(pattern, path.name)}
    command = [sys.executable, "-c", LOAD, json.dumps(files), way, str(LAYERS), str(SIDE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded, touched, total = json.loads(done.stdout)
    assert total == -(-SIDE * SIDE // 1024) * sum(range(1, LAYERS + 1))
    return loaded, touched


SIZE = LAYERS * SIDE * SIDE * 4 / 2**20


@pytest.mark.parametrize(
    ("pattern", "way"),
    [
        pytest.param("model.safetensors", "mapped", id="one file"),
        pytest.param(r"shard-.*|.*\.json", "mapped", id="shards"),
        pytest.param("model.bin", "pickled", id="pickled", marks=pytest.mark.slow),
    ],
)
def test_to_load_takes_the_files_size_and_little_more(folder, pattern, way):
    loaded, touched = measure(folder, pattern, way)
    assert touched <= SIZE + BEYOND
    assert touched >= SIZE * 0.9  # or nothing was measured
    assert loaded <= BEYOND  # what is mapped comes into memory when it is used


@pytest.mark.slow
def test_a_loader_that_copies_is_caught(folder):
    loaded, _ = measure(folder, "model.safetensors", "copied")
    assert loaded > SIZE + BEYOND
