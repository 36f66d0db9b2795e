"""Train a bundled model again: ``aigc-zoo gan train dcgan-fashion --data DIR --out DIR``.

Equal recipe, thread count, torch build and instruction set give equal weights, to the bit. Each step's randomness is
seeded from (seed, step) and each epoch's order from (seed, epoch), so a run that was stopped goes on as if it had not.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aigc_core import discovery, plugins
from aigc_core.errors import Refused, WrongUse, did_you_mean
from aigc_core.interfaces import Loss
from aigc_core.interfaces.trainer import TrainerState
from aigc_core.train.checks import check_adversarial_shapes, unused_parameters
from aigc_gan.data import read
from aigc_gan.networks import DcganDiscriminator, DcganGenerator, initialise
from aigc_gan.trainer import AdversarialTrainer


def recipe(model: str) -> dict[str, Any]:
    """Read the recipe of a bundled model. Raises ``WrongUse`` where there is none of that name."""
    folder = Path(__file__).parent / "zoo" / "recipes"
    known = sorted(path.stem for path in folder.glob("*.json"))
    if model not in known:
        raise WrongUse(f"There is no recipe {model}.{did_you_mean(model, known)} There is {', '.join(known)}.")
    found: dict[str, Any] = json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))
    return found


def build(recipe: dict[str, Any]) -> AdversarialTrainer:
    """Build both networks from the recipe's seed, and their trainer."""
    torch.manual_seed(recipe["seed"])
    generator, discriminator = DcganGenerator(**recipe["generator"]), DcganDiscriminator(**recipe["discriminator"])
    for network in (generator, discriminator):
        initialise(network)
    return AdversarialTrainer(
        generator,
        discriminator,
        _loss(recipe["loss"]),
        latent_dim=recipe["generator"]["latent_dim"],
        learning_rate=recipe["learning_rate"],
        betas=tuple(recipe["betas"]),
        update=recipe["update"],
    )


def _loss(name: str) -> Loss:
    """Return the loss of that ``plugin:name``: a recipe may take another plugin's."""
    plugin, _, loss = name.partition(":")
    made: Loss = plugins.component(discovery.find(plugin), "losses", loss)()
    return made


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


@torch.no_grad()
def estimate_batch_norm(generator: nn.Module, latent_dim: int, seed: int, batches: int = 100) -> None:
    """Replace the running statistics by their mean over fresh latents: averaged weights have their own statistics."""
    for module in generator.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_running_stats()
            module.momentum = None
    random = torch.Generator().manual_seed(seed)
    generator.train()
    for _ in range(batches):
        generator(torch.randn(256, latent_dim, generator=random))
    generator.eval()


def weights_sha256(network: nn.Module) -> str:
    """Hash every tensor of a network with its name, in name order."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def final_weights(run: Run) -> dict[str, Tensor]:
    """Return what ships: the averaged generator in half precision."""
    estimate_batch_norm(run.average, run.recipe["generator"]["latent_dim"], run.recipe["seed"])
    return {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in run.average.state_dict().items()
    }


def train(model: str, data: Path, out: Path, steps: int | None = None) -> dict[str, Any]:
    """Run a recipe to its end, with checkpoints, and write ``model.safetensors`` and ``record.json`` into ``out``."""
    plan = recipe(model)
    torch.set_num_threads(plan["threads"])
    run = Run(plan, read(plan["data"]["name"], data, plan["data"]["images_sha256"]))
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = out / "checkpoint.safetensors", out / "losses.jsonl"
    if checkpoint.exists():
        run.restore(checkpoint)
    record: dict[str, Any] = {"checks": {}}
    if (out / "record.json").exists():
        record = json.loads((out / "record.json").read_text())
    seconds, started, window = record.get("cpu_seconds", 0.0), time.process_time(), []
    last = steps or plan["steps"]
    while run.step < last:
        window.append({name: value.item() for name, value in run.advance().items()})
        if run.step in (50, 200):
            record["checks"][str(run.step)] = weights_sha256(run.trainer.networks["generator"])
        if run.step % 100 == 0 or run.step == last:
            mean = {name: sum(row[name] for row in window) / len(window) for name in window[0]}
            click.echo(f"step {run.step} of {last}: " + ", ".join(f"{k} {v:.4f}" for k, v in mean.items()), err=True)
            with log.open("a") as stream:
                stream.write(json.dumps({"step": run.step, **{k: round(v, 4) for k, v in mean.items()}}) + "\n")
            record["final_losses"], window = {k: round(v, 4) for k, v in mean.items()}, []
        if run.step % 500 == 0 or run.step == last:
            run.save(checkpoint)
            record |= {"steps": run.step, "cpu_seconds": round(seconds + time.process_time() - started, 1)}
            (out / "record.json").write_text(json.dumps(record, indent=1))
    click.echo("averaging the batch norm statistics", err=True)
    tensors = final_weights(run)
    save_file(tensors, out / "model.safetensors")
    record |= {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
    }
    (out / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    return record


@click.command("train")
@click.argument("model")
@click.option("--data", type=Path, required=True, help="Folder of the data set, as `make data` lays it out.")
@click.option("--out", type=Path, required=True, help="Folder for the weights, the record and the checkpoint.")
@click.option("--steps", type=click.IntRange(min=1), help="Stop after so many steps. [default: the recipe's]")
def command(model: str, data: Path, out: Path, steps: int | None) -> None:
    """Train bundled MODEL again from its recipe; a run that was stopped goes on from its checkpoint in --out."""
    click.echo(json.dumps(train(model, data, out, steps), indent=1))
