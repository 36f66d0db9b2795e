"""One step of any family: forward parts, each loss's gradient to its own network, clipping, stepping."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from aigc_core.errors import NotAvailable, ZooError
from aigc_core.interfaces import Trainer
from aigc_core.train import ranks as distributed
from aigc_core.train.finite import first_bad_layer
from aigc_core.train.parts import Part
from aigc_core.train.ranks import Ranks
from aigc_core.train.sharding import is_sharded

Terms = dict[str, dict[str, Tensor]]


class Update:
    """Carries out what a trainer yields."""

    def __init__(
        self,
        trainer: Trainer,
        optimizers: Mapping[str, torch.optim.Optimizer],
        *,
        device: torch.device,
        precision: str = "float32",
        clip: float | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.trainer, self.optimizers, self.clip = trainer, optimizers, clip
        self.ranks, self.device = ranks or Ranks(), device
        self.autocast = autocast(device, precision)
        self.bad_layer = ""
        """Where the first loss that was not finite began."""
        self.watches = device.type == "cpu" and self.ranks.world == 1  # elsewhere, reading a value waits for others
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
        self.parameters = {
            role: [parameter for parameter in network.parameters() if parameter.requires_grad]
            for role, network in trainer.networks.items()
        }
        distributed.without_averaging(trainer.networks)

    def __call__(self, parts: Sequence[Part]) -> dict[str, Tensor]:
        """Update every network as the trainer says; return each term's mean, as ``role/term``, detached."""
        reports: dict[str, list[Tensor]] = {}
        steps = [self.trainer.step(part.batch, part.noise) for part in parts]
        while report := self._gradients(steps, parts):
            for name, value in report.items():
                reports.setdefault(name, []).append(value)
            roles = dict.fromkeys(name.partition("/")[0] for name in report)
            for role in roles:
                self._apply(role)
            if self.scaler.is_enabled():
                self.scaler.update()
        if self.ranks.world > 1:
            distributed.average_statistics(self.trainer.networks.values(), sum(part.share for part in parts))
        # A network may be updated more than once a step.
        return {name: each[0] if len(each) == 1 else torch.stack(each).mean(0) for name, each in reports.items()}

    def _gradients(self, steps: Sequence[Iterator[Terms]], parts: Sequence[Part]) -> dict[str, Tensor]:
        """Accumulate the gradients of the trainer's next update; return its terms' means, none where it has no more."""
        report: dict[str, Tensor] = {}
        for number, (step, part) in enumerate(zip(steps, parts, strict=True)):
            terms = self._next(step)
            if terms is None:
                continue
            if self.watches and not self.bad_layer:
                self._look_for_fault(terms, part)
            if number == 0:
                for role in terms:
                    self.optimizers[role].zero_grad(set_to_none=True)
            for left, (role, found) in zip(range(len(terms) - 1, -1, -1), terms.items(), strict=True):
                self._backward(role, found["loss"], part.share, last=number == len(parts) - 1, keep=left > 0)
                for name, value in found.items():
                    key, mean = f"{role}/{name}", value.detach()
                    if part.share != 1.0:
                        mean = mean * part.share
                    report[key] = report[key] + mean if key in report else mean
        return report

    def _next(self, step: Iterator[Terms]) -> Terms | None:
        """Ask a trainer for its next terms. Raises ``NotAvailable`` where its code fails."""
        try:
            with self.autocast:
                return next(step, None)
        except (ZooError, KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            if self.ranks.world > 1 and isinstance(error, RuntimeError):
                raise  # it may be another rank's end, which is told elsewhere
            cause = f"{type(error).__name__}: {' '.join(str(error).split())[:300].rstrip('.')}"
            raise NotAvailable(f"The step of {type(self.trainer).__name__} failed: {cause}.", "See --debug.") from error

    def _look_for_fault(self, terms: Terms, part: Part) -> None:
        """Find where a loss that is not finite began, while the weights are still those that made it.

        On copies and on draws of its own: the step that is under way goes on as if nobody had looked.
        """
        if all(math.isfinite(found["loss"].item()) for found in terms.values()):
            return
        self.bad_layer = "a loss"
        with contextlib.suppress(Exception), torch.random.fork_rng(devices=[]), self.autocast:
            twin = copy.copy(self.trainer)
            twin.networks = {role: copy.deepcopy(network) for role, network in self.trainer.networks.items()}
            again = twin.step(part.batch, part.noise)
            self.bad_layer = first_bad_layer(twin.networks, lambda: list(again)) or "a loss"

    def _backward(self, role: str, loss: Tensor, share: float, *, last: bool, keep: bool) -> None:
        if self.ranks.world > 1:
            distributed.prepare(self.trainer.networks[role], loss, last)
        weight = share * self.ranks.world  # ranks' gradients are averaged, their shares make the sum
        if weight != 1.0:
            loss = loss * weight
        if self.scaler.is_enabled():
            loss = self.scaler.scale(loss)
        if is_sharded(self.trainer.networks[role]):  # it puts others in the place of its parameters
            torch.autograd.backward(loss, retain_graph=keep)
            return
        # Differentiated by its own network's parameters alone: no other gradient is made, or touched.
        torch.autograd.backward(loss, inputs=self.parameters[role], retain_graph=keep)

    def _apply(self, role: str) -> None:
        optimizer = self.optimizers[role]
        if self.clip is not None:
            self.scaler.unscale_(optimizer) if self.scaler.is_enabled() else None
            nn.utils.clip_grad_norm_(self.parameters[role], self.clip)
        self.scaler.step(optimizer) if self.scaler.is_enabled() else optimizer.step()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return what a forward pass runs in. Raises ``NotAvailable`` for float16 anywhere but on a GPU."""
    if precision == "float32":
        return nullcontext()
    if precision == "float16" and device.type != "cuda":
        raise NotAvailable("float16 trains on a GPU alone.", "Use --set compute.precision=bfloat16")
    return torch.autocast(device.type, {"bfloat16": torch.bfloat16, "float16": torch.float16}[precision])


def measured(trainer: Trainer, part: Part, context: AbstractContextManager[object]) -> dict[str, Tensor]:
    """Return what the losses of one batch are, in eval mode and without any update."""
    report: dict[str, Tensor] = {}
    modes = {role: network.training for role, network in trainer.networks.items()}
    try:
        for network in trainer.networks.values():
            network.eval()
        with torch.no_grad(), context:
            for terms in trainer.step(part.batch, part.noise):
                report |= {f"{role}/{name}": value for role, found in terms.items() for name, value in found.items()}
    finally:
        for role, network in trainer.networks.items():
            network.train(modes[role])
    return report
