"""The two stages of a VQ-VAE: its autoencoder, then the prior over the codes of that one (arXiv 1711.00937)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Loss, Trainer
from aigc_vae.vq.codebook import Coded
from aigc_vae.vq.network import SIDE, VqVae28

Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]


class _Stage(Trainer):
    """What both stages share: one network, of which each trains a part."""

    roles: ClassVar[Mapping[str, str]] = {"autoencoder": "networks"}

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss]) -> None:
        super().__init__(networks, losses)
        if not isinstance(networks["autoencoder"], VqVae28):
            raise ValueError("the autoencoder is no VQ-VAE of this plugin")

    @property
    def network(self) -> VqVae28:
        """The network itself, whatever it is called through."""
        called = self.networks["autoencoder"]
        network = called.module if isinstance(called, DistributedDataParallel) else called
        assert isinstance(network, VqVae28)
        return network

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` for images of another shape: the layers would take some, the prior would not."""
        if shapes["images"] != (1, SIDE, SIDE):
            text = f"The network takes images of shape {[1, SIDE, SIDE]}, the data have {list(shapes['images'])}."
            raise WrongUse(text)


class VqTrainer(_Stage):
    """The first stage: the autoencoder by its loss, the codebook by moving means (appendix A.1).

    ``decay`` is gamma of these means; ``revive`` is below which part of an even share of the uses an entry is dead and
    put elsewhere. The prior stays as it was. Every rank needs a row of each batch.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, Loss],
        *,
        decay: float = 0.99,
        revive: float = 0.03,
    ) -> None:
        super().__init__(networks, losses)
        if not (0 <= decay < 1 and 0 <= revive < 0.5):
            raise ValueError("decay is a number from 0 to below 1, revive one from 0 to below a half")
        self.loss, self.decay, self.revive = losses["quantisation"], decay, revive
        self.network.prior.requires_grad_(False)
        self._seen: tuple[Coded, ...] = ()

    def step(self, batch: Batch, noise: Batch) -> Iterator[dict[str, Terms]]:
        """Yield the autoencoder's terms, in nats an image.

        Of a step that learns, also what the steps of late have used of the codebook: its perplexity and its ``used``
        share.
        """
        network = self.networks["autoencoder"]
        made = network(batch["images"])
        terms = self.loss("autoencoder", made._asdict())
        learns = network.training and torch.is_grad_enabled()
        if learns:  # the parts of a batch are gathered, and counted once all have been seen
            codebook = self.network.codebook
            terms |= {"perplexity": codebook.perplexity(), "used": codebook.used(self.revive)}
            self._seen = (*self._seen, Coded(made.encoded.detach().float().flatten(0, 2), made.codes.flatten()))
        yield {"autoencoder": terms}
        if learns and self._seen:
            seen, self._seen = self._seen, ()
            whole = Coded(torch.cat([each.vectors for each in seen]), torch.cat([each.codes for each in seen]))
            self.network.codebook.follow(whole, self.decay, self.revive)

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say where hardly any code is in use."""
        if losses.get("autoencoder/used", 1.0) < 0.1:
            return ["Less than a tenth of the codes are in use (codebook collapse)."]
        return []


class CodePriorTrainer(_Stage):
    """The second stage: the prior by the codes of images. All else stays as it was."""

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss]) -> None:
        super().__init__(networks, losses)
        self.loss = losses["codes"]
        for part in (self.network.encoder, self.network.decoder):
            part.requires_grad_(False)

    def step(self, batch: Batch, noise: Batch) -> Iterator[dict[str, Terms]]:
        """Yield the prior's terms, in nats a code."""
        log_prior = self.networks["autoencoder"](batch["images"], prior=True)
        yield {"autoencoder": self.loss("autoencoder", {"log_prior": log_prior})}

    def warnings(self, losses: Mapping[str, float]) -> list[str]:
        """Say where there is nothing to learn the codes of."""
        if not self.network.codebook.uses.any():
            return ["The codes are those of an autoencoder that was never trained: begin with one, by --from."]
        return []
