"""The loops of other libraries around the same networks and data, each made once and run again and again."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.training_family_peers import pythae, transformers
from benchmarks.training_subjects import Clock, Run, Subject, Windows, check, optimizers, step, tensors


def loader(subject: Subject) -> Any:
    """Return torch's own loader, as the libraries' documentation has it."""
    values = tensors(subject)
    dataset: Any = TensorDataset(values) if values.dim() > 1 else Windows(values, named=False)
    return DataLoader(dataset, subject.batch, shuffle=True, drop_last=True)


def lightning(subject: Subject, folder: str) -> Run:
    """``Trainer.fit`` over one epoch, without logger, checkpoints and progress bar."""
    from lightning import Callback, LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.nets = torch.nn.ModuleList(subject.nets())
            self.automatic_optimization = not subject.adversarial

        def configure_optimizers(self) -> Any:
            return optimizers(subject, list(self.nets))

        def training_step(self, batch: Any, number: int) -> Any:
            if self.automatic_optimization:
                return self.nets[0](*batch)
            return step(list(self.nets), self.optimizers(), batch, self.manual_backward)  # type: ignore[arg-type]

    module, batches = Module(), loader(subject)
    check(subject, module)

    def run(clock: Clock) -> None:
        class Times(Callback):
            def on_train_epoch_start(self, *_: Any) -> None:
                clock.start()

            def on_train_epoch_end(self, *_: Any) -> None:
                clock.stop()

        Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Times()],
            default_root_dir=folder,
        ).fit(module, batches)

    return run


def accelerate(subject: Subject, folder: str) -> Run:
    """A bare loop over what ``Accelerator.prepare`` returns."""
    from accelerate import Accelerator

    accelerator, nets = Accelerator(cpu=True), subject.nets()
    *prepared, batches = accelerator.prepare(*nets, *optimizers(subject, nets), loader(subject))
    nets, each = prepared[: len(nets)], prepared[len(nets) :]

    def run(clock: Clock) -> None:
        clock.start()
        for batch in batches:
            step(nets, each, batch, accelerator.backward)
        clock.stop()

    return run


PEERS: dict[str, tuple[Callable[[Subject, str], Run], tuple[str, ...]]] = {
    "lightning": (lightning, ("dcgan", "vae", "gpt")),
    "pythae": (pythae, ("vae",)),
    "transformers": (transformers, ("gpt",)),  # its settings empty what an Accelerator keeps for the process
    "accelerate": (accelerate, ("dcgan", "vae", "gpt")),
}
"""By the name of the package: what makes its loop, and the subjects that it can train."""


def peers(name: str, subject: Subject, folder: str) -> tuple[dict[str, Run], list[str]]:
    """Return the loops of the peers that are installed, and the names of those that are not."""
    wanted = {peer: make for peer, (make, subjects) in PEERS.items() if name in subjects}
    missing = [peer for peer in wanted if importlib.util.find_spec(peer) is None]
    return {peer: make(subject, folder) for peer, make in wanted.items() if peer not in missing}, missing
