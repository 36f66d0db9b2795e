"""S: samples are what the manifest says."""

from __future__ import annotations

from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import COUNT, made, noise, samples
from aigc_core.testing.verdict import Broken, Skipped

_MANY = 64


def are_declared(subject: ModelSubject) -> None:
    """S1: the core takes them; it compares kind, shape, type and range, and finds what is no number."""
    samples(subject.model)


def use_range(subject: ModelSubject) -> None:
    """S2: neither half of the declared range stays empty."""
    import numpy as np

    low, high = subject.model.manifest.output["range"]
    found = np.concatenate([np.ravel(each) for each in samples(subject.model, range(_MANY), batch=16)])
    middle = (low + high) / 2
    for empty, side in ((found.min() >= middle, "below"), (found.max() <= middle, "above")):
        if empty:
            raise Broken(
                f"No value of {_MANY} images lies {side} {middle:g}, the middle of [{low:g}, {high:g}]: "
                f"they go from {found.min():.3g} to {found.max():.3g}.",
                "Declare the range that the last layer has: tanh is [-1, 1], a sigmoid [0, 1].",
            )


def at_extremes(subject: ModelSubject) -> None:
    """S3: noise of zeros, and of the least and the largest numbers that the core can draw."""
    import numpy as np

    model = subject.model
    if not model.generator.noise:
        raise Skipped("the model takes no noise")
    # Box and Muller of 53 bits reach 8.6; float32 below 1 ends half a step before it.
    ends = {"normal": (0.0, -8.6, 8.6), "uniform": (0.0, 0.5, float(np.nextafter(np.float32(1), np.float32(0))))}
    for at, words in enumerate(("0", "the least", "the largest numbers")):
        given = {
            name: np.full_like(values, ends[model.generator.noise[name].distribution][at])
            for name, values in noise(model, range(COUNT)).items()
        }
        try:
            made(model, given)
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise Broken(f"From noise of {words} that can be drawn, no sample comes: {reason}.") from error
