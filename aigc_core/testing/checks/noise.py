"""N: a sample is a function of its own noise."""

from __future__ import annotations

from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import COUNT, apart, differing, made, noise, samples, usual
from aigc_core.testing.verdict import Broken, Skipped


def replays(subject: ModelSubject) -> None:
    """N1: twice from one model, and once from another that is opened like it."""
    first = samples(subject.model)
    for again, whose in (
        (samples(subject.model), "made again"),
        (samples(subject.opened()), "of a model opened again"),
    ):
        if wrong := differing(first, again):
            at = wrong[0]
            raise Broken(
                f"Sample {at} of seed 0, {whose}, is another one: {apart(first[at], again[at])}.",
                "Take every random number from the noise that generate is given.",
                samples=wrong,
            )


def rows_alone(subject: ModelSubject) -> None:
    """N2: the same samples in another order, among others, in a batch of the same size."""
    first = dict(enumerate(samples(subject.model, range(COUNT))))
    for order in ([*range(COUNT)][::-1], [0, COUNT + 5, 1, COUNT + 6]):
        again = samples(subject.model, order)
        for row, number in enumerate(order):
            if number in first and differing([first[number]], [again[row]]):
                raise Broken(
                    f"Sample {number} of seed 0 is another one in row {row} of the batch {order}: "
                    f"{apart(first[number], again[row])}.",
                    "Compute nothing over the batch: no mean, no norm, no sort, no counter.",
                )


def batch_sizes(subject: ModelSubject) -> None:
    """N3: one noise in every row of batches of 1, 2 and 5, so that only their size differs."""
    import numpy as np

    model, row = subject.model, {name: values[:1] for name, values in noise(subject.model).items()}
    if not row:
        raise Skipped("the model takes no noise")
    sizes = (2, 1, 5)
    found = [made(model, {name: np.repeat(values, size, axis=0) for name, values in row.items()})[0] for size in sizes]
    for size, other in zip(sizes[1:], found[1:], strict=True):
        if _differ(subject, found[0], other):
            raise Broken(
                f"A sample of seed 0 is another one in a batch of {size} than in one of 2: {apart(found[0], other)}.",
                "A lone row often takes another path: compute it as two, and drop one.",
            )


def _differ(subject: ModelSubject, one: object, other: object) -> bool:
    """Say whether two samples differ by more than batch sizes may: one 8-bit level of an image."""
    if isinstance(one, str):
        return one != other
    import numpy as np

    low, high = subject.model.manifest.output["range"]
    away = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).max()
    return bool(away > (high - low) / 255)


def has_effect(subject: ModelSubject) -> None:
    """N4: one input at a time is another's; at least one of the samples moves."""
    model = subject.model
    given, other = noise(model), noise(model, seed=1)
    plain = made(model, given)
    if not given:
        raise Broken("The model takes no noise, so all its samples are the same.", "Declare noise, and use it.")
    for name in given:
        if not differing(plain, made(model, {**given, name: other[name]})):
            raise Broken(
                f"Other numbers for the noise {name} change none of {COUNT} samples.",
                f"Use {name}, or do not declare it.",
            )


def left_alone(subject: ModelSubject) -> None:
    """N5: the arrays hold the same bytes after as before."""
    given = noise(subject.model)
    before = {name: values.copy() for name, values in given.items()}
    made(subject.model, given, usual(subject.model))
    for name, values in given.items():
        if values.tobytes() != before[name].tobytes():
            raise Broken(f"generate wrote into the noise {name}.", "Work on a copy of it.")
