"""What a generator is given: the noise that it takes, and how that becomes its arguments."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from aigc_core.interfaces import NoiseSpec


def noise_of(generator: nn.Module) -> dict[str, NoiseSpec]:
    """Return the noise of a generator by its ``latent_dim`` and, where it has any, classes and codes."""
    latent_dim: int = generator.latent_dim  # type: ignore[assignment]
    noise = {"latent": NoiseSpec((latent_dim,), "normal")}
    if getattr(generator, "classes", 0):
        noise["class"] = NoiseSpec((), "uniform")
    if getattr(generator, "code_classes", 0):
        noise["code_class"] = NoiseSpec((), "uniform")
        if values := getattr(generator, "code_values", 0):
            noise["code_values"] = NoiseSpec((values,), "uniform")
    return noise


def arguments(generator: nn.Module, noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a generator's arguments by name, in their order: what is uniform as classes, and as values in [-1, 1]."""
    latent = noise["latent"]
    if "class" in noise:
        return {"latent": latent, "labels": _chosen(noise["class"], generator.classes)}
    if "code_class" in noise:
        values = 2 * noise["code_values"] - 1 if "code_values" in noise else latent.new_zeros(len(latent), 0)
        return {
            "latent": latent,
            "code_class": _chosen(noise["code_class"], generator.code_classes),
            "code_values": values,
        }
    return {"latent": latent}


def two_rows(noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the noise of one row with that of a second: batch norm has no statistics of a single one."""
    draw = {name: torch.randn_like if name == "latent" else torch.rand_like for name in noise}
    return {name: torch.cat([values, draw[name](values)]) for name, values in noise.items()}


def _chosen(uniform: Tensor, classes: object) -> Tensor:
    """Return floor(u * classes), int64; the largest u below 1 may round up to one class too many."""
    assert isinstance(classes, int)
    return (uniform * classes).long().clamp(max=classes - 1)
