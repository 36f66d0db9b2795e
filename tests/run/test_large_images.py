"""Images that are large: computed one at a time, and as few as a screen shows where nobody says how many."""

import json
from pathlib import Path

import pytest

from aigc_core import registry
from aigc_core.manifest import ModelManifest
from aigc_core.run.batches import batch_shape, default_count

WIDE = '''
import numpy as np
from aigc_core.interfaces import NoiseSpec, Samples


class Wide:
    """Grey images that say how many were computed at once."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((1,), "uniform")}

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        rows = len(noise["z"])
        return Samples("image", np.full((rows, 1, 1024, 1024), 1 / rows, np.float32), (0.0, 1.0))
'''


def of_shape(*shape):
    document = json.loads(Path(registry.find("dcgan-digits").path).read_text(encoding="utf-8"))
    document["use"]["output"]["shape"] = [*shape]
    return ModelManifest.of(document, "a test")


@pytest.mark.parametrize(
    ("shape", "at_once", "count"),
    [
        ((1, 28, 28), 64, 64),
        ((3, 128, 128), 64, 64),
        ((3, 128, 129), 1, 64),
        ((3, 256, 256), 1, 64),
        ((3, 512, 512), 1, 16),
        ((3, 1024, 1024), 1, 4),
        ((3, 4096, 4096), 1, 1),
    ],
)
def test_how_many_at_once_and_in_all(shape, at_once, count):
    manifest = of_shape(*shape)
    assert batch_shape(manifest, 1000) == at_once
    assert batch_shape(manifest, 1000, 7) == 7
    assert default_count(manifest) == count


def test_the_command_makes_as_many_as_fit_a_sheet(site, install, zoo):
    source = install("aigc-wide", "wide", models=("big",), generator=WIDE.replace("class Wide", "class Grey"))
    path = source / "zoo" / "models" / "big.json"
    document = json.loads(path.read_text())
    document["use"]["output"]["shape"] = [1, 1024, 1024]
    path.write_text(json.dumps(document))
    done = zoo("run", "big")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("big-0.png: 4 samples of big, seed 0")
    assert zoo("run", "big", "--again", "big-0.png").returncode == 2  # a file says its model
    again = zoo("run", "--again", "big-0.png")
    assert (again.returncode, again.stdout) == (0, "big-0.png: made again, every byte agrees.\n")
