"""T1 to T5 and T9: a recipe's trainer, by the core's own loop on rows that are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aigc_core.testing.kept import kept
from aigc_core.testing.practice import BATCH, data_of, training
from aigc_core.testing.subjects import RecipeSubject
from aigc_core.testing.tensors import differing_tensors, weights_of
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    import torch

    from aigc_core.train.training import Training


def builds(subject: RecipeSubject) -> None:
    """T1: the schema, every component, shapes on the meta device, and a generator for what is trained."""
    data_of(subject)


def steps(subject: RecipeSubject) -> None:
    """T2: two steps by the core's loop, in which every role is updated or reported with finite terms."""
    import torch

    with kept():
        ready = training(subject, data_of(subject))
        for step in range(2):
            for name, value in ready.advance().items():
                if not torch.isfinite(value).all():
                    raise Broken(
                        f"In step {step}, {name} is not finite.", "Look for a logarithm of 0 or a division by 0."
                    )


def leaves_weights(subject: RecipeSubject) -> None:
    """T3: the trainer's own step, without the core's update around it, moves nothing a second time.

    The first time it may project weights to where they are kept, as by clipping.
    """
    with kept():
        ready = training(subject, data_of(subject))
        _bare(ready)
        before = weights_of(ready)
        _bare(ready)
        if moved := differing_tensors(before, weights_of(ready)):
            raise Broken(
                f"The trainer's step itself moves {moved[0]}.",
                "Yield the loss; the core differentiates and steps.",
                moved=moved[:20],
            )
        left = [
            f"{role}.{name}"
            for role, net in ready.networks.items()
            for name, value in net.named_parameters()
            if value.grad is not None
        ]
        if left:
            raise Broken(
                f"The trainer's step leaves a gradient on {left[0]}.",
                "Call no backward(); torch.autograd.grad leaves none.",
                gradients=left[:20],
            )


def any_batch(subject: RecipeSubject) -> None:
    """T4: a step with batches of 1, 2 and 5 rows."""
    import torch

    from aigc_core.errors import ZooError

    data = data_of(subject)
    with kept():
        for rows in (1, 2, 5):
            try:
                found = training(subject, data, batch=rows).advance()
            except ZooError as error:
                raise Broken(
                    f"A batch of {rows}: {error}", "Batch norm has no statistics of one row: compute it as two."
                ) from error
            if wrong := [name for name, value in found.items() if not torch.isfinite(value).all()]:
                raise Broken(f"With a batch of {rows}, {wrong[0]} is not finite.", "Look for a variance over rows.")


def all_trained(subject: RecipeSubject) -> None:
    """T5: parameters that two steps gave no gradient; a first one may leave what begins at zero without effect."""
    from aigc_core.train.checks import unused_parameters

    with kept():
        ready = training(subject, data_of(subject))
        idle: set[str] | None = None
        for _ in range(2):
            ready.advance()
            now = {*unused_parameters(ready.networks)}
            idle = now if idle is None else idle & now
        if idle:
            named = sorted(idle)
            raise Broken(
                f"No loss reaches {named[0]}.", "Use the layer, or set requires_grad to False.", parameters=named[:20]
            )


def logits(subject: RecipeSubject) -> None:
    """T9: what discriminators give in a step on images 1,000 times too large, with the weights of three seeds."""
    import torch

    data, found = data_of(subject), []
    with kept():
        for seed in range(3):
            ready = training(subject, data, seed=seed + 1)
            roles = [role for role, kind in ready.trainer.roles.items() if kind == "discriminators"]
            if not roles:
                raise Skipped("none of its networks is a discriminator")
            hooks = [
                ready.networks[role].register_forward_hook(lambda _, given, said: found.append(_first(said)))
                for role in roles
            ]
            ready.advance()
            assert ready.last is not None
            for net in ready.networks.values():
                net.eval()
            large = {
                name: value * 1000 if value.is_floating_point() else value for name, value in ready.last.batch.items()
            }
            with torch.no_grad():
                for _ in ready.trainer.step(large, ready.last.noise):
                    pass
            for hook in hooks:
                hook.remove()
    values = torch.cat(
        [each.detach().float().flatten() for each in found if each is not None] or [torch.tensor([-1.0])]
    )
    if values.min() >= 0 and values.max() <= 1:
        raise Broken(
            f"Of {len(values)} outputs of the discriminator all lie in [0, 1], "
            f"from {values.min():.3g} to {values.max():.3g}.",
            "Leave out the sigmoid at its end: losses take logits.",
        )


def _bare(ready: Training) -> None:
    """Run the trainer's step alone on the first batch."""
    from aigc_core.train.randomness import draw, seed_step

    seed_step(1, 0)
    noise = draw(ready.trainer.noise, BATCH)
    for _ in ready.trainer.step(ready.batches.batch(0), noise):
        pass


def _first(said: Any) -> torch.Tensor | None:
    """Return the logits among what a discriminator says: the tensor itself, or the first of several."""
    import torch

    if isinstance(said, torch.Tensor):
        return said
    parts = [*said.values()] if isinstance(said, dict) else [*said] if isinstance(said, (tuple, list)) else []
    return next((each for each in parts if isinstance(each, torch.Tensor)), None)
