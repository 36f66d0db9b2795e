"""Images to latents and back, a batch at a time: what encode, decode, reconstruct and interpolate compute.

Batches are those of ``given_images``, so decoding what was encoded gives a reconstruction to the bit. ``options`` have
been checked, here and below.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import Latents, Samples
from aigc_core.interfaces.autoencoder import ANY
from aigc_core.interfaces.samples import fault
from aigc_core.manifest.options import check
from aigc_core.run.batches import pad
from aigc_core.run.given_images import batches, black_image, checked_values, is_free, rows_at_once
from aigc_core.run.guarded import author, guarded
from aigc_core.run.latents import fault as latents_fault
from aigc_core.run.latents import shown
from aigc_core.run.model import Model

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.given_images import Images

Options = Mapping[str, Any]


def encoded(model: Model, images: Images, options: Options) -> Iterator[Latents]:
    """Yield the latents of images (c, h, w), each uint8 levels or float32 in the range of ``use.input``.

    Raises ``WrongUse`` for images that the model does not take, ``NotAvailable`` where the plugin's code fails.
    """
    for batch in batches(model, images):
        yield _encoded(model, checked_values(model, batch), options)


def decoded(model: Model, latents: np.ndarray, options: Options) -> Iterator[Samples]:
    """Yield the images of latents (n, \\*latent.shape). Raises as ``encoded`` does."""
    latents, shape = _checked(model, latents, options), model.manifest.output["shape"]
    for batch in batches(model, latents):
        yield _decoded(model, batch, options, [shape[0], None, None] if is_free(model) else shape)


def reconstructed(model: Model, images: Images, options: Options) -> Iterator[Samples]:
    """Yield the reconstructions of images, from the latents' means, as large as these. Raises as ``encoded`` does."""
    for batch in batches(model, images):
        latents = _encoded(model, checked_values(model, batch), options)
        yield _decoded(model, latents.values, options, [*batch[0].shape])


def interpolated(model: Model, ends: Sequence[np.ndarray], count: int, options: Options) -> Iterator[Samples]:
    """Yield ``count`` images from one of two images' reconstruction to the other's. Raises as ``encoded`` does."""
    import numpy as np

    check_ends(ends)
    one, other = joined([*encoded(model, ends, options)]).values
    for weights in batches(model, np.linspace(0, 1, count, dtype=np.float32)):
        padded = pad(weights, rows_at_once(model))
        found = guarded(model.entry, "interpolate with", partial(model.generator.between, one, other, padded))
        _judge(model, found, len(padded))
        yield _decoded(model, found[: len(weights)], options, [*ends[0].shape])


def check_ends(ends: Sequence[np.ndarray]) -> None:
    """Raise ``WrongUse`` where there is no way between two images, because their sizes differ."""
    if ends[0].shape != ends[1].shape:
        sizes = " and ".join(f"{image.shape[-1]} x {image.shape[-2]}" for image in ends)
        raise WrongUse(f"The two images come to {sizes} pixels, and there is a way only between two of one size.")


def check_sizes(images: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Raise ``WrongUse``, naming two, where images come to sizes whose latents one array cannot hold."""
    for image, name in zip(images, names, strict=True):
        if image.shape != images[0].shape:
            sizes = [f"{levels.shape[-1]} x {levels.shape[-2]}" for levels in (images[0], image)]
            message = f"{names[0]} comes to {sizes[0]} pixels and {name} to {sizes[1]}, so one file cannot hold both."
            raise WrongUse(message, "Encode images of one size at a time.")


def joined(parts: Sequence[Latents]) -> Latents:
    """Return latents of one shape that came in parts as one."""
    import numpy as np

    deviations = [part.deviation for part in parts if part.deviation is not None]
    values = np.concatenate([part.values for part in parts])
    return Latents(values, np.concatenate(deviations) if len(deviations) == len(parts) else None)


def settle(model: Model) -> None:
    """Encode and decode the smallest image that a model takes, black, as far as it can without being told more."""
    options = check({}, model.manifest.options, model.manifest.id)
    if callable(getattr(model.generator, "encode", None)):
        black = black_image(model)
        with contextlib.suppress(WrongUse):  # of a class, say, that it must be told
            latents = _encoded(model, checked_values(model, black), options, rows=1)
            if callable(getattr(model.generator, "decode", None)):
                _decoded(model, latents.values, options, [*black.shape[1:]], rows=1)


def _encoded(model: Model, values: np.ndarray, options: Options, rows: int = 0) -> Latents:
    size = rows or rows_at_once(model)
    found = guarded(model.entry, "encode with", lambda: model.generator.encode(pad(values, size), options))
    if not isinstance(found, Latents):
        raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} encoded to no Latents.")
    _judge(model, found.values, size)
    if found.deviation is not None:
        _judge(model, found.deviation, size, codes=0)
        if found.deviation.shape != found.values.shape or found.deviation.min() < 0:
            raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} made deviations that cannot be.")
        return Latents(found.values[: len(values)], found.deviation[: len(values)])
    return Latents(found.values[: len(values)])


def _decoded(
    model: Model, latents: np.ndarray, options: Options, shape: Sequence[int | None], rows: int = 0
) -> Samples:
    size = rows or rows_at_once(model)
    found = guarded(model.entry, "decode with", lambda: model.generator.decode(pad(latents, size), options))
    if reason := fault(found, size, {**model.manifest.output, "shape": [*shape]}):
        raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} made {reason}.")
    samples: Samples = found
    return samples._replace(values=samples.values[: len(latents)])


def _judge(model: Model, latents: Any, rows: int, codes: int | None = None) -> None:
    """Raise ``NotAvailable`` where what the plugin made are not the latents that it declares."""
    spec = model.generator.latent
    if reason := latents_fault(latents, (rows, *spec.shape), spec.codes if codes is None else codes):
        raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} made {reason}.")


def _checked(model: Model, latents: Any, options: Options) -> np.ndarray:
    """Return latents that somebody gave. Raises ``WrongUse`` where the model cannot decode them."""
    name, spec = model.manifest.id, model.generator.latent
    if not getattr(latents, "ndim", 0) or not len(latents):
        raise WrongUse(f"There are no latents; {name} takes an array of shape {shown((ANY, *spec.shape))}.")
    if reason := latents_fault(latents, (len(latents), *spec.shape), spec.codes):
        raise WrongUse(f"{name} cannot decode {reason}.")
    for size, most in zip(latents.shape[1:], _most(model, options), strict=True):
        if size > most:
            text = f"Latents of shape {list(latents.shape)} are of images that are too large for {name}"
            raise WrongUse(f"{text}: a side of a latent has at most {most}.")
    checked: np.ndarray = latents
    return checked


def _most(model: Model, options: Options) -> list[int]:
    """Return the largest sizes that a latent may have: those of the largest image that the model takes."""

    spec, taken = model.generator.latent, model.manifest.input
    if ANY not in spec.shape:
        return [*spec.shape]
    if not taken:
        raise NotAvailable(f"{model.manifest.id} says no use.input, so nobody knows how large its latents may be.")
    smallest = _encoded(model, checked_values(model, black_image(model)), options).values.shape[1:]
    steps = -(-taken["largest"] // taken["multiple"]) if None in taken["shape"] else 1
    return [least * steps if size == ANY else size for size, least in zip(spec.shape, smallest, strict=True)]
