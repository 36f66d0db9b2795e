"""Faults that can be seen before the first step or right after it: shapes that do not fit, idle parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    import torch


def output_shape(name: str, network: torch.nn.Module, shape: tuple[int, ...], *others: torch.Tensor) -> tuple[int, ...]:
    """Return the shape that a network makes of one row of ``shape``, on the meta device: no memory, no arithmetic.

    ``others`` are the network's further arguments: two rows each, on the meta device. The network is left as it was.
    Raises ``WrongUse`` with the layer and the sizes where they do not fit.
    """
    import torch

    at: list[tuple[str, tuple[int, ...]]] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, given, layer=layer: at.append((layer, _first_shape(given))))
        for layer, module in network.named_modules()
        if not list(module.children())
    ]
    tensors = {key: value.to("meta") for key, value in [*network.named_parameters(), *network.named_buffers()]}
    try:
        # Two rows, for batch norm has no statistics of one.
        made: Any = torch.func.functional_call(network, tensors, (torch.empty((2, *shape), device="meta"), *others))
    except (RuntimeError, ValueError) as error:
        layer, given = at[-1] if at else ("its first layer", (2, *shape))
        reason = str(error).splitlines()[0]
        text = f"{name} cannot take rows of shape {list(shape)}: layer {layer}, given {list(given)}, says: {reason}."
        raise WrongUse(text) from error
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(made.shape[1:])


def check_adversarial_shapes(
    generator: torch.nn.Module, discriminator: torch.nn.Module, latent: tuple[int, ...], sample: tuple[int, ...]
) -> None:
    """Check G, D and D of G before any step.

    ``latent`` and ``sample`` are the shapes of one latent and of one real sample. Raises ``WrongUse`` where the
    generator makes another shape than the data have, or the discriminator anything but one logit a sample.
    """
    made = output_shape("the generator", generator, latent)
    if made != sample:
        raise WrongUse(f"The generator makes samples of shape {list(made)}, the data have {list(sample)}.")
    logits = output_shape("the discriminator", discriminator, made)
    if logits != (1,):
        raise WrongUse(f"The discriminator gives {list(logits)} for a sample; it must give one logit, [1].")


def unused_parameters(networks: Mapping[str, torch.nn.Module]) -> list[str]:
    """Return the parameters, as ``network.name``, that the last step gave no gradient: layers that nothing trains."""
    return [
        f"{network}.{name}"
        for network, module in networks.items()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]


def _first_shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(getattr(given[0], "shape", ())) if given else ()
