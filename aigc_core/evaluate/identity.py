"""What a score is of, as one line of text: two scores compare where these lines are equal, and nowhere else."""

from __future__ import annotations

import re
from typing import NamedTuple

from aigc_core.errors import WrongUse

_WORDS = {
    "metric": "the metric",
    "estimator": "the estimator",
    "n": "how many samples",
    "data": "the data",
    "training": "the training data",
    "extractor": "the extractor",
    "resize": "how images are resized",
}


class Identity(NamedTuple):
    """A score's id. Written out: ``core:kernel@estimator=unbiased.cubic/n=10000/data=...``; what is empty does not
    apply.
    """

    metric: str
    """``plugin:name``, and ``.value`` where the metric has several values."""
    estimator: str
    n: int
    """How many samples."""
    data: str = ""
    """The real data that they are compared with: name, part, how many, and the beginning of their sha256."""
    training: str = ""
    """The training data that they are compared with, in the same way."""
    extractor: str = ""
    """Its id and the beginning of its weights' sha256."""
    resize: str = ""
    """How samples come to the extractor's size."""

    def __str__(self) -> str:
        fields = [f"{name}={value}" for name, value in self._asdict().items() if name != "metric" and value != ""]
        return f"{self.metric}@{'/'.join(fields)}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read an id. Raises ``WrongUse`` where it is none of ours."""
        metric, at, rest = text.partition("@")
        fields = dict(part.partition("=")[::2] for part in rest.split("/"))
        whole = at and re.fullmatch(r"[a-z0-9-]+:[a-z0-9-]+(\.[a-z0-9-]+)?", metric)
        if not whole or fields.keys() - set(cls._fields) or not fields.get("n", "").isdecimal():
            raise WrongUse(f"{text} is no id of a score.", "Such as: core:kernel@estimator=unbiased.cubic/n=10000")
        n = int(fields.pop("n"))
        return cls(metric, fields.pop("estimator", ""), n, **fields)


def differences(one: Identity, other: Identity) -> list[str]:
    """Return what keeps two scores from being compared, each in a few words."""
    pairs = zip(Identity._fields, one, other, strict=True)
    return [f"{_WORDS[name]} ({a or 'none'}, {b or 'none'})" for name, a, b in pairs if a != b]


def check_equal(one: Identity, other: Identity) -> None:
    """Raise ``WrongUse``, naming what differs, where two scores do not compare."""
    if found := differences(one, other):
        text = f"{one.metric} and {other.metric} do not compare: they differ in {' and '.join(found)}"
        raise WrongUse(f"{text}.", "Measure both in one way: aigc-zoo eval --compare A B")
