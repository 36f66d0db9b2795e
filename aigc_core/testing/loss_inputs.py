"""Inputs for a loss, by the names under which losses ask for them: what a trainer would have computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.manifest.read import Malformed, read_object
from aigc_core.testing.registered import subjects
from aigc_core.testing.subjects import Component, RecipeSubject
from aigc_core.testing.verdict import Broken, Skipped

if TYPE_CHECKING:
    import torch

ROWS, CLASSES, TOKENS = 6, 4, 5
_UNKNOWN = ((ROWS, 1), (ROWS, 4), (ROWS,), (ROWS, 1, 4, 4), ())


def built(subject: Component) -> Any:
    """Return a loss with its defaults or, where it has none, with the config of a recipe of the same plugin."""
    kind = subject.load()
    try:
        return kind()
    except TypeError as error:
        for config in _configs(subject):
            return kind(**config)
        raise Skipped(f"it cannot be built without arguments ({error}), and no recipe of the plugin uses it") from None


def inputs(loss: Any, network: str) -> dict[str, torch.Tensor]:
    """Return inputs that one network's part of a loss takes, each with a gradient.

    Raises ``Broken`` where it takes none of those that are tried for names that the kit does not know.
    """
    import torch

    names = loss.networks[network]
    unknown = [name for name in names if _known(name, names) is None]
    last: Exception | None = None
    for shape in _UNKNOWN[: len(_UNKNOWN) if unknown else 1]:
        random = torch.Generator().manual_seed(0)
        found = {}
        for name in names:
            make = _known(name, names)
            values = make(random) if make else torch.randn(shape, generator=random)
            found[name] = values.requires_grad_() if values.is_floating_point() else values
        try:
            loss(network, found)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            last = error
            continue
        return found
    reason = " ".join(str(last).split())[:200]
    text = f"The part of {network} takes none of the inputs that were tried for {', '.join(names)}: {reason}."
    raise Broken(text, "Name the inputs as docs/clauses.md does, or expect this failure with that reason.")


def _configs(subject: Component) -> list[Mapping[str, Any]]:
    found = []
    for each in subjects(subject.plugin):
        if isinstance(each, RecipeSubject):
            try:
                losses = read_object(each.path).get("losses", {}).values()
            except (Malformed, AttributeError):
                continue
            use = f"{subject.plugin.name}:{subject.name}"
            found += [spec.get("config", {}) for spec in losses if isinstance(spec, dict) and spec.get("use") == use]
    return found


def _known(name: str, beside: tuple[str, ...]) -> Any:
    """Return what makes an input of that name, or None."""
    import torch

    def normal(*shape: int) -> Any:
        return lambda random: torch.randn(shape, generator=random)

    def classes(*shape: int, of: int = CLASSES) -> Any:
        return lambda random: torch.randint(0, of, shape, generator=random)

    def below(*shape: int) -> Any:
        return lambda random: -torch.rand(shape, generator=random) - 0.1

    draws = (ROWS, 3) if {"divergence", "log_weights"} & {*beside} else (ROWS,)
    exact = {
        "logits": normal(ROWS, TOKENS, CLASSES) if "targets" in beside else normal(ROWS, 1),
        "targets": classes(ROWS, TOKENS),
        "code_class": classes(ROWS),
        "code_values": normal(ROWS, 2),
        "code_mean": normal(ROWS, 2),
        "code_log_variance": normal(ROWS, 2),
        "log_likelihood": below(*draws),
        "log_weights": below(ROWS, 3),
        "log_prior": below(ROWS, 4),
        "divergence": lambda random: torch.rand((ROWS, 5), generator=random),
        "warmth": lambda random: torch.tensor(1.0),
        "mean": normal(ROWS, 5),
        "log_variance": normal(ROWS, 5),
    }
    endings = {
        "class_logits": normal(ROWS, CLASSES),
        "logits": normal(ROWS, 1),
        "labels": classes(ROWS),
        "gradients": normal(ROWS, 7),
        "features": normal(ROWS, 7),
    }
    return exact.get(name) or next((make for end, make in endings.items() if name.endswith(end)), None)
