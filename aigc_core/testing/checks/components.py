"""C: what ``plugin.json`` and manifests name is there, and is what it is said to be."""

from __future__ import annotations

import inspect

from aigc_core.plugins import host, load_target
from aigc_core.testing.subjects import Component, ModelSubject, Subject
from aigc_core.testing.verdict import Broken

_OPEN = ("config", "weights", "device")


def resolves(subject: Component) -> None:
    """C1: the target can be imported and called."""
    found = subject.load()
    if not callable(found):
        raise Broken(f"It is {type(found).__name__}, which cannot be called.", "Name a class or a function.")


def activates(subject: Subject) -> None:
    """C2: the host takes the module with its hooks; each command's target is a click command."""
    import click

    host(subject.plugin)
    for name, entry in (subject.plugin.manifest.commands if subject.plugin.manifest else {}).items():
        found = load_target(subject.plugin, entry["target"])
        if not isinstance(found, click.Command):
            raise Broken(
                f"The command {name} is {type(found).__name__}, no click command.", "Decorate it: @click.command()"
            )


def opens(subject: ModelSubject) -> None:
    """C3: ``open_entry`` gives a model; it compares what opened with the manifest's capabilities."""
    manifest = subject.model.manifest
    language = subject.model.language is not None
    if ("language" in subject.facts) != language and manifest.output.get("kind") == "text":
        has = "speaks and scores" if language else "has not all that a LanguageModel has"
        raise Broken(
            f"What opens {has}, and the manifest's capabilities are {', '.join(manifest.capabilities)}.",
            "A language model has generate and score among its capabilities.",
        )


def open_takes(subject: Component) -> None:
    """C4: ``open(config, weights, device)`` can be called so, by position."""
    found = getattr(subject.load(), "open", None)
    if not callable(found):
        raise Broken("The class has no open.", "Add: @classmethod def open(cls, config, weights, device)")
    try:
        inspect.signature(found).bind(*_OPEN)
    except TypeError as error:
        raise Broken(
            f"open cannot take (config, weights, device): {error}.", "Further arguments need defaults."
        ) from None
