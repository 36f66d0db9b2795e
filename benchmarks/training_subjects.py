"""What the training benchmark trains: three small subjects, each as a recipe's changes and as a bare loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from aigc_core.train.data.rows import DataSet, ImageRows, WindowRows
from benchmarks.training_nets import Discriminator, Generator, Gpt, Vae, discriminator_loss, generator_loss

BLOCK, TOKENS = 64, 65
PLAIN = ("ema=null", "clip=null", 'schedule={"kind": "constant"}', "checkpoint.every=0", "evaluate.every=0")
"""What every variant leaves out, so that all do the same: no average, no clipping, a constant rate."""


class Clock:
    """Wall and CPU seconds between start and stop; a variant says itself where its steps begin and end."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def start(self) -> None:
        """Begin."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """End."""
        self.wall, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu


Run = Callable[[Clock], None]


class Subject(NamedTuple):
    """One of the three."""

    title: str
    batch: int
    steps: int
    """How many a run has."""
    recipe: str
    changes: tuple[str, ...]
    fast: Callable[[bool], float]
    """The bar for ``--fast``, given whether this machine multiplies bfloat16 at least twice as fast as float32."""
    nets: Callable[[], list[nn.Module]]

    @property
    def adversarial(self) -> bool:
        """Say whether there are two networks."""
        return self.recipe.startswith(("dcgan", "wgan"))


SUBJECTS = {
    "dcgan": Subject(
        "DCGAN, 28 x 28, batch 256, two passes",
        256,
        6,
        "dcgan-fashion",
        ('trainer.config.update="alternating"', "data.batch_size=256"),
        lambda quick: 1.35 if quick else 1.05,
        lambda: [Generator(), Discriminator()],
    ),
    "vae": Subject("VAE, 784-400-20, batch 128", 128, 300, "vae-fashion", (), lambda quick: 1.15, lambda: [Vae()]),
    "gpt": Subject(
        "Character GPT, 4 layers, 128 wide, block 64, batch 12",
        12,
        100,
        "char-shakespeare",
        ("networks.decoder.config.bias=true", 'optimizers.decoder.decay="all"'),  # GPT-2 of transformers has biases
        lambda quick: 1.1,
        lambda: [Gpt()],
    ),
}


def tensors(subject: Subject) -> Tensor:
    """Return what bare loops and peers learn from, ready: images float32, flat for the VAE; a stream of tokens."""
    torch.manual_seed(0)
    if subject.recipe == "char-shakespeare":
        return torch.randint(0, TOKENS, (subject.steps * subject.batch + BLOCK,))
    levels = torch.randint(0, 256, (subject.steps * subject.batch, 1, 28, 28)) / 255.0
    return levels * 2 - 1 if subject.adversarial else levels.flatten(1)


def rows(subject: Subject) -> DataSet:
    """Return the same as a recipe's data come: images as bytes."""
    values = tensors(subject)
    if values.dim() == 1:
        facts: dict[str, Any] = {"vocabulary": "".join(map(chr, range(48, 48 + TOKENS))), "block": BLOCK}
        return DataSet(WindowRows(values, BLOCK), None, None, {}, facts)
    levels = (values + 1) / 2 if subject.adversarial else values
    images = levels.mul(255).round().to(torch.uint8).view(-1, 1, 28, 28)
    return DataSet(ImageRows(images), None, None, {}, {"shape": [1, 28, 28]})


def batches(subject: Subject, values: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield a run's batches as a bare loop draws them: slices of a permutation, or windows anywhere."""
    order = torch.randperm(len(values))
    for step in range(subject.steps):
        if values.dim() == 1:
            windows = values[torch.randint(len(values) - BLOCK, (subject.batch,))[:, None] + torch.arange(BLOCK + 1)]
            yield windows[:, :-1], windows[:, 1:]
        else:
            yield (values[order[step * subject.batch : (step + 1) * subject.batch]],)


class Windows(Dataset[Any]):
    """Windows of a stream of tokens, as tuples or as transformers wants them."""

    def __init__(self, values: torch.Tensor, named: bool) -> None:
        self.values, self.named = values, named

    def __len__(self) -> int:
        return len(self.values) - BLOCK

    def __getitem__(self, place: int) -> Any:
        window = self.values[place : place + BLOCK + 1]
        if self.named:  # the model shifts them itself
            return {"input_ids": window[:-1], "labels": window[:-1]}
        return window[:-1], window[1:]


def optimizers(subject: Subject, nets: list[nn.Module]) -> list[torch.optim.Optimizer]:
    """Return torch's own with its defaults, as most code has them."""
    kind, rate = (torch.optim.AdamW, 1e-3) if subject.recipe == "char-shakespeare" else (torch.optim.Adam, 1e-3)
    return [kind(net.parameters(), 1e-4 if subject.adversarial else rate) for net in nets]


def step(nets: list[nn.Module], each: list[torch.optim.Optimizer], batch: tuple[Tensor, ...], backward: Any) -> None:
    """Take one bare step; ``backward`` takes the loss (accelerate and Lightning have their own).

    Adversarial: what most PyTorch code does, the discriminator on detached fakes, then a second pass for the generator.
    """
    if len(nets) == 1:
        loss = nets[0](*batch)
        each[0].zero_grad()
        backward(loss)
        each[0].step()
        return
    (generator, discriminator), (of_generator, of_discriminator) = nets, each
    fake = generator(torch.randn(len(batch[0]), 100))
    loss = discriminator_loss(discriminator(batch[0]), discriminator(fake.detach()))
    of_discriminator.zero_grad()
    backward(loss)
    of_discriminator.step()
    loss = generator_loss(discriminator(fake))
    of_generator.zero_grad()
    backward(loss)
    of_generator.step()


def count(nets: list[nn.Module]) -> int:
    """Return how many parameters there are."""
    return sum(parameter.numel() for net in nets for parameter in net.parameters())


def check(subject: Subject, model: torch.nn.Module) -> None:
    """Raise where a peer's model is not as large as the bare loop's."""
    if count([model]) != count(subject.nets()):
        raise ValueError(f"{count([model]):,} parameters, not {count(subject.nets()):,}")
