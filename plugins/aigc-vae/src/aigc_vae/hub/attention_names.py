"""What a file calls the layers of an attention: diffusers renamed them, and still reads what it wrote before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aigc_core.errors import ZooError
from aigc_core.shards import tensor_files
from aigc_vae.hub.blocks import NEW_NAMES, OLD_NAMES


def names_in(weights: Mapping[str, Path]) -> tuple[str, ...]:
    """Return the names that a model's files have; the new ones where that cannot be told."""
    from safetensors import SafetensorError, safe_open

    try:
        for path, _ in tensor_files(weights):
            with safe_open(path, framework="np") as file:
                if any(name.endswith(f".{OLD_NAMES[0]}.weight") for name in file.keys()):  # noqa: SIM118 (it is no dict)
                    return OLD_NAMES
    except (SafetensorError, OSError, ZooError):
        return NEW_NAMES  # what is wrong is said where it is loaded
    return NEW_NAMES
