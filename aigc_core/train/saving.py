"""A run's checkpoints: what of the loop goes into them beside the training's own state, and which may be taken up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import Refused
from aigc_core.train import checkpoint
from aigc_core.train.environment import differences
from aigc_core.train.recipe import Recipe
from aigc_core.train.training import Training

FREE = ("budget", "checkpoint", "samples", "evaluate", "summary", "licence", "dtype")
"""Parts of a recipe that no step depends on: they may differ when a run goes on."""


def save(training: Training, folder: Path, rest: Mapping[str, Any]) -> None:
    """Write the checkpoint of the step that was last taken; every rank calls it, the first one writes.

    ``rest`` is the loop's own state, as JSON. Raises as ``checkpoint.write`` does.
    """
    tensors, state = training.state()
    if training.ranks.first:
        whole = {"recipe": training.recipe, "training": state, **rest}
        checkpoint.write(folder / "checkpoints", training.step, tensors, whole, training.recipe["checkpoint"]["keep"])


def take_up(
    training: Training, folder: Path, now: Mapping[str, Any], say: Callable[[str], None]
) -> dict[str, Any] | None:
    """Restore a training from the newest whole checkpoint and return the loop's state in it; None where there is none.

    ``now`` is the numeric environment; ``say`` hears what of it has changed. Raises ``Refused`` where the checkpoint is
    that of another recipe or of other data.
    """
    found = checkpoint.newest(folder / "checkpoints", say)
    if found is None:
        return None
    tensors, state = found
    if missing := {"recipe", "record", "training", "window", "seconds", "log"} - state.keys():
        raise Refused(f"The checkpoint in {folder} is none of a run: it has no {sorted(missing)[0]}.")
    then = _fixed(state["recipe"])
    if changed := [name for name, value in _fixed(training.recipe).items() if then.get(name) != value]:
        text = f"The checkpoints in {folder} are those of another recipe: {', '.join(changed)} differ."
        raise Refused(text, "Leave the change out, or start another run: aigc-zoo train RECIPE --out DIR")
    if state["record"]["data"] != training.data.identity:
        raise Refused(
            f"The data are not those that the run in {folder} began with.", "Say where those are: --data PATH"
        )
    if unlike := differences(state["record"]["environment"], now):
        say(f"The result will not equal that of an unbroken run to the bit: {'; '.join(unlike)}.")
    try:
        training.load_state(tensors, state["training"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"The checkpoint in {folder} does not fit its recipe: {error}.") from error
    return state


def _fixed(recipe: Recipe) -> dict[str, Any]:
    """Return the part of a recipe that steps depend on."""
    fixed = {name: dict(value) if isinstance(value, dict) else value for name, value in recipe.items()}
    for name in FREE:
        fixed.pop(name, None)
    fixed["data"].pop("folder", None)
    fixed["compute"].pop("threads", None)  # a change of the environment, which is told
    return fixed
