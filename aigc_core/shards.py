"""A model's safetensors files: a single one, or shards with the index that says which tensor is in which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import Refused
from aigc_core.manifest.model import leaves_folder
from aigc_core.manifest.read import Malformed, read_object

INDEX = ".safetensors.index.json"
INDEX_BYTES = 20_000_000
"""An index names every tensor; for the largest models that are known it has a few hundred kilobytes."""


def tensor_files(weights: str | Path | Mapping[str, Path]) -> list[tuple[Path, set[str] | None]]:
    """Return each file that holds tensors, with the names that the index says are in it; None where there is no index.

    Raises ``Refused`` where which files to read is not clear, or an index names what is not there.
    """
    if not isinstance(weights, Mapping):
        return [(Path(weights), None)]
    indices = [name for name in weights if name.endswith(INDEX)]
    tensors = [name for name in weights if name.endswith(".safetensors")]
    if len(indices) == 1:
        files = _sharded(weights, indices[0])
        if len(files) == len(tensors):
            return files
    elif not indices and len(tensors) == 1:
        return [(weights[tensors[0]], None)]
    listed = ", ".join(weights) or "none"
    text = "Which file holds the tensors is not clear: it takes one safetensors file, or one index and its shards"
    raise Refused(f"{text} ({listed}).")


def _sharded(weights: Mapping[str, Path], index: str) -> list[tuple[Path, set[str] | None]]:
    folder = index.rpartition("/")[0]
    named: dict[str, set[str]] = {}
    for tensor, shard in read_index(weights[index]).items():
        named.setdefault(f"{folder}/{shard}" if folder else shard, set()).add(tensor)
    if lacking := sorted(named.keys() - weights.keys()):
        raise Refused(f"{index} names {lacking[0][:100]}, which is not among the model's files.")
    return [(weights[shard], named[shard]) for shard in sorted(named)]


def read_index(path: str | Path) -> dict[str, str]:
    """Return the file that each tensor is in, by the tensor's name. Raises ``Refused`` where it is no index."""
    try:
        document: dict[str, Any] = read_object(str(path), limit=INDEX_BYTES)
    except Malformed as error:
        raise Refused(f"The index of the shards cannot be used: {error}.") from None
    weight_map = document.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise Refused(f"{path} has no weight_map from tensors to files.")
    for tensor, shard in weight_map.items():
        if not isinstance(shard, str) or leaves_folder(shard) or not shard.endswith(".safetensors"):
            raise Refused(f"{path} says that {tensor[:100]} is in {str(shard)[:100]!r}, which is no file beside it.")
    return weight_map
