"""Parquet files as data sets on the Hub have them, local and fetched from a Hub on loopback."""

import hashlib
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core.errors import NotAvailable, Refused, WrongUse

HUB = Path(__file__).resolve().parents[2] / "hub"
SOURCE = {"kind": "parquet", "files": ["train.parquet"], "mode": "L", "label": "label"}
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 4), np.uint8)


def encoded(image):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def mnist_like(images=IMAGES, names=("zero", "one", "two")):
    """Return a file as `datasets` writes one: structs of bytes and path, and class names in the metadata."""
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed here")
    parquet = pytest.importorskip("pyarrow.parquet")
    cells = [{"bytes": encoded(image), "path": f"{number}.png"} for number, image in enumerate(images)]
    table = pyarrow.table({"image": cells, "label": [number % 3 for number in range(len(images))]})
    info = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
    stream = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), stream)
    return stream.getvalue()


def write_table(path, **columns):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed here")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), path)


def taken(rows):
    return rows.take(torch.arange(len(rows)))


def test_images_labels_and_class_names_are_read(tmp_path, get):
    (tmp_path / "train.parquet").write_bytes(mnist_like())
    data = get(SOURCE, tmp_path)
    assert np.array_equal(taken(data.train)["images"][:, 0].numpy(), IMAGES)
    assert taken(data.train)["labels"].tolist() == [0, 1, 2, 0, 1, 2]
    assert data.facts == {"shape": [1, 3, 4], "classes": ["zero", "one", "two"]}
    assert data.identity["sha256"] == hashlib.sha256(IMAGES.tobytes()).hexdigest()
    lazy = get({**SOURCE, "lazy": True}, tmp_path)
    assert torch.equal(taken(lazy.train)["images"], taken(data.train)["images"])


def test_texts_are_read_from_a_column(tmp_path, get_text):
    write_table(tmp_path / "a.parquet", text=["one", "two"])
    write_table(tmp_path / "b.parquet", text=["three"])
    source = {"kind": "parquet", "files": ["a.parquet", "b.parquet"], "text": "text"}
    data = get_text(source, tmp_path, form={"kind": "documents", "block": 8})
    assert len(data.train) == 3
    write_table(tmp_path / "b.parquet", text=["three", None])
    with pytest.raises(NotAvailable, match=r"b\.parquet, row 1 has no text in column 'text'"):
        get_text(source, tmp_path)


def test_bad_files_are_one_sentence_each(tmp_path, get):
    with pytest.raises(NotAvailable, match=r"train\.parquet is missing"):
        get(SOURCE, tmp_path)
    (tmp_path / "train.parquet").write_bytes(mnist_like()[:-30])
    with pytest.raises(NotAvailable, match=r"train\.parquet is no readable parquet file"):
        get(SOURCE, tmp_path)
    write_table(tmp_path / "train.parquet", picture=[b""], label=[0])
    with pytest.raises(NotAvailable, match="has no column 'image'; it has 'picture', 'label'"):
        get(SOURCE, tmp_path)
    write_table(tmp_path / "train.parquet", image=["text"], label=[0])
    with pytest.raises(NotAvailable, match="a column 'image' of str, not of encoded images"):
        get(SOURCE, tmp_path)
    write_table(tmp_path / "train.parquet", image=[b"no image", None], label=[0, 1])
    with pytest.raises(NotAvailable, match=r"image 0 of train\.parquet cannot be decoded"):
        get(SOURCE, tmp_path)
    with pytest.raises(WrongUse, match="it names the parquet files"):
        get({**SOURCE, "files": []}, tmp_path)


def test_without_the_extra_it_says_what_to_install(tmp_path, get, monkeypatch):
    (tmp_path / "train.parquet").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(NotAvailable, match="A parquet file needs pyarrow, which is not installed") as caught:
        get(SOURCE, tmp_path)
    assert caught.value.hint == "Install it: pip install 'aigc-core[parquet]'"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub on loopback, and a client that knows no other."""
    pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")
    monkeypatch.syspath_prepend(str(HUB))
    loaded = importlib.util.spec_from_file_location("hub_surroundings", HUB / "conftest.py")
    surroundings = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(surroundings)
    from loopback import LoopbackHub

    with LoopbackHub() as started:
        surroundings.settle(monkeypatch, surroundings.surroundings(started.url, tmp_path))
        yield started
        surroundings.leave()


def test_a_data_set_on_the_hub_is_fetched_once_and_held_to_its_hash(hub, get):
    content = mnist_like()
    revision = hub.commit("ylecun/mnist", {"mnist/train.parquet": content}, kind="datasets")
    file = {"path": "mnist/train.parquet", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    source = {**SOURCE, "repo_id": "ylecun/mnist", "revision": revision, "files": [file]}
    data = get(source, None)
    assert np.array_equal(taken(data.train)["images"][:, 0].numpy(), IMAGES)
    asked = len(hub.log)
    get(source, None)
    assert len(hub.log) == asked  # it was in the cache
    wrong = {**file, "sha256": "0" * 64}
    with pytest.raises(Refused, match=r"mnist/train\.parquet of .*ylecun/mnist is not what its manifest pins"):
        get({**source, "files": [wrong]}, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"revision": "main"}, "names ylecun/mnist@main, which is no ORGANISATION/NAME at a commit"),
        ({"repo_id": "../mnist"}, "which is no ORGANISATION/NAME at a commit"),
        ({"files": [{"path": "../x", "size": 1, "sha256": "0" * 64}]}, "which leaves the repository"),
        ({"files": [{"path": "x", "size": 1}]}, "has no sha256"),
        ({"files": ["x"]}, "it takes an object"),
    ],
)
def test_a_source_on_the_hub_is_pinned_or_refused(get, change, said):
    source = {**SOURCE, "repo_id": "ylecun/mnist", "revision": "a" * 40, **change}
    with pytest.raises(WrongUse, match=said):
        get(source, None)
