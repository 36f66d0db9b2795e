"""The generators that the plugin offers to ``run``, around its networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module
from aigc_text import networks
from aigc_text.characters import END, Characters

MAX_NEW_TOKENS = 1000
"""For how many tokens of a sample there is noise. Another number would give every sample other noise."""
CONFIG = ("vocabulary", "block", "layers", "heads", "width", "dropout", "bias", "document")
BELOW_ONE = 1 - 2**-24
"""The largest float32 below 1: a uniform that was rounded up to 1 counts as this."""


class CharTransformer:
    """A character-level transformer. Options: ``prompt``, ``max_new_tokens`` and ``temperature``."""

    engine, dtype = "torch", "float32"
    noise: Mapping[str, NoiseSpec] = {"uniform": NoiseSpec((MAX_NEW_TOKENS,), "uniform")}

    def __init__(self, network: networks.CharTransformer, characters: Characters, device: str) -> None:
        self.network, self.characters, self.device = network, characters, device

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> CharTransformer:
        """Load the safetensors file. ``config`` has ``vocabulary``, ``block``, ``layers``, ``heads`` and the others."""
        own = {name: config[name] for name in CONFIG} | {"tied": config.get("tied", True)}
        network = load_module(lambda: networks.CharTransformer(**own), weights, device)
        return cls(network, Characters(own["vocabulary"], own["document"]), device)

    @torch.inference_mode()
    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Continue the prompt once for each row of uniforms (n, MAX_NEW_TOKENS): texts (n,) that start with it.

        Raises ``WrongUse`` where the prompt has a character that the model does not know.
        """
        uniform = torch.from_numpy(noise["uniform"])[:, : options.get("max_new_tokens", MAX_NEW_TOKENS)]
        prompt = options.get("prompt", "")
        given = self.characters.encode(prompt)
        # A document begins with its start, whatever follows; any other text goes on from what is there.
        context = given if given and not self.characters.document else self.characters.start() + given
        made = self._continued(context, uniform, options.get("temperature", 1.0))
        texts = [prompt + self.characters.decode(row) for row in made.tolist()]
        return Samples("text", np.array(texts, object), (0.0, 0.0))

    def _continued(self, start: list[int], uniform: Tensor, temperature: float) -> Tensor:
        """Return the tokens (n, up to t) that follow ``start``, one for each of ``uniform`` (n, t)."""
        tokens = torch.tensor(start).repeat(len(uniform), 1)
        ended = torch.zeros(len(uniform), dtype=torch.bool)
        for column in uniform.unbind(1):
            logits = self.network(tokens[:, -self.network.block :].to(self.device))[:, -1]
            chosen = choose(logits.cpu(), column, temperature)
            tokens = torch.cat([tokens, chosen[:, None]], 1)
            if self.characters.document:
                ended |= chosen == END
                if ended.all():
                    break
        return tokens[:, len(start) :]


def choose(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """Return one token a row: where the cumulated probabilities of logits (n, tokens) pass ``uniform`` (n,).

    Equal noise gives equal tokens, and a row is chosen by its own noise alone.
    """
    scaled = logits.double()
    weights = ((scaled - scaled.amax(1, keepdim=True)) / temperature).exp()  # the largest is 1 at any temperature
    cumulated = weights.cumsum(1)
    reached = uniform.double().clamp(max=BELOW_ONE)[:, None] * cumulated[:, -1:]
    # The first that lies above: so a token of probability 0 is never chosen.
    return torch.searchsorted(cumulated, reached, right=True)[:, 0]
