"""One training: everything that the next step depends on, and how to take it."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces.trainer import TrainerState
from aigc_core.train import ranks as distributed
from aigc_core.train.average import Average
from aigc_core.train.build import build
from aigc_core.train.data.batches import Batches
from aigc_core.train.data.prefetch import prefetch
from aigc_core.train.data.rows import DataSet
from aigc_core.train.optimizer_state import load_optimizer, optimizer_state
from aigc_core.train.optimizers import optimizer
from aigc_core.train.parts import Part, Parts
from aigc_core.train.randomness import draw, seed_rank, seed_step
from aigc_core.train.ranks import Ranks
from aigc_core.train.recipe import Recipe
from aigc_core.train.schedule import factor
from aigc_core.train.sharding import like, shard, whole
from aigc_core.train.update import Update


class Training:
    """A trainer with its optimizers, the model's average, and the number of the next step.

    A step is a function of this state, the data, the seed and the step's number: of nothing else, on any machine with
    the same numeric environment.
    """

    def __init__(self, recipe: Recipe, data: DataSet, device: str = "cpu", ranks: Ranks | None = None) -> None:
        self.recipe, self.data, self.step = recipe, data, 0
        self.device, self.ranks = torch.device(device), ranks or Ranks()
        if self.device.type == "cuda":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to be deterministic
            torch.use_deterministic_algorithms(True, warn_only=True)
        self.trainer = build(recipe, data.facts)
        self.model_role = next(iter(self.trainer.roles))
        compute = recipe["compute"]
        layout = torch.channels_last if compute["channels_last"] else torch.preserve_format
        for role, network in self.trainer.networks.items():
            placed: nn.Module = network.to(self.device).to(memory_format=layout)  # type: ignore[call-overload]
            self.trainer.networks[role] = placed.train()
        self.networks = dict(self.trainer.networks)
        """The networks themselves by role, whatever the trainer calls them through."""
        self.beside: Mapping[str, Path] = {}
        """Files that the model needs beside its weights, such as the tokenizer's of the one that it began with."""
        self.average = Average(self.networks[self.model_role], recipe["ema"]) if recipe["ema"] is not None else None
        if self.ranks.world > 1 and compute["shard"]:
            if len(self.networks) > 1:
                raise WrongUse("compute.shard is for one network; this trainer has several.", "Leave it out: DDP does.")
            for network in [*self.networks.values(), *([self.average.network] if self.average else [])]:
                shard(network, self.device)
        self.optimizers = {
            role: optimizer(network, recipe["optimizers"][role], compute["fused"])
            for role, network in self.networks.items()
        }
        if compute["compile"]:
            for network in self.networks.values():
                network.compile(dynamic=False)
        if self.ranks.world > 1 and not compute["shard"]:
            shared = {role: distributed.shared(each, self.device) for role, each in self.networks.items()}
            self.trainer.networks.update(shared)
        self.batches = Batches(data.train, recipe["data"], recipe["seed"])
        self.parts = Parts(recipe["accumulate"], self.ranks, self.device, layout)
        # Decoding, and cutting for a GPU, go on beside the computation; a CPU that computes has nothing to spare.
        self._ahead = data.train.lazy or self.device.type == "cuda"
        self._coming: Generator[tuple[int, dict[str, Tensor]]] | None = None
        self.last: Part | None = None
        """What of the last step's batch was computed last; None before the first step."""
        self.update = Update(
            self.trainer,
            self.optimizers,
            device=self.device,
            precision=compute["precision"],
            clip=recipe["clip"],
            ranks=self.ranks,
        )

    def advance(self) -> dict[str, Tensor]:
        """Take one step; return the terms' means by ``role/term``, over this rank's share where there are several."""
        if self._ahead and self._coming is None:
            self._coming = prefetch(self._fetch, count(self.step))
        rows, batch = next(self._coming) if self._coming else self._fetch(self.step)
        seed_step(self.recipe["seed"], self.step)
        noise = draw(self.trainer.noise, rows)
        if self.ranks.rank:
            seed_rank(self.recipe["seed"], self.step, self.ranks.rank)
        self._set_learning_rates()
        self.trainer.taken = self.step
        parts = self.parts.of(rows, batch, noise, self.trainer.weight)
        report, self.last = self.update(parts), parts[-1]
        if self.average and any(name.startswith(f"{self.model_role}/") for name in report):  # else it has not moved
            self.average.follow()
        self.step += 1
        self.trainer.taken = self.step  # for what is measured before the next
        return report

    def close(self) -> None:
        """Stop making batches ahead."""
        if self._coming:
            self._coming.close()
            self._coming = None

    def _fetch(self, step: int) -> tuple[int, dict[str, Tensor]]:
        """Return how many rows a step's whole batch has, and those of them that are this rank's."""
        batch = self.batches.batch(step, self.ranks.rank, self.ranks.world)
        rows = len(next(iter(batch.values()))) if self.ranks.world == 1 else len(self.batches.indices(step))
        return rows, batch

    def _set_learning_rates(self) -> None:
        schedule = self.recipe["schedule"]
        if schedule["kind"] == "constant" and self.step > schedule["warmup"]:
            return
        now = factor(schedule, self.step)
        for role, each in self.optimizers.items():
            for group in each.param_groups:
                group["lr"] = self.recipe["optimizers"][role]["learning_rate"] * now

    @property
    def model(self) -> nn.Module:
        """The network that ships, averaged where the recipe says so."""
        return self.average.current() if self.average else self.networks[self.model_role]

    def copied(self) -> nn.Module:
        """Return a whole copy of the model, which no further step changes; every rank must ask."""
        network = build(self.recipe, self.data.facts).networks[self.model_role]
        network.load_state_dict({name: whole(value) for name, value in self.model.state_dict().items()})
        return network.to(self.device).requires_grad_(False).eval()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return networks, optimizers, average, scaler and the trainer's own, as tensors and JSON."""
        tensors: dict[str, Tensor] = {}
        groups: dict[str, Any] = {}
        for role, network in self.networks.items():
            tensors |= {f"network.{role}.{key}": whole(value) for key, value in network.state_dict().items()}
            moments, groups[role] = optimizer_state(self.optimizers[role])
            tensors |= {f"optimizer.{role}.{key}": value for key, value in moments.items()}
        if self.average:
            tensors |= {f"average.{key}": whole(value) for key, value in self.average.network.named_parameters()}
        own = self.trainer.state()
        tensors |= {f"trainer.{key}": value for key, value in own.tensors.items()}
        scaler = self.update.scaler.state_dict()
        return tensors, {"step": self.step, "optimizers": groups, "scaler": scaler, "trainer": own.json}

    def load_state(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned. Raises ``ValueError`` where it does not fit."""
        left = dict(tensors)
        for role, network in self.networks.items():
            load(role, network.state_dict(), _taken(left, f"network.{role}."))
            load_optimizer(self.optimizers[role], _taken(left, f"optimizer.{role}."), state["optimizers"][role])
        if self.average:
            load("average", dict(self.average.network.named_parameters()), _taken(left, "average."))
        self.trainer.load_state(TrainerState(_taken(left, "trainer."), state["trainer"]))
        if left:
            raise ValueError(f"it has tensors that belong nowhere: {', '.join(sorted(left)[:3])}")
        self.update.scaler.load_state_dict(state["scaler"])
        self.step = self.trainer.taken = state["step"]


def _taken(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Take what begins with a prefix out of the tensors, without it."""
    return {key[len(prefix) :]: tensors.pop(key) for key in list(tensors) if key.startswith(prefix)}


@torch.no_grad()
def load(role: str, into: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into those of the same names, strictly."""
    if wrong := sorted(into.keys() ^ tensors.keys()):
        raise ValueError(f"{role}: {wrong[0]} is not in both")
    for name, tensor in into.items():
        if tensor.shape != tensors[name].shape:
            raise ValueError(f"{role}: {name} has shape {tuple(tensors[name].shape)}, not {tuple(tensor.shape)}")
        tensor.copy_(like(tensors[name], tensor))
