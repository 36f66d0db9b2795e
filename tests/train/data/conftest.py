"""Small data sets on disk, and readers for what a recipe would say of them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from aigc_core.train.data.read import read

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data"


def no_component(name):
    raise AssertionError(f"{name} was imported")


@pytest.fixture
def get():
    """Read a data set by its source and other fields of ``data``."""

    def call(source, folder, component=no_component, model=None, **fields):
        spec = {"name": "toys", "source": source, "range": [-1, 1], "batch_size": 2, **fields}
        return read(spec, None if folder is None else str(folder), component, model)

    return call


@pytest.fixture
def get_text(get):
    """Read a text in windows of 4 characters, unless told otherwise."""

    def call(source, folder, **fields):
        usual = {"tokenizer": {"kind": "characters"}, "form": {"kind": "windows", "block": 4}}
        return get(source, folder, **{**usual, **fields})

    return call


@pytest.fixture
def write_idx(tmp_path):
    def call(name, array, magic=None, cut=0, zipped=True):
        head = bytes([0, 0, 8, array.ndim]) if magic is None else magic
        data = head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        path = tmp_path / name
        data = gzip.compress(data) if zipped else data
        path.write_bytes(data[: len(data) - cut])
        return path

    return call


@pytest.fixture
def toys(tmp_path, write_idx):
    """Twelve images, 3 x 5, of which two are equal, with labels, as idx files in a folder."""
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 5), np.uint8)
    images[7] = images[2]
    write_idx("images.gz", images)
    write_idx("labels", np.arange(12, dtype=np.uint8) % 3, zipped=False)
    return tmp_path, images


@pytest.fixture
def write_image(tmp_path):
    """Write an array (h, w) or (h, w, 3) as an image file below a folder."""

    def call(name, array):
        from PIL import Image

        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
        return path

    return call


@pytest.fixture
def real():
    """Return real files by name, or skip where this machine has none."""

    def call(name):
        path = SHARED / name if (SHARED / name).exists() else ROOT / ".data" / name
        if not path.exists():
            pytest.skip(f"no {name} here: it is neither in .data/ nor in ../shared/data/")
        return path

    return call
