"""Which images a score is of: their name, their binarisation, which of them; and whether a model was made for such."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

WHOLE = "test"
"""The part of a data set that a score is of where nothing else is said."""
_CALLED = {"none": "grey", "dynamic": "black and white (drawn from grey)", "fixed": "black and white"}


class Batch(NamedTuple):
    """Some images of a data set."""

    rows: Sequence[int]
    """Their places in it, each in [0, 2**28): what their noise is drawn by."""
    images: np.ndarray
    """float32 (n, c, h, w), in the range of the model's ``use.input``."""
    labels: np.ndarray | None = None
    """int64 (n,), where the model is given an image's class."""


class Data(NamedTuple):
    """The identity of the images that are scored."""

    name: str
    """The data set's id, such as ``binarized-mnist``."""
    binarise: str = "none"
    """``none``, ``dynamic`` or ``fixed``, as ``data.binarise`` of a recipe."""
    part: str = WHOLE
    scored: int = 0
    """How many images were scored; 0 before they are."""
    of: int = 0
    """How many that part has."""
    sha256: str = ""
    """Of the images as the model was given them, in the order of their rows."""

    def id(self, kind: str) -> str:
        """Return what tells these images from others; ``kind`` is what pixels are to the model (``Score.kind``)."""
        words = [self.name, kind if self.binarise == "none" else self.binarise]
        words += [kind] if self.binarise != "none" and kind != "levels" else []
        words += [self.part] if self.part != WHOLE else []
        words += [f"{self.scored}-of-{self.of}"] if self.scored != self.of else []
        return ".".join(words)


def check_binarise(model: str, trained: str, given: str) -> None:
    """Raise ``WrongUse`` where images are grey and the model was trained on black and white, or the other way round.

    ``trained`` and ``given`` are ways of binarisation. Fixed and dynamic are both black and white: a model of one may
    be scored on the other, under an id that says on which.
    """
    if (trained == "none") != (given == "none"):
        text = f"{model} was trained on images that are {_CALLED[trained]}, and these are {_CALLED[given]}"
        raise WrongUse(f"{text}: its likelihood of them means nothing.", "Score it on data like its own: --data PATH")


def is_binary(images: np.ndarray, low: float, high: float) -> bool:
    """Say whether every pixel is at one end of the range."""
    return bool(((images == low) | (images == high)).all())


def chosen(count: int, of: int) -> list[int]:
    """Return ``count`` places of ``of`` rows: the first of a shuffle that is always the same, in their own order.

    Never the first rows: data are often sorted. Of two counts, the smaller one's rows are among the larger one's.
    """
    import numpy as np

    from aigc_core.interfaces import NoiseSpec
    from aigc_core.run.noise import draw

    if count >= of:
        return list(range(of))
    keys = draw({"chosen": NoiseSpec((), "uniform")}, 0, range(of))["chosen"]
    places: list[int] = np.sort(np.argsort(keys, kind="stable")[:count]).tolist()
    return places
