"""T6 to T8: what a training's next step depends on."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from aigc_core.testing.kept import kept
from aigc_core.testing.practice import data_of, training
from aigc_core.testing.subjects import RecipeSubject
from aigc_core.testing.tensors import differing_tensors, same_bits, weights_of
from aigc_core.testing.verdict import Broken

if TYPE_CHECKING:
    from aigc_core.train.training import Training


def state(subject: RecipeSubject) -> None:
    """T6: two steps, out, into a training with another seed's weights, and a third: as three steps in a row."""
    data = data_of(subject)
    with kept():
        whole = training(subject, data)
        for _ in range(2):
            whole.advance()
        tensors, found = whole.state()
        tensors = {name: value.clone() for name, value in tensors.items()}
        try:
            text = json.dumps(found)
        except (TypeError, ValueError) as error:
            raise Broken(f"The state is not JSON: {error}.", "Tensors belong into TrainerState.tensors.") from None
        resumed = training(subject, data, seed=2)
        resumed.recipe["seed"] = whole.recipe["seed"]
        resumed.batches = whole.batches
        resumed.load_state(tensors, json.loads(text))
        _equal(whole, resumed, "after a state is restored")


def replays(subject: RecipeSubject) -> None:
    """T7: two trainings that begin alike go on alike."""
    data = data_of(subject)
    with kept():
        one, other = (training(subject, data) for _ in range(2))
        for _ in range(2):
            _equal(one, other, "of two trainings that began alike")


def measures(subject: RecipeSubject) -> None:
    """T8: ``measured`` leaves weights, buffers and the trainer's state."""
    from aigc_core.train.update import measured

    with kept():
        ready = training(subject, data_of(subject))
        ready.advance()
        assert ready.last is not None
        before = {name: value.clone() for name, value in ready.state()[0].items()}, json.dumps(ready.state()[1])
        measured(ready.trainer, ready.last, nullcontext())
        after = ready.state()
        moved = differing_tensors(before[0], after[0])
        if moved or json.dumps(after[1]) != before[1]:
            what = moved[0] if moved else "the trainer's state"
            raise Broken(
                f"A step that only measures changes {what}.",
                "Look at torch.is_grad_enabled() and at the train flag.",
                moved=moved[:20],
            )


def _equal(one: Training, other: Training, when: str) -> None:
    first, second = one.advance(), other.advance()
    if first.keys() != second.keys():
        raise Broken(f"The steps {when} report other terms.")
    terms = [name for name in first if not same_bits(first[name], second[name])]
    moved = differing_tensors(weights_of(one), weights_of(other))
    if terms or moved:
        raise Broken(
            f"The steps {when} differ: {', '.join([*terms, *moved][:3])}.",
            "Draw from torch's global generator, and return all that the next step depends on from state().",
            differing=[*terms, *moved][:20],
        )
