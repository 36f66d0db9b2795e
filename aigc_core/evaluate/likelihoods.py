"""What a model says of held-out data: -ln p of each item, and what that is divided by."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aigc_core.errors import WrongUse
from aigc_core.evaluate.reference import Reference

if TYPE_CHECKING:
    from aigc_core.run.model import Model

DRAWS = 200
"""Latents of each image, where the likelihood is estimated."""


def said_by(model: Model, data: Reference, count: int, path: str | None) -> dict[str, Any]:
    """Return the inputs of a metric of likelihood (``OF_LIKELIHOOD``), of ``count`` held-out items.

    ``path`` is where the model's data are. Raises ``WrongUse`` where the model scores nothing, or the data have no part
    that it has not learned from.
    """
    if not data.held_out:
        raise WrongUse(
            f"The data of {model.manifest.id} have no held-out part, so a likelihood would be of known data."
        )
    return (
        _of_texts(model, data, count)
        if model.manifest.output["kind"] == "text"
        else _of_images(model, data, count, path)
    )


def _of_texts(model: Model, data: Reference, count: int) -> dict[str, Any]:
    import numpy as np

    from aigc_core.run.guarded import guarded
    from aigc_core.run.speak import language_model

    language, texts = language_model(model, "score texts"), data.some_real(count).texts
    scores = [guarded(model.entry, "score a text with", partial(language.score, text)) for text in texts]
    return {
        "nats": np.array([-np.sum(each.logprobs, dtype=np.float64) for each in scores]),
        "tokens": np.array([len(each.logprobs) for each in scores], np.int64),
        "bytes": np.array([len(text.encode()) for text in texts], np.int64),
    }


def _of_images(model: Model, data: Reference, count: int, path: str | None) -> dict[str, Any]:
    from aigc_core.estimate import Asked, score
    from aigc_core.estimate.sources import density_of, of_recipe
    from aigc_core.run.guarded import guarded

    density = density_of(model)
    asked = Asked("exact" if density.exact else "nll", DRAWS, 1)
    about, batches = of_recipe(model.entry, path, data.part, count)
    given_class = "class" in model.manifest.options.get("properties", {})  # ln p(x | class) is another number
    found = guarded(model.entry, "score images with", lambda: score(density, batches, asked, about))
    return {
        "nats": found.values.mean(0),
        "dimensions": found.dimensions,
        "estimator": ("exact" if density.exact else f"importance-{DRAWS}") + (".given-class" if given_class else ""),
        "pixels": found.kind,
    }
