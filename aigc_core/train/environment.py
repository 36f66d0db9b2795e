"""What the last bits of a training depend on beside its recipe and data: code, torch, threads, processor."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from aigc_core import __version__, discovery
from aigc_core.train.build import component, use_of
from aigc_core.train.recipe import Recipe

TOLD = {
    "torch": "torch",
    "threads": "threads",
    "instructions": "the processor's instruction set",
    "device": "the device",
    "code": "the code",
    "ranks": "the number of processes",
}
"""What is compared when a run goes on, in words."""


_DECIDES: tuple[str, ...] = (
    "training",
    "update",
    "parts",
    "average",
    "optimizers",
    "randomness",
    "ranks",
    "schedule",
    "sharding",
)
_DECIDES += ("data/order", "data/batches", "data/augment", "data/rows")
"""Modules of the core that a step's bits depend on."""


def environment(recipe: Recipe, device: str, ranks: int) -> dict[str, Any]:
    """Return the numeric environment and the hash of the code that computes."""
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "ranks": ranks,
        "code": _code(recipe),
        "versions": _versions(recipe),
    }


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in words what is not as it was; each changes the last bits, and with them where a training ends."""
    return [
        f"{word} was {_short(then.get(name))}, now {_short(now[name])}"
        for name, word in TOLD.items()
        if then.get(name) != now[name]
    ]


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)


def _versions(recipe: Recipe) -> dict[str, str]:
    uses = [
        recipe["trainer"]["use"],
        *map(use_of, recipe["losses"].values()),
        *(each["use"] for each in recipe["networks"].values()),
    ]
    found = [discovery.find(use.partition(":")[0]) for use in uses]
    return {"aigc-core": __version__, **{plugin.distribution: plugin.version for plugin in found}}


def _code(recipe: Recipe) -> str:
    """Hash the sources of the loop, and of the modules that the recipe's components are in and use."""
    trainer = component("trainers", recipe["trainer"]["use"])
    kinds = [trainer, *(component("losses", use_of(spec)) for spec in recipe["losses"].values())]
    kinds += [component(trainer.roles[role], each["use"]) for role, each in recipe["networks"].items()]
    files = {str(inspect.getsourcefile(module)) for module in _modules(kinds)}
    core = Path(__file__).parent
    files |= {str(core / f"{name}.py") for name in _DECIDES}
    return hashlib.sha256(
        b"".join(sorted(hashlib.sha256(Path(file).read_bytes()).digest() for file in files))
    ).hexdigest()


def _modules(kinds: Iterable[Any]) -> set[ModuleType]:
    """Return the modules of components, and those of their own packages that they name things of."""
    left, found = [sys.modules[kind.__module__] for kind in kinds], set[ModuleType]()
    while left:
        module = left.pop()
        if module in found:
            continue
        found.add(module)
        package = module.__name__.partition(".")[0]
        for value in vars(module).values():
            name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.partition(".")[0] == package and name in sys.modules:
                left.append(sys.modules[name])
    return found
