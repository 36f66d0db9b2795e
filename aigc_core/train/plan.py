"""What a training will be, found on the meta device: no weights, no arithmetic, and every shape checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from aigc_core.errors import WrongUse, ZooError
from aigc_core.train import selection
from aigc_core.train.build import build
from aigc_core.train.data.batches import Batches
from aigc_core.train.data.rows import DataSet
from aigc_core.train.export import template
from aigc_core.train.recipe import Recipe

_MOMENTS = {"adam": 2, "adamw": 2, "rmsprop": 1, "sgd": 0}


class Plan(NamedTuple):
    """What ``--dry-run`` shows."""

    shapes: dict[str, tuple[int, ...]]
    """One row's tensors."""
    parameters: dict[str, int]
    """By role."""
    memory: dict[str, int]
    """Bytes: weights with gradients and optimizers, what a step keeps for its gradients, data."""
    steps: int
    per_epoch: int
    rows: dict[str, int]


def plan(recipe: Recipe, data: DataSet) -> Plan:
    """Check that networks, losses and data fit one another, and count what they need.

    Raises ``WrongUse`` with the layer and the sizes where they do not, ``NotAvailable`` where no plugin can run what
    would be trained.
    """
    trainer = build(recipe, data.facts, "meta")
    template(recipe, next(iter(trainer.roles)))
    batches = Batches(data.train, recipe["data"], recipe["seed"])
    first = batches.batch(0)
    shapes = {name: tuple(values.shape[1:]) for name, values in first.items()}
    trainer.check(shapes)
    rows = len(next(iter(first.values())))
    kept, terms = _step_on_meta(trainer, first, rows)
    selection.check(recipe, terms, validated=data.validation is not None)
    weights = {role: sum(each.numel() for each in net.parameters()) for role, net in trainer.networks.items()}
    copies = {role: 2 + _MOMENTS[recipe["optimizers"][role]["kind"]] for role in weights}
    model = next(iter(weights))
    copies[model] += recipe["ema"] is not None
    memory = {
        "weights, gradients, optimizers": sum(4 * count * copies[role] for role, count in weights.items()),
        "kept for gradients in a step": kept // recipe["accumulate"],
    }
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    return Plan(
        shapes,
        weights,
        memory,
        recipe["budget"]["steps"],
        batches.per_epoch,
        {k: len(v) for k, v in parts.items() if v is not None},
    )


def _step_on_meta(trainer: Any, batch: dict[str, torch.Tensor], rows: int) -> tuple[int, set[str]]:
    """Run the trainer's step without numbers; return how many bytes it keeps for its gradients, and its terms."""
    at: list[tuple[str, tuple[int, ...]]] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, given, where=f"{role}.{name}": at.append((where, _shape(given))))
        for role, network in trainer.networks.items()
        for name, module in network.named_modules()
        if name and not list(module.children())
    ]
    kept: dict[int, int] = {}
    named: set[str] = set()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage.nbytes()
        return tensor

    noise = {name: torch.empty((rows, *spec.shape), device="meta") for name, spec in trainer.noise.items()}
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            for terms in trainer.step({name: values.to("meta") for name, values in batch.items()}, noise):
                _check_terms(trainer, terms)
                named |= {f"{role}/{name}" for role, found in terms.items() for name in found}
    except ZooError:
        raise
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
        where, given = at[-1] if at else ("its first layer", ())
        if "meta tensors" in str(error):
            text = (
                f"The step of {type(trainer).__name__} looks at a value ({str(error).splitlines()[0][:100]}), and this"
            )
            raise WrongUse(
                f"{text} check has shapes alone.", "Leave out .item() and comparisons of tensors."
            ) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        text = (
            f"The networks do not fit the data: layer {where}, given {list(given)}: {type(error).__name__}: {reason}."
        )
        raise WrongUse(text, "See: aigc-zoo train RECIPE --dry-run --debug") from error
    finally:
        for hook in hooks:
            hook.remove()
    return sum(kept.values()), named


def _check_terms(trainer: Any, terms: Any) -> None:
    """Raise ``WrongUse`` where a trainer yields anything but a scalar loss for each of its networks."""
    if not isinstance(terms, dict) or not terms or not terms.keys() <= trainer.roles.keys():
        raise WrongUse(f"{type(trainer).__name__} yields no terms by role; its roles are {', '.join(trainer.roles)}.")
    for role, found in terms.items():
        for name in ("loss", *found):
            if name not in found or found[name].numel() != 1:
                raise WrongUse(f"{type(trainer).__name__} gives {role} no scalar {name}.")


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(getattr(given[0], "shape", ())) if given else ()
