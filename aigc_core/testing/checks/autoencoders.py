"""A: encoding, decoding and translating, an image a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from aigc_core.manifest.options import check
from aigc_core.run.given_images import is_free
from aigc_core.testing.images import images, needed
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import apart
from aigc_core.testing.verdict import Broken

if TYPE_CHECKING:
    import numpy as np

    Verb = tuple[str, Callable[[np.ndarray], Any], np.ndarray]

_ROWS = 4


def latents(subject: ModelSubject) -> None:
    """A1: the core takes them; it compares them with ``latent``."""
    _latents(subject)


def images_made(subject: ModelSubject) -> None:
    """A2: the core takes the images of decode and translate; it compares them with ``use.output``."""
    model = subject.model
    options = needed(model)
    if "translate" in subject.facts:
        model.translate(images(model, 2), **options)
    if {"decode", "reconstruct"} & subject.facts:
        _decoded(subject)


def ends(subject: ModelSubject) -> None:
    """A3: weights 0 and 1 give the latents themselves, to the bit, and a weight between gives another."""
    import numpy as np

    one, other = _latents(subject)[:2]
    found = subject.model.generator.between(one, other, np.array([0, 0.5, 1], np.float32))
    for at, (wanted, word) in {0: (one, "first"), 2: (other, "second")}.items():
        if not np.array_equal(found[at], wanted):
            raise Broken(
                f"At weight {at // 2}, the way is not at the {word} latent: {apart(wanted, found[at])}.",
                "Give the ends as they were given.",
            )


def rows_alone(subject: ModelSubject) -> None:
    """A4: rows in another order, and beside others, in a batch of the same size."""
    import numpy as np

    for verb, work, given in _verbs(subject):
        first = _values(work(given))
        order = [3, 1, 0, 2][: len(given)]
        again = _values(work(given[order]))
        strangers = _values(work(np.concatenate([given[:1]] * len(given))))
        for row, number in enumerate(order):
            if first[number].tobytes() != again[row].tobytes() and not _near(subject, first[number], again[row]):
                raise Broken(
                    f"{verb} makes something else of row {number} in row {row}: {apart(first[number], again[row])}.",
                    "Compute nothing over the batch.",
                )
        if not _near(subject, first[0], strangers[0]):
            raise Broken(
                f"{verb} makes something else of row 0 beside others: {apart(first[0], strangers[0])}.",
                "Compute nothing over the batch.",
            )


def left_alone(subject: ModelSubject) -> None:
    """A5: the arrays hold the same bytes after as before."""
    for verb, work, given in _verbs(subject):
        before = given.copy()
        work(given)
        if before.tobytes() != given.tobytes():
            raise Broken(f"{verb} wrote into the array that it was given.", "Work on a copy of it.")


def have_effect(subject: ModelSubject) -> None:
    """A6: of different rows, not all results are the same."""
    for verb, work, given in _verbs(subject):
        found = _values(work(given))
        if len({each.tobytes() for each in found}) == 1:
            raise Broken(
                f"{verb} makes the same of {len(given)} different rows.", "Look at what the result is computed from."
            )


def _verbs(subject: ModelSubject) -> Iterator[Verb]:
    """Yield each verb with the plugin's own method and rows for it: one at a time where the core does so."""
    model, able = subject.model, subject.facts
    options = check(needed(model), model.manifest.options, model.manifest.id)
    rows, generator = images(model, _ROWS), model.generator

    def one_by_one(work: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
        return (lambda given: [work(given[at : at + 1]) for at in range(len(given))]) if is_free(model) else work

    if "translate" in able:
        yield "translate", one_by_one(lambda given: generator.translate(given, options)), rows
    if "encode" in able:
        yield "encode", one_by_one(lambda given: generator.encode(given, options)), rows
    if {"encode", "decode"} <= able or "reconstruct" in able:
        yield "decode", one_by_one(lambda given: generator.decode(given, options)), _latents(subject)


def _latents(subject: ModelSubject) -> np.ndarray:
    """Return the latents of some images, through the core, which judges them."""
    from aigc_core.run import autoencode

    model = subject.model
    options = check(needed(model), model.manifest.options, model.manifest.id)
    return autoencode.joined([*autoencode.encoded(model, images(model, _ROWS), options)]).values


def _decoded(subject: ModelSubject) -> None:
    from aigc_core.run import autoencode

    model = subject.model
    if "encode" in subject.facts:
        options = check(needed(model), model.manifest.options, model.manifest.id)
        for _ in autoencode.decoded(model, _latents(subject), options):
            pass


def _values(made: Any) -> np.ndarray:
    import numpy as np

    return np.concatenate([each.values for each in made]) if isinstance(made, list) else made.values


def _near(subject: ModelSubject, one: np.ndarray, other: np.ndarray) -> bool:
    """Say whether two rows are the same as kernels count that choose their order by the place in a batch."""
    import numpy as np

    if one.dtype.kind in "iu":
        return bool((one == other).all())
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-5))
