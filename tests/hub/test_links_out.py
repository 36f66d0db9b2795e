"""Links that somebody put into a shared cache: nothing is written through them, wherever they lead."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core.errors import NotAvailable, Refused
from aigc_core.hub import cache
from aigc_core.hub.pull import pull
from aigc_core.hub.repository import settle
from aigc_core.manifest.model import WeightFile

DATA = b"weights" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


def unfinished(repo: Path, commit: str, outside: Path) -> None:
    (repo / "blobs").mkdir(parents=True)
    os.symlink(outside / "precious", repo / "blobs" / f"{SHA256}{cache.UNFINISHED}")


def blobs(repo: Path, commit: str, outside: Path) -> None:
    repo.mkdir(parents=True)
    os.symlink(outside, repo / "blobs")


def snapshot(repo: Path, commit: str, outside: Path) -> None:
    (repo / "snapshots").mkdir(parents=True)
    os.symlink(outside, repo / "snapshots" / commit)


@pytest.mark.parametrize("place", [unfinished, blobs, snapshot])
def test_nothing_is_written_through_a_link(hub: Any, tmp_path: Path, place: Callable[..., None]) -> None:
    commit = hub.commit("me/x", {"model.safetensors": DATA})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"mine")
    place(Path(cache.repo_folder("me/x")), commit, outside)
    file = WeightFile("model.safetensors", len(DATA), SHA256, "safetensors")
    if place is unfinished:  # the link goes, what it led to stays
        assert pull("me/x", commit, [file])["model.safetensors"].read_bytes() == DATA
    else:
        with pytest.raises(Refused, match="leaves the cache"):
            pull("me/x", commit, [file])
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("precious", b"mine")]


@pytest.mark.parametrize("name", ["modeling.py", "pytorch_model.bin", "run.sh", "weights.pkl"])
def test_no_file_that_may_hold_code_is_fetched_whatever_it_is_called(hub: Any, tmp_path: Path, name: str) -> None:
    files = [{"path": name, "size": len(DATA), "sha256": SHA256, "format": "text"}]
    manifest = {
        "schema": 1, "id": "x", "family": "gan", "task": "other", "summary": "X.", "capabilities": ["generate"],
        "code": {"plugin": "gan", "api": 1, "architecture": "dcgan-28", "config": {}},
        "weights": {"source": "bundled", "files": files},
        "use": {"output": {"kind": "image", "shape": [1, 28, 28], "range": [-1, 1]}},
        "terms": {"code": "MIT", "weights": "MIT", "data": None},
    }  # fmt: skip
    hub.commit("me/x", {"aigc-zoo.json": json.dumps(manifest).encode(), name: DATA})
    with pytest.raises(NotAvailable, match="may hold code"):
        settle("hf:me/x", lambda text: None)
    assert not [row for row in hub.log if name in row[1]]
