"""Images to what a ``Translator`` makes of them, a batch at a time. ``options`` have been checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import Samples
from aigc_core.interfaces.samples import fault
from aigc_core.manifest.options import check
from aigc_core.run.batches import pad
from aigc_core.run.given_images import batches, black_image, checked_values, is_free, rows_at_once
from aigc_core.run.guarded import author, guarded
from aigc_core.run.model import Model

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.given_images import Images


def translated(model: Model, images: Images, options: Mapping[str, Any]) -> Iterator[Samples]:
    """Yield what images (c, h, w) become, each uint8 levels or float32 in the range of ``use.input``.

    Raises ``WrongUse`` for images that the model does not take, ``NotAvailable`` where the plugin's code fails.
    """
    for batch in batches(model, images):
        yield _translated(model, checked_values(model, batch), options, rows_at_once(model))


def settle(model: Model) -> None:
    """Translate the smallest image that a model takes, black, as far as it can without being told more."""
    options = check({}, model.manifest.options, model.manifest.id)
    with contextlib.suppress(WrongUse):
        _translated(model, checked_values(model, black_image(model)), options, 1)


def _translated(model: Model, values: np.ndarray, options: Mapping[str, Any], size: int) -> Samples:
    found = guarded(model.entry, "translate with", lambda: model.generator.translate(pad(values, size), options))
    made = model.manifest.output
    shape = [made["shape"][0], *values.shape[2:]] if is_free(model) else made["shape"]
    if reason := fault(found, size, {**made, "shape": shape}):
        raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} made {reason}.")
    samples: Samples = found
    return samples._replace(values=samples.values[: len(values)])
