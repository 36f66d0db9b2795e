"""Pickles: a state_dict loads as strictly as safetensors does, and nothing in a file is ever run."""

import ast
import builtins
import io
import os
import pickle
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from aigc_core.errors import Refused
from aigc_core.pickled import load_pickled

ROOT = Path(__file__).parents[1]
ZIP, LEGACY = {}, {"_use_new_zipfile_serialization": False}
FORMATS = pytest.mark.parametrize("how", [ZIP, LEGACY], ids=["zip", "legacy"])


def build():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pytorch_model.bin"


@pytest.fixture
def state():
    return build().state_dict()


def refused(path, cause, part=""):
    with pytest.raises(Refused, match=cause) as refusal:
        load_pickled(build, path, part=part)
    text = str(refusal.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")
    assert not text.endswith("..")
    assert len(text) < 500
    assert "weights_only" not in text  # torch says how to open it all the same, which nobody is to be told here


def saved(thing, how=ZIP):
    stream = io.BytesIO()
    torch.save(thing, stream, **how)
    return stream.getvalue()


@FORMATS
def test_a_state_dict_is_loaded_to_the_bit(path, state, how):
    torch.save(state, path, **how)
    loaded = load_pickled(build, path)
    assert loaded.state_dict().keys() == state.keys()
    assert all(torch.equal(loaded.state_dict()[name], state[name]) for name in state)
    assert not any(child.training for child in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@FORMATS
def test_the_part_that_is_named_is_loaded(path, state, how):
    """As in files that hold a generator, a discriminator and averages of both."""
    other = build().state_dict()
    torch.save({"G": state, "GE": other, "D": nn.Linear(1, 1).state_dict(), "steps": 7}, path, **how)
    assert torch.equal(load_pickled(build, path, part="G")[0].weight, state["0.weight"])
    assert torch.equal(load_pickled(build, path, part="GE")[0].weight, other["0.weight"])
    refused(path, r"does not fit its architecture: it lacks 0\.bias", part="D")
    refused(path, "its part 'steps' is no map from names to tensors", part="steps")
    refused(path, "its part 'H' is no map from names to tensors", part="H")
    refused(path, "it is no map from names to tensors")


@FORMATS
def test_a_part_is_found_within_a_part_and_by_how_names_begin(path, state, how):
    """As huggan's files have it: one state_dict of a module of several networks, below a name of its own."""
    other = build().state_dict()
    flat = {f"{part}.{name}": each[name] for part, each in (("G", state), ("GE", other)) for name in each}
    torch.save({"GAN": flat, "D": 7}, path, **how)
    assert torch.equal(load_pickled(build, path, part="GAN.G")[0].weight, state["0.weight"])
    assert torch.equal(load_pickled(build, path, part="GAN.GE")[0].weight, other["0.weight"])
    for wrong in ("GAN.E", "GE", "D.G", "D", "GAN.G.0.weight.x"):
        refused(path, f"its part '{wrong}' is no map from names to tensors", part=wrong)
    refused(path, r"does not fit its architecture: it lacks 0\.bias", part="GAN")


@FORMATS
def test_parameters_that_were_saved_as_such_are_loaded_without_gradients(path, how):
    module = build()
    torch.save(dict(module.named_parameters()) | dict(module.named_buffers()), path, **how)
    loaded = load_pickled(build, path)
    assert torch.equal(loaded[0].weight, module[0].weight)
    assert not loaded[0].weight.requires_grad


def test_half_precision_is_converted_to_the_modules_own_type(path, state):
    torch.save({name: v.half() if v.is_floating_point() else v for name, v in state.items()}, path)
    loaded = load_pickled(build, path)
    assert loaded[0].weight.dtype == torch.float32
    assert torch.equal(loaded[0].weight, state["0.weight"].half().float())


def test_a_transposed_tensor_is_loaded_as_it_looks(path, state):
    torch.save(state | {"0.weight": torch.arange(12.0).reshape(3, 4).t()}, path)
    assert load_pickled(build, path)[0].weight.tolist() == torch.arange(12.0).reshape(3, 4).t().tolist()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shows what is mapped on Linux only")
def test_tensors_are_views_of_the_file(path, state):
    torch.save(state, path)
    loaded = load_pickled(build, path)
    address = loaded[0].weight.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if start <= address < end:
            assert line.endswith(str(path))
            break
    else:
        pytest.fail("the address is in no map")
    before = path.read_bytes()
    loaded[0].weight.add_(1)
    assert path.read_bytes() == before


WRONG = {
    "missing key": (lambda state: {name: state[name] for name in state if name != "0.bias"}, r"it lacks 0\.bias\."),
    "extra key": (lambda state: state | {"2.weight": torch.zeros(1)}, r"it has 2\.weight, which the architecture"),
    "shape": (lambda state: state | {"0.weight": torch.zeros(3, 4)}, r"0\.weight has shape \[3, 4\], the architecture"),
    "integers": (lambda state: state | {"0.weight": torch.zeros(4, 3, dtype=torch.int32)}, "stored as int32"),
    "complex": (lambda state: state | {"0.weight": torch.zeros(4, 3, dtype=torch.complex64)}, "stored as complex64"),
    "eight bits": (
        lambda state: state | {"0.weight": torch.zeros(4, 3).to(torch.float8_e4m3fn)},
        "float8|UntypedStorage",
    ),
    "float count": (lambda state: state | {"1.num_batches_tracked": torch.zeros(())}, "stored as float32"),
    "no tensor": (lambda state: state | {"0.weight": [1.0]}, "no map from names to tensors"),
    "no name": (lambda state: state | {7: torch.zeros(1)}, "no map from names to tensors"),
    "no numbers": (
        lambda state: state | {"0.weight": torch.zeros(4, 3, device="meta")},
        "no map from names to tensors",
    ),
    "sparse": (lambda state: state | {"0.weight": torch.eye(4)[:, :3].to_sparse()}, "no map from names to tensors"),
    "a list": (lambda state: [1, 2], "it is no map from names to tensors"),
    "nothing": (lambda state: None, "it is no map from names to tensors"),
    "a tensor": (lambda state: torch.zeros(2), "it is no map from names to tensors"),
    "an empty map": (lambda state: {}, r"it lacks 0\.bias, 0\.weight, 1\.bias and 4 more"),
    "a checkpoint": (lambda state: {"model": state, "epoch": 3}, "it is no map from names to tensors"),
    "an optimizer's": (lambda state: {"state": {}, "param_groups": [{"lr": 0.1}]}, "it is no map from names"),
    "a whole module": (lambda state: build(), r"it needs torch\.nn\.modules\.container\.Sequential\."),
    "numpy arrays": (lambda state: {name: value.numpy() for name, value in state.items()}, r"it needs numpy\."),
    "long name": (lambda state: state | {"x\n" * 10_000: torch.zeros(1)}, "which the architecture does not know"),
}


@FORMATS
@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_state_dict_of_the_architecture_is_refused(path, state, name, how):
    make, cause = WRONG[name]
    torch.save(make(state), path, **how)
    with pytest.raises(Refused, match=cause):
        load_pickled(build, path)
    if name != "long name":
        refused(path, cause)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_refused(path, state):
    torch.save(state | {"0.weight": torch.nested.nested_tensor([torch.zeros(3), torch.zeros(2)])}, path)
    refused(path, "no map from names to tensors")


GARBAGE = {
    "nothing": b"",
    "one byte": b"\x80",
    "zeros": bytes(200),
    "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n",
    "a web page": b"<!doctype html><title>404</title>",
    "the start of a zip": b"PK\x03\x04" * 20,
    "a safetensors file": (2).to_bytes(8, "little") + b"{}",
    "a plain pickle": pickle.dumps({"weight": [1.0, 2.0]}),
    "an old pickle": pickle.dumps({"weight": [1.0, 2.0]}, protocol=0),
    "noise": random.Random(0).randbytes(5000),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_file_of_another_kind_is_refused(path, name):
    path.write_bytes(GARBAGE[name])
    refused(path, r"cannot be opened as tensors alone: \w.*\.$|is no state_dict: it is no map")


def test_a_zip_of_other_things_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, "cannot be opened as tensors alone")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:.*TorchScript:UserWarning")
def test_a_torchscript_archive_is_refused(path):
    torch.jit.save(torch.jit.trace(nn.Linear(3, 4), torch.zeros(1, 3)), path)
    refused(path, "cannot be opened as tensors alone: it holds something else")


@FORMATS
def test_a_file_that_is_cut_off_anywhere_is_refused(path, state, how):
    data = saved(state, how)
    for length in [*range(0, len(data), 61), *range(len(data) - 8, len(data))]:
        path.write_bytes(data[:length])
        refused(path, "cannot be opened as tensors alone")


def test_a_torch_that_is_not_safe_for_pickles_is_refused(path, state, monkeypatch):
    torch.save(state, path)
    for version in ("2.9.1", "2.9.1+cu128", "2.6.0", "1.13.1", "2.5.0a0+git123"):
        monkeypatch.setattr(torch, "__version__", version)
        with pytest.raises(Refused, match=r"torch \S+ is not safe for pickles") as refusal:
            load_pickled(build, path)
        assert "torch>=2.10" in refusal.value.hint
    for version in ("2.10.0", "2.10.0+cpu", "2.13.0a0+git123", "3.0.0"):
        monkeypatch.setattr(torch, "__version__", version)
        load_pickled(build, path)


# The real thing: a file that runs a command where it is opened as a pickle.


class Runs:
    """What is pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(marker):
    """Calls that leave the marker behind; each is tried where a tensor, a key, and the whole thing would be."""
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Runs(os.system, f"touch {marker}"),
        "exec": Runs(exec, code),
        "eval": Runs(eval, code),
        "open": Runs(open, str(marker), "w"),
        "subprocess": Runs(subprocess.check_call, ["touch", str(marker)]),
        "getattr": Runs(getattr, Runs(__import__, "os"), "system"),
        "pickle in a pickle": Runs(pickle.loads, pickle.dumps(Runs(os.system, f"touch {marker}"))),
        "wider rules": Runs(torch.serialization.add_safe_globals, [os.system]),
        "torch.hub": Runs(torch.hub.load, str(marker.parent), "model", "local"),
    }


ATTACKS = list(attacks(Path("/")))
PLACES = {
    "as a tensor": lambda attack, state: state | {"0.weight": attack},
    "beside the tensors": lambda attack, state: {"G": state, "extra": attack},
    "as everything": lambda attack, state: attack,
    "deep inside": lambda attack, state: {"G": [[{"x": (attack,)}]]},
}


@FORMATS
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_that_runs_a_command_is_refused_and_runs_nothing(path, tmp_path, state, attack, place, how):
    marker = tmp_path / "it-ran"
    torch.save(PLACES[place](attacks(marker)[attack], state), path, **how)
    for part in ("", "G", "extra"):
        refused(path, "cannot be opened as tensors alone: it (needs|holds)", part=part)
    assert not marker.exists()


@pytest.mark.parametrize("attack", ["os.system", "exec", "eval", "subprocess", "pickle in a pickle"])
@FORMATS
def test_the_same_file_does_run_in_a_reader_that_lets_it(path, tmp_path, state, attack, how):
    """The saboteur: so the test above would see a command that ran."""
    marker = tmp_path / "it-ran"
    torch.save(state | {"0.weight": attacks(marker)[attack]}, path, **how)
    torch.load(path, weights_only=False)
    assert marker.exists()


def test_a_bare_pickle_that_runs_a_command_is_refused(path, tmp_path):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(attacks(tmp_path / "it-ran")["os.system"], protocol=protocol))
        refused(path, "cannot be opened as tensors alone")
    assert not (tmp_path / "it-ran").exists()


FUZZ = """
import random, sys
from pathlib import Path
from torch import nn
from aigc_core.errors import Refused
from aigc_core.pickled import load_pickled

folder, count = Path(sys.argv[1]), int(sys.argv[2])
loaded = 0
for good in sorted(folder.glob("*.good")):
    data = good.read_bytes()
    for number in range(count):
        chance, spoilt = random.Random(number), bytearray(data)
        for _ in range(chance.choice([1, 1, 4, 30])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        (folder / "spoilt.bin").write_bytes(spoilt)
        print(good.name, number, file=sys.stderr, flush=True)
        try:
            load_pickled(lambda: nn.Linear(3, 4), folder / "spoilt.bin")
            loaded += 1
        except Refused as error:
            assert "\\n" not in str(error), error
print(loaded)
"""


def spoil(tmp_path, count):
    state = nn.Linear(3, 4).state_dict()
    (tmp_path / "zip.good").write_bytes(saved(state))
    (tmp_path / "legacy.good").write_bytes(saved(state, LEGACY))
    (tmp_path / "attack.good").write_bytes(saved({"weight": attacks(tmp_path / "it-ran")["os.system"]}, LEGACY))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FUZZ, str(tmp_path), str(count)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 0 < int(done.stdout) < 2 * count  # of both kinds
    assert not (tmp_path / "it-ran").exists()


def test_spoilt_files_are_refused_or_loaded_and_run_nothing(tmp_path):
    spoil(tmp_path, 60)


@pytest.mark.slow
def test_many_spoilt_files_are_refused_or_loaded_and_run_nothing(tmp_path):
    spoil(tmp_path, 2000)


# No other way leads to a pickle, or to code that a file brings along.

SOURCES = sorted([*ROOT.glob("aigc_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
UNSAFE = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
RUNS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "torch": {"load", "hub", "jit", "package"},
    "serialization": {"load", "add_safe_globals", "safe_globals"},
    "os": {"system", "popen"},
    "subprocess": {"getoutput", "getstatusoutput"},
    "yaml": {"load", "load_all", "full_load", "unsafe_load"},
    "pandas": {"read_pickle"},
    "pd": {"read_pickle"},
}
ALLOWED = {"allow_pickle": False, "shell": False, "weights_only": True}


def ways(source):
    """Return every way to run what a file brings that a source text has, and each ``torch.load`` as it stands."""
    found, safe = [], set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.split(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom):
            top = (node.module or "").split(".")
            known = CALLS.get(top[-1], set())
            found += [node.module] if top[0] in UNSAFE else []
            found += [f"{node.module}.{name.name}" for name in node.names if name.name in known]
        elif isinstance(node, ast.Name):
            found += [node.id] if node.id in RUNS else []
        elif isinstance(node, ast.keyword):
            value = node.value.value if isinstance(node.value, ast.Constant) else "something"
            found += [f"{node.arg}={value}"] if node.arg in ALLOWED and value is not ALLOWED[node.arg] else []
            # Where the library would ask the user, it is told: never.
            found += [node.arg] if node.arg == "trust_remote_code" and value is not False else []
        elif isinstance(node, ast.Dict):  # that may become keywords
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found += [str(key) for key in keys if key == "trust_remote_code" or key in ALLOWED]
        elif isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            # Without weights_only it is safe in today's torch and was not before 2.6; so it is always written.
            if text == "torch.load" and any(word.arg == "weights_only" for word in node.keywords):
                safe.add(node.func)
                found.append("a safe torch.load")
            if text == "getattr" and ast.unparse(node.args[0]) in CALLS:
                found.append(ast.unparse(node))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            base = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in CALLS.get(base, ()):
                found.append(ast.unparse(node))
    for _ in safe:  # seen once as the call, and once as the attribute
        found.remove("torch.load")
    return found


def test_no_other_way_leads_to_a_pickle_or_to_code_in_a_file():
    """The training code has none either: a run's state goes in and out as safetensors and JSON."""
    assert len(SOURCES) > 90
    found = {str(path.relative_to(ROOT)): ways(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: those for path, those in found.items() if those} == {
        "aigc_core/pickled.py": ["a safe torch.load", "a safe torch.load"],
    }


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "import os, _pickle",
        "from pickle import loads",
        "from joblib import load",
        "import dill",
        "import cloudpickle.cloudpickle",
        "import marshal",
        "import shelve",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch\ntorch.load('x', weights_only=flag)",
        "import torch\ntorch.load('x', **{'weights_only': False})",
        "import torch\nread = torch.load",
        "from torch import load",
        "from torch.serialization import load",
        "from torch.serialization import add_safe_globals",
        "import torch\ntorch.serialization.add_safe_globals([object])",
        "import torch\ntorch.hub.load('a', 'b')",
        "import torch\ntorch.jit.load('x')",
        "import torch\nget = getattr(torch, 'lo' + 'ad')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "AutoModel.from_pretrained('x', **{'trust_remote_code': True})",
        "subprocess.run('x', shell=True)",
        "subprocess.getoutput('x')",
        "os.system('x')",
        "from os import system",
        "eval('1')",
        "exec('1')",
        "run = exec",
        "compile('1', 'x', 'exec')",
        "__import__('os')",
        "import yaml\nyaml.load('x', Loader=yaml.Loader)",
        "import pandas as pd\npd.read_pickle('x')",
    ],
)
def test_each_such_way_would_be_seen(source):
    assert [way for way in ways(source) if way != "a safe torch.load"]


@pytest.mark.parametrize(
    "source",
    [
        "import json\njson.load(stream)",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import re\nre.compile('x')",
        "module.eval()",
        "import yaml\nyaml.safe_load('x')",
        "subprocess.run(['x'])",
        "from safetensors.torch import load_file",
    ],
)
def test_what_is_harmless_is_let_be(source):
    assert ways(source) == []


def test_to_load_a_module_imports_no_pickle_of_ours(path, state, monkeypatch):
    """Torch has its own; what is seen here is that nothing of ours calls Python's."""
    torch.save(state, path)

    def forbidden(*arguments, **options):
        raise AssertionError("pickle was called")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    for name in ("eval", "exec"):
        monkeypatch.setattr(builtins, name, forbidden)
    load_pickled(build, path)
