"""``aigc-zoo golden``: recorded in fresh processes, held to afterwards, and what a change of the model does to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from aigc_core.check import check_static
from aigc_core.manifest.schema import schema

SUMS = """
import numpy as np
import torch
from aigc_core.interfaces import NoiseSpec, Samples


class Sums:
    '''Images of 4 x 4 by one layer, whose weights are those of a file's name; ``gain`` makes them brighter.'''

    engine, dtype = "torch", "float32"
    noise = {"z": NoiseSpec((64,), "normal")}

    def __init__(self, seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layer = torch.nn.Linear(64, 16)

    @classmethod
    def open(cls, config, weights, device):
        return cls(config["seed"])

    @torch.inference_mode()
    def generate(self, noise, options):
        print("a plugin that talks")
        images = self.layer(torch.from_numpy(noise["z"])) * options.get("gain", 1.0)
        return Samples("image", images.tanh().view(-1, 1, 4, 4).float().numpy(), (-1.0, 1.0))


class Restless(Sums):
    '''The same, and another thing each time.'''

    def generate(self, noise, options):
        import os

        made = super().generate(noise, options)
        return made._replace(values=made.values * np.float32(int.from_bytes(os.urandom(1), "big") / 256))
"""
OPTIONS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"gain": {"type": "number", "minimum": 0, "maximum": 4, "description": "Make images brighter."}},
}


@pytest.fixture
def zoo_with(site):
    """Install a plugin whose model ``sums`` is of one of the classes above; return its manifest's path."""

    def install(kind: str) -> Path:
        components = {"generators": {"grey": f"aigc_sums.generators:{kind}"}}
        source = site.install("aigc-sums", "sums", models=("sums",), components=components, generator=SUMS)
        path = source / "zoo" / "models" / "sums.json"
        change(path, lambda document: document["code"].update(config={"seed": 0}))
        change(path, lambda document: document["use"].update(options=OPTIONS))
        change(path, lambda document: document["use"]["output"].update(range=[-1, 1]))
        return path

    return install


def change(path, how):
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document))


@pytest.mark.slow
def test_a_case_is_recorded_held_to_and_missed_by_another_model(site, zoo_with):
    path = zoo_with("Sums")
    skipped = site.zoo("golden", "check", "sums")
    assert (skipped.returncode, "no golden case" in skipped.stdout) == (0, True)
    done = site.zoo("golden", "record", "sums")
    assert done.returncode == 0, done.stderr
    (case,) = json.loads(path.read_text())["golden"]
    assert case["rtol"] == 0
    assert 2e-6 <= case["atol"] <= 1e-4
    assert case["mismatches_per_million"] == 0
    assert case["evidence"]["values"] == 64
    ways = ["1 thread, one at a time", "1 thread, float64", "again", "2 threads", "2 threads, one at a time"]
    assert list(case["evidence"]["largest"]) == ways
    assert case["evidence"]["largest"]["again"] == 0
    assert 0 < case["evidence"]["largest"]["1 thread, float64"] < 1e-5
    assert {finding.status for finding in check_static(str(path))} == {"passed"}
    assert load_file(path.parents[1] / case["noise"])["z"].shape == (4, 64)
    checked = site.zoo("golden", "check", "sums", "--json")
    assert checked.returncode == 0, checked.stderr
    jsonschema.validate(checked.json, schema("golden"))
    assert [row["status"] for row in checked.json["findings"]] == ["passed"]

    change(path, lambda document: document["code"]["config"].update(seed=1))
    missed = site.zoo("golden", "check", "sums", "--json")
    assert missed.returncode == 1
    (row,) = missed.json["findings"]
    assert row["details"]["mismatches_per_million"] > 900_000
    assert len(row["details"]["worst"]) == 5
    assert site.zoo("golden", "check", "sums").stdout.count("at [") == 6


@pytest.mark.slow
def test_a_case_of_other_options_is_added_and_one_of_the_same_replaced(site, zoo_with):
    path = zoo_with("Sums")
    for words in ((), ("--gain", "2"), ("--gain", "2", "--seed", "5"), ("-n", "2")):
        assert site.zoo("golden", "record", "sums", *words).returncode == 0
    cases = json.loads(path.read_text())["golden"]
    assert [case.get("options") for case in cases] == [None, {"gain": 2.0}]
    assert sorted(file.name for file in (path.parents[1] / "golden").iterdir()) == [
        *("sums-0-noise.safetensors", "sums-0.safetensors", "sums-1-noise.safetensors", "sums-1.safetensors"),
    ]
    assert site.zoo("golden", "check", "sums").stdout.count("passed") == 2


@pytest.mark.slow
def test_a_model_that_is_not_reproducible_gets_no_case(site, zoo_with):
    path = zoo_with("Restless")
    before = path.read_bytes()
    done = site.zoo("golden", "record", "sums")
    assert done.returncode == 1
    assert "not reproducible" in done.stderr
    assert path.read_bytes() == before
    assert not (path.parents[1] / "golden").exists()


@pytest.mark.slow
def test_what_is_wrong_with_a_case_is_a_finding_and_no_traceback(site, zoo_with, tmp_path):
    path = zoo_with("Sums")
    assert site.zoo("golden", "record", "sums").returncode == 0
    kept = shutil.copytree(path.parents[1], tmp_path / "kept")
    folder = path.parents[1]
    damages = {
        "its SHA-256 differs": lambda: (folder / "golden/sums-0.safetensors").write_bytes(b"0" * 500),
        "cannot be read": lambda: (folder / "golden/sums-0-noise.safetensors").unlink(),
        "outside its folder": lambda: change(path, lambda d: d["golden"][0].update(output="../../../x.safetensors")),
        "cannot be used": lambda: change(path, lambda d: d["golden"][0].pop("atol")),
        "is no safetensors file": lambda: (folder / "golden/sums-0-noise.safetensors").write_bytes(b"0" * 500),
        "takes": lambda: save_file({"y": np.zeros((4, 64), np.float32)}, folder / "golden/sums-0-noise.safetensors"),
    }
    for words, damage in damages.items():
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        damage()
        done = site.zoo("golden", "check", "sums")
        assert done.returncode == 1, words
        assert words in done.stdout, done.stdout
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"), [(("record", "nothing"), "No model nothing"), (("check",), "Missing argument")]
)
def test_wrong_use_is_refused_in_a_sentence(site, words, told):
    done = site.zoo("golden", *words)
    assert done.returncode == 2
    assert told in done.stderr
