"""What the Hub says of a repository: its card, its tags and its files."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from .cards import Loader, front_matter
from .store import EPOCH, Blob, Data, Repo, Tree, git_id, iso


def describe(repo: Repo, revision: str, *, blobs: bool = False) -> dict[str, Any]:
    """Return a model's or data set's row, with all that a row may have."""
    commit = repo.commits[revision]
    card, config = card_of(commit.tree), config_of(commit.tree)
    row: dict[str, Any] = {
        "_id": git_id("blob", repo.id.encode())[:24],
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.owner,
        "sha": revision,
        "lastModified": iso(commit.date),
        "createdAt": iso(EPOCH),
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": repo.downloads,
        "likes": repo.likes,
        "library_name": library_of(card, config),
        "pipeline_tag": card.get("pipeline_tag"),
        "tags": tags_of(card, config, commit.tree),
        "cardData": card,
        "config": config,
        "siblings": [sibling(path, blob, blobs) for path, blob in sorted(commit.tree.items())],
    }
    if "model-index" in card:
        row["model-index"] = card["model-index"]
    if "model.safetensors" in commit.tree and (counts := parameters(commit.tree["model.safetensors"].data)):
        row["safetensors"] = {"parameters": counts, "total": sum(counts.values())}
    return row


def card_of(tree: Tree) -> dict[str, Any]:
    """Return a card's front matter; nothing where it is missing or broken."""
    try:
        block = front_matter(bytes(tree["README.md"].data).decode()) if "README.md" in tree else None
        card = yaml.load(block or "", Loader)
    except (ValueError, RecursionError, yaml.YAMLError):
        return {}
    return card if isinstance(card, dict) else {}


def config_of(tree: Tree) -> dict[str, Any]:
    """Return the few fields of the configuration files that the Hub keeps."""
    config = _object(tree, "config.json")
    kept = {key: config[key] for key in ("model_type", "architectures") if key in config}
    if name := _object(tree, "model_index.json").get("_class_name") or config.get("_class_name"):
        kept["diffusers"] = {"_class_name": name}
    return kept


def library_of(card: dict[str, Any], config: dict[str, Any]) -> str | None:
    """Return the library that the card names or, as on the Hub, the one that the configuration files belong to."""
    guess = "diffusers" if "diffusers" in config else "transformers" if "model_type" in config else None
    return card.get("library_name") or guess


def tags_of(card: dict[str, Any], config: dict[str, Any], tree: Tree) -> list[str]:
    """Return a repository's tags: those of the card, and those that the Hub adds."""
    tags = _names(library_of(card, config))
    tags += ["safetensors" for path in tree if path.endswith(".safetensors")]
    for named in (config.get("model_type"), card.get("pipeline_tag"), card.get("tags"), card.get("language")):
        tags += _names(named)
    tags += [f"dataset:{name}" for name in _names(card.get("datasets"))]
    tags += [f"base_model:{name}" for name in _names(card.get("base_model"))]
    tags += [f"license:{name}" for name in _names(card.get("license"))]
    tags += [f"diffusers:{name}" for name in _names(config.get("diffusers", {}).get("_class_name"))]
    return list(dict.fromkeys([*tags, "region:us"]))


def sibling(path: str, blob: Blob, full: bool) -> dict[str, Any]:
    """Return one file's row."""
    row: dict[str, Any] = {"rfilename": path}
    if full:
        row |= {"size": blob.size, "blobId": blob.oid}
        if blob.lfs:
            row["lfs"] = {"sha256": blob.sha256, **blob.lfs_info}
    return row


def parameters(data: Data) -> dict[str, int]:
    """Count a safetensors file's numbers by type; nothing where it is not such a file."""
    counts: dict[str, int] = {}
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        for name, tensor in header.items():
            if name != "__metadata__":
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + math.prod(tensor["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return {}
    return counts


def _object(tree: Tree, path: str) -> dict[str, Any]:
    try:
        found = json.loads(bytes(tree[path].data)) if path in tree else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _names(value: Any) -> list[str]:
    """Return one name or many as a list, without what is no name."""
    return [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]
