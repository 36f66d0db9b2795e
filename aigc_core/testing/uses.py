"""Everything that a model can do, done once: what a clause about side effects looks at."""

from __future__ import annotations

import contextlib

from aigc_core.errors import ZooError
from aigc_core.run.model import Model
from aigc_core.testing.images import images, needed
from aigc_core.testing.using import prompt, samples, usual


def everything(model: Model) -> None:
    """Make samples, with each option at some value; encode, decode, translate, interpolate and score."""
    able = {*model.manifest.capabilities}
    if "generate" in able:
        samples(model)
        for name, entry in model.manifest.options.get("properties", {}).items():
            value = next((entry[key] for key in ("maximum", "minimum", "default") if key in entry), None)
            if value is not None and name not in usual(model):  # what goes wrong with it, O2 tells
                with contextlib.suppress(ZooError):
                    samples(model, range(1), options=usual(model) | {name: value})
    if model.manifest.input:
        _of_images(model, able)
    if model.language:
        model.language.score((prompt(model) or "") + samples(model, range(1))[0])


def _of_images(model: Model, able: set[str]) -> None:
    import numpy as np

    given, options = images(model, 3), needed(model)
    if "translate" in able:
        model.translate(given, **options)
    if able & {"encode", "reconstruct"}:
        model.encode(given, **options) if "encode" in able else model.reconstruct(given, **options)
    if "reconstruct" in able:
        model.reconstruct(given, **options)
    if "interpolate" in able and not model.manifest.interpolates_samples:
        model.interpolate(given[0], given[1], 3, **options)
    if "score" in able:
        labels = np.zeros(len(given), np.int64)
        draws = np.zeros((len(given), 2, *model.generator.draw.shape), np.float32)
        model.generator.log_weights(given, labels, draws)
