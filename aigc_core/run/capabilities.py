"""What a model is able to do, by its manifest's word, and whether the object that its plugin opens keeps that word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from aigc_core import registry
from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import LatentSpec, NoiseSpec
from aigc_core.interfaces.autoencoder import ANY
from aigc_core.interfaces.language_model import LanguageModel
from aigc_core.manifest import ModelManifest
from aigc_core.manifest.model import TAKES_IMAGES

_NAMED = 6
"""How many of the other models are named."""
_METHODS = {
    "generate": ("generate",),
    "reconstruct": ("encode", "decode"),
    "interpolate": ("encode", "decode", "between"),
    "translate": ("translate",),
    "encode": ("encode",),
    "decode": ("decode",),
    "features": ("features",),
}
_WITH_LATENTS = {"reconstruct", "interpolate", "encode", "decode"}
_WORDS = {
    "generate": "make samples from noise",
    "interpolate": "interpolate",
    "decode": "decode latents",
    "score": "say how likely an image is",
    "features": "give an image's features",
}
_EXAMPLES = {
    "reconstruct": "reconstruct {} IMAGE",
    "interpolate": "interpolate {} A B",
    "translate": "translate {} IMAGE",
    "encode": "encode {} IMAGE",
    "decode": "decode {} LATENTS",
}


def require(manifest: ModelManifest, capability: str, called: str = "") -> None:
    """Raise ``WrongUse`` where a model is not able to do something; it says what the model and which others can do.

    ``called`` is what the user typed for the model, where it is not its id; ``score`` is that of images. Raises
    ``NotAvailable`` where the model is said to take images and its manifest does not say which.
    """
    able, name = manifest.capabilities, manifest.id
    if capability in able:
        between_samples = capability == "interpolate" and manifest.interpolates_samples
        if capability in (*TAKES_IMAGES, "score") and not manifest.input and not between_samples:
            raise NotAvailable(
                f"{name} is said to {capability}, but its manifest has no use.input, so no image fits it."
            )
        return
    if capability == "generate" and _EXAMPLES.keys() & {*able}:
        hint = f"Try: aigc-zoo {example(able, called or name)}"
        reason = "has no prior, so it" if _WITH_LATENTS & {*able} else "turns images into others, and"
        raise WrongUse(f"{name} {reason} makes nothing from noise.", hint)
    words = _WORDS.get(capability, f"{capability} images")
    can = f"it can {' and '.join(able)}" if able else "its manifest names nothing that it can do"
    others, more = able_to(capability), ""
    if len(others) > _NAMED:
        others, more = others[:_NAMED], f" and {len(others) - _NAMED} more"
    shown = (", ".join(others) or "none that is listed here") + more
    raise WrongUse(f"{name} does not {words}; {can}.", f"Models that can: {shown}.")


def example(able: Collection[str], named: str) -> str:
    """Return what to type after ``aigc-zoo`` to see what a model with those capabilities does."""
    if "generate" in able:
        return f"run {named}"
    return next((words.format(named) for verb, words in _EXAMPLES.items() if verb in able), f"show {named}")


def able_to(capability: str) -> list[str]:
    """Return the ids of the listed models that have a capability, those that can be run at once first.

    Of ``score``, those that score images.
    """
    found = [entry for entry in registry.entries() if entry.manifest and capability in entry.manifest.capabilities]
    if capability == "score":
        found = [entry for entry in found if entry.manifest and entry.manifest.input]
    found.sort(key=lambda entry: [entry.state != "ready", entry.state not in registry.RUNNABLE])
    return list(dict.fromkeys(entry.id for entry in found))


def fault(opened: Any, manifest: ModelManifest) -> str:
    """Return what keeps an object from being what a manifest promises, or an empty string."""
    if not all(isinstance(getattr(opened, name, None), str) for name in ("engine", "dtype")):
        return "has no engine and dtype as text"
    if "generate" in manifest.capabilities and (reason := _noise_fault(opened)):
        return reason
    able = list(manifest.capabilities)
    if manifest.interpolates_samples:  # through its noise, which is the core's work
        able.remove("interpolate")
    for capability in able:
        for method in _METHODS.get(capability, ()):
            if not callable(getattr(opened, method, None)):
                return f"has no {method}, and its manifest says that it can {capability}"
    if _WITH_LATENTS.intersection(able) and not _is_latent(getattr(opened, "latent", None)):
        return "has no LatentSpec as latent with sizes from 1 up"
    return ""


def _noise_fault(opened: Any) -> str:
    noise = getattr(opened, "noise", None)
    if not isinstance(noise, Mapping) or not all(isinstance(spec, NoiseSpec) for spec in noise.values()):
        return "has no map of NoiseSpec as noise"
    if not all(type(size) is int and size > 0 for spec in noise.values() for size in spec.shape):
        return "has noise of a shape that cannot be"
    specs = [(len(spec.shape), spec.distribution) for spec in noise.values()]
    if isinstance(opened, LanguageModel) and specs != [(1, "uniform")]:
        return "has other noise than the one row of uniforms that tokens are chosen by"
    return ""


def _is_latent(spec: Any) -> bool:
    return (
        isinstance(spec, LatentSpec)
        and isinstance(spec.shape, tuple)
        and all(type(size) is int and (size > 0 or size == ANY) for size in spec.shape)
        and type(spec.codes) is int
        and spec.codes >= 0
    )
