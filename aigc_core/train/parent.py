"""The model that a training begins with: found, verified, its licence checked, and what is taken from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core import plugins
from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces.parent import Tokens
from aigc_core.weights import load_module

if TYPE_CHECKING:
    import torch

    from aigc_core.train.recipe import Recipe

FREE = {"dropout"}
"""What a network may have otherwise than the model whose weights it takes."""


class Begun(NamedTuple):
    """What is known of the model before any network is built."""

    name: str
    """What the record calls it."""
    use: str
    """The network that its weights fit, as ``plugin:name``."""
    config: Mapping[str, Any]
    tokens: Tokens | None
    beside: Mapping[str, Path]
    """Files that go with what is trained from it."""
    load: Callable[[Callable[[], torch.nn.Module]], torch.nn.Module]


def begin(name: str, accept_licence: bool = False, say: Callable[[str], None] = lambda text: None) -> Begun:
    """Find and verify a model: an installed one, a run's folder or a repository on the Hub.

    Raises what ``run`` raises for it: ``WrongUse``, ``NotAvailable`` and, for files that cannot be trusted or weights
    without a licence, ``Refused``.
    """
    from aigc_core.hub.choose import CONFIG
    from aigc_core.manifest.read import Malformed, read_object
    from aigc_core.run.load import check_licence, fetch, resolve

    entry = resolve(name, say=say)
    check_licence(entry, accept_licence)
    manifest, plugin, files = entry.manifest, entry.plugin, fetch(entry)
    assert manifest is not None
    assert plugin is not None
    assert plugin.manifest is not None
    called = {"folder": entry.id, "hf": entry.qualified}.get(entry.origin, name)
    use = f"{manifest.plugin}:{manifest.architecture}"
    config = manifest.config
    try:
        if CONFIG in files:
            config = read_object(str(files[CONFIG])) | config
    except Malformed as error:
        raise Refused(f"The config of {name} cannot be used: {error}.") from None
    if manifest.architecture not in plugin.manifest.components.get("parents", {}):
        return Begun(called, use, manifest.config, None, {}, lambda build: load_module(build, files))
    parent = plugins.component(plugin, "parents", manifest.architecture).open(config, files)
    beside = {path: files[path] for path in parent.beside}
    return Begun(called, use, parent.config, parent.tokens, beside, parent.load)


def wants_tokens(recipe: Recipe) -> bool:
    """Say whether the data are read with the tokenizer of the model: then a resumption opens it again."""
    return bool(recipe["data"].get("tokenizer", {}).get("kind") == "model")


def settle(recipe: Recipe, begun: Begun | None) -> None:
    """Write out each network's config that is the model's: ``{"data": "parent"}``, and any field beside it over that.

    So the recipe that is kept in the run's folder says all of it. Raises ``WrongUse`` where there is no model, or
    one of another architecture.
    """
    for role, spec in recipe["networks"].items():
        if spec["config"].get("data") != "parent":
            continue
        if begun is None:
            text = f"networks.{role}.config in the recipe is that of the model that it begins with, and none is named."
            raise WrongUse(text, "Name it: aigc-zoo train RECIPE --from MODEL")
        _check_architecture(begun, spec["use"])
        own = {name: value for name, value in spec["config"].items() if name != "data"}
        spec["config"] = {**begun.config, **own}


def check(begun: Begun, use: str, config: Mapping[str, Any]) -> None:
    """Check that a recipe's network is the model's. Raises ``WrongUse`` for another architecture, ``Refused`` where it
    is built otherwise: heads or characters of another meaning would still fit in shape."""
    _check_architecture(begun, use)
    for name in sorted(config.keys() & begun.config.keys() - FREE):
        if config[name] != begun.config[name]:
            text = f"The weights of {begun.name} do not fit: its {name} is {_shown(begun.config[name])}"
            hint = (
                "--set data.tokenizer.kind=model" if name == "vocabulary" else f"--set networks.ROLE.config.{name}=..."
            )
            raise Refused(f"{text}, the recipe's is {_shown(config[name])}.", f"Take the model's: {hint}")


def _check_architecture(begun: Begun, use: str) -> None:
    if begun.use != use:
        text = f"{begun.name} is a {begun.use}, the recipe trains a {use}."
        raise WrongUse(text, "Name a model of that architecture.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
