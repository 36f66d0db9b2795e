"""What shows how an adversarial training goes, beside its losses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from aigc_gan.judged import Seen, call

LAYERS = 3
"""How many of a network's layers are looked at: those with the most weights."""


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into eval mode, and every part of it back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def spread(discriminator: nn.Module, real: Seen, fake: Seen) -> dict[str, Tensor]:
    """Return the logits (n,) of real and of fake images, and how these images vary."""
    found = {}
    for side, seen in (("real", real), ("fake", fake)):
        found[f"{side}_logits"] = call(discriminator, seen)[0].flatten()
        found[f"{side}_variance"] = seen.images.float().var(0, correction=0).mean()
    return found


def gradient_norm(network: nn.Module) -> Tensor | None:
    """Return the length of the gradient that a network was last updated by; None before."""
    found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return torch.linalg.vector_norm(torch.stack([each.float().norm() for each in found])) if found else None


def spectral_norms(network: nn.Module) -> dict[str, Tensor]:
    """Return the largest singular value of the largest layers' weights by the layer's name.

    A kernel is taken as a matrix of its output channels (arXiv 1802.05957, section 2.1). The network is to be in eval
    mode: one with spectral norm moves on its way when it is looked at in train mode.
    """
    matrices = {name: matrix for name, module in network.named_modules() if (matrix := _matrix(module)) is not None}
    largest = sorted(matrices, key=lambda name: -matrices[name].numel())[:LAYERS]
    return {name: _largest_singular_value(matrices[name]) for name in largest}


def _matrix(module: nn.Module) -> Tensor | None:
    if not isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        return None
    weight = module.weight.detach().float()
    return (weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else weight).flatten(1)


def _largest_singular_value(matrix: Tensor) -> Tensor:
    """Return it by the smaller of the two products with the transposed, which has its square as an eigenvalue."""
    matrix = matrix.cpu()
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    squares: Tensor = torch.linalg.eigvalsh(product.double())
    return squares[-1].clamp(min=0).sqrt()
