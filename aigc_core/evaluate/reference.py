"""The real data that samples are compared with: held out where the data have such a part, and what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import Refused, WrongUse
from aigc_core.evaluate.data_spec import HELD_OUT, spec_of
from aigc_core.evaluate.judge import SHORT, Judge
from aigc_core.evaluate.views import Views, shuffled
from aigc_core.registry import Entry

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.train.data.rows import Rows

_AT_ONCE = 2000
DRAWS = 3
"""The floor is the mean over so many draws: of one, a Frechet distance can be half as large again as of another."""


class Reference(NamedTuple):
    """Real data, with the judge that looks at them."""

    name: str
    """The data set's id, such as ``fashion-mnist``."""
    part: str
    """Which part ``real`` is: ``test``, ``validation``, or ``training`` where the data have no other."""
    real: Views
    training: Views
    unbroken: Views | None = None
    """The training data of a stream as one text, so that no passage is lost between two pieces of ``training``."""

    @property
    def known(self) -> Views:
        """What samples can be copies of."""
        return self.training if self.unbroken is None else self.unbroken

    @property
    def held_out(self) -> bool:
        """The model has not learned from ``real``."""
        return self.part != "training"

    def some_real(self, count: int) -> Views:
        """Return ``count`` of the real rows, or all: never just the first."""
        return self.real.sample(count)

    def stand_ins(self, count: int, looks_at_training: bool) -> list[tuple[Views, Views]]:
        """Return pairs of real rows in the samples' place and real rows beside them, for the floor.

        The first are training rows. Where the metric compares with these, or there are no others, both are halves of
        the real rows.
        """
        if self.held_out and not looks_at_training:
            draws = range(max(1, min(DRAWS, len(self.training) // count)))
            return [(self.training.sample(count, draw), self.some_real(count)) for draw in draws]
        order = shuffled(len(self.real))
        halves = [self.real.some(sorted(order[start::2][:count])) for start in (0, 1)]
        return [(halves[0], halves[1])]

    @property
    def training_tag(self) -> str:
        """Return what a score's id says of the training data."""
        return f"{self.name}.{len(self.training)}.{self.training.sha256[:SHORT]}"

    def tag(self, count: int) -> str:
        """Return what a score's id says of the real data."""
        some = self.some_real(count)
        return f"{self.name}.{self.part}.{len(some)}.{some.sha256[:SHORT]}"


def reference_of(entry: Entry, path: str | None, judge: Judge | None, *, readers: bool = True) -> Reference:
    """Return the data that a model is judged on: what its recipe names, with the test that the core knows of it.

    ``path`` is where they are, None where the recipe says it. Without ``readers``, no plugin's code is used to read
    them: for whoever does not trust the model's. Raises ``WrongUse`` where the model names no data,
    ``NotAvailable`` where they are not there, ``Refused`` where they are not those that are pinned.
    """
    from aigc_core.train.begin import data_path

    spec = spec_of(entry)
    place = data_path({"data": spec}, path)
    assert entry.manifest is not None
    if not readers and ":" in (kind := str(spec["source"].get("kind"))):
        text = f"The data of {entry.id} are read by a plugin's code, {kind}, which is not trusted here"
        raise Refused(f"{text}.", "Name data in a form that the core reads: idx, folder, parquet, text or jsonl.")
    if entry.manifest.output["kind"] == "text":
        from aigc_core.evaluate.reference_texts import texts_reference

        return texts_reference(spec, place)
    return _images(spec, place, judge)


def images_reference(name: str, part: str, real: np.ndarray, training: np.ndarray, judge: Judge | None) -> Reference:
    """Return images (n, c, h, w), uint8, that somebody has as a reference."""
    return Reference(name, part, Views(real, judge), Views(training, judge))


def no_reference(judge: Judge | None) -> Reference:
    """Return no data at all: for metrics that look at none, which then have no floor."""
    return Reference("", "training", Views([], judge), Views([], judge))


def _images(spec: Mapping[str, Any], place: str | None, judge: Judge | None) -> Reference:
    from aigc_core.hub.names import model_id
    from aigc_core.train.build import component
    from aigc_core.train.data.read import read

    whole = {**spec, "range": [0, 255]}
    found = read(whole, place, lambda use: component("datasets", use))
    parts = {"test": found.test, "validation": found.validation}
    part = next((name for name in HELD_OUT if parts[name] is not None), "training")
    training = Views(_levels(found.train, whole), judge)
    held_out = parts.get(part)
    real = training if held_out is None else Views(_levels(held_out, whole), judge)
    return Reference(model_id(spec["name"]), part, real, training)


def _levels(rows: Rows, spec: Mapping[str, Any]) -> np.ndarray:
    import numpy as np
    import torch

    from aigc_core.train.data.batches import held_out_rows

    batches = torch.split(torch.arange(len(rows)), _AT_ONCE)
    found = [held_out_rows(rows, spec, each) for each in batches]
    if "images" not in found[0]:
        raise WrongUse("The model makes images, and its recipe reads texts.")
    return np.concatenate([each["images"].round().to(torch.uint8).numpy() for each in found])
