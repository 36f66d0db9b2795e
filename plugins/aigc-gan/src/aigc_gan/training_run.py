"""One training run: what its next step depends on, and how that is stored and taken up again."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from aigc_core.errors import Refused
from aigc_core.interfaces.trainer import TrainerState
from aigc_core.train.checks import check_adversarial_shapes, unused_parameters
from aigc_gan.recipe import build


class Run:
    """One training run: a trainer, the moving average of its generator, and the number of the next step."""

    def __init__(self, recipe: dict[str, Any], images: np.ndarray) -> None:
        self.recipe, self.step = recipe, 0
        self.trainer = build(recipe)
        networks = self.trainer.networks
        latent, sample = (recipe["generator"]["latent_dim"],), (1, *images.shape[1:])
        check_adversarial_shapes(networks["generator"], networks["discriminator"], latent, sample)
        self.average = copy.deepcopy(self.trainer.networks["generator"]).requires_grad_(False)
        self.images = torch.from_numpy(images)

    def advance(self) -> dict[str, Tensor]:
        """Take one step; return the losses' named scalars."""
        size, seed = self.recipe["batch_size"], self.recipe["seed"]
        per_epoch = -(-len(self.images) // size)
        epoch, position = divmod(self.step, per_epoch)
        if position == 0 or not hasattr(self, "order"):
            self.order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(seed << 32 | epoch))
        batch = self.images[self.order[position * size : (position + 1) * size]].unsqueeze(1)
        torch.manual_seed(seed << 32 | self.step)
        scalars = self.trainer.step(batch.float() / 127.5 - 1)
        if self.step == 0 and (idle := unused_parameters(self.trainer.networks)):
            click.echo(f"warning: no gradient reaches {', '.join(idle)}", err=True)
        self._average()
        self.step += 1
        return scalars

    @torch.no_grad()
    def _average(self) -> None:
        for average, current in zip(
            self.average.parameters(), self.trainer.networks["generator"].parameters(), strict=True
        ):
            average.lerp_(current, 1 - self.recipe["ema"])

    def save(self, path: Path) -> None:
        """Write the whole state aside and put it in place at once."""
        tensors = dict(self.trainer.state().tensors)
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        state = json.dumps(self.trainer.state().json)
        header = {"step": str(self.step), "json": state, "recipe": json.dumps(self.recipe, sort_keys=True)}
        save_file(tensors, path.with_suffix(".tmp"), metadata=header)
        os.replace(path.with_suffix(".tmp"), path)

    def restore(self, path: Path) -> None:
        """Take up the state that ``save`` wrote. Raises ``Refused`` where it is that of another recipe."""
        with safe_open(path, "pt") as file:
            header = file.metadata()
        if header["recipe"] != json.dumps(self.recipe, sort_keys=True):
            raise Refused(f"{path} is the checkpoint of another recipe.", "Name another --out, or remove it.")
        tensors = load_file(path)
        average = {key[8:]: tensors.pop(key) for key in list(tensors) if key.startswith("average.")}
        self.average.load_state_dict(average)
        self.trainer.load_state(TrainerState(tensors, json.loads(header["json"])))
        self.step = int(header["step"])
