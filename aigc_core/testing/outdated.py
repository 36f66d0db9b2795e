"""Uses of what the core has deprecated, with the file and the line of the plugin's code.

Of a model's, the probe hears; here a fresh process goes through the rest of a plugin:
``python -m aigc_core.testing.outdated PLUGIN RESULT``. It is fresh because a module that is imported already says no
more what its first lines use.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from aigc_core.deprecation import Deprecated
from aigc_core.testing import fresh

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Write down each use once; one by the core itself is not the plugin's doing, and is left out."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", Deprecated)
        show = warnings.showwarning

        def showwarning(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, Deprecated):
                show(message, category, filename, lineno, file, line)
            elif not os.path.abspath(filename).startswith(_OURS):
                found.append(f"{filename}:{lineno}: {message}")

        warnings.showwarning = showwarning
        yield found
    found[:] = dict.fromkeys(found)


def in_parts(plugin: str) -> list[str]:
    """Return what a plugin's entry point, components, losses and recipes use, as a fresh process hears it.

    Raises ``CheckFailed`` with its last words where it ends early.
    """
    with tempfile.TemporaryDirectory() as folder:
        heard_there, _ = fresh.found("aigc_core.testing.outdated", plugin, folder, f"the parts of {plugin}")
    return list(heard_there)


def main(plugin: str, result: str) -> None:
    """Use every part of a plugin but its models; what goes wrong with one is told by the clauses that are about it."""
    import importlib

    from aigc_core import discovery
    from aigc_core.testing.registered import subjects
    from aigc_core.testing.settings import Settings

    owner = discovery.find(plugin)
    settings = Settings.of_source(owner.package, owner.distribution)
    with heard() as found:
        with contextlib.suppress(Exception):
            importlib.import_module(owner.module)
        for subject in subjects(owner, rows=settings.rows):
            with contextlib.suppress(Exception, SystemExit):
                _use(subject)
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(found, stream)


def _use(subject: Any) -> None:
    """Import a component, call a loss, take two steps of a recipe."""
    from aigc_core.testing.subjects import Component, RecipeSubject

    if isinstance(subject, Component):
        subject.load()
        if subject.sort == "losses":
            from aigc_core.testing.loss_inputs import built, inputs

            loss = built(subject)
            for network in loss.networks:
                inputs(loss, network)  # which calls it
    elif isinstance(subject, RecipeSubject):
        from aigc_core.testing.practice import data_of, training

        ready = training(subject, data_of(subject))
        for _ in range(2):
            ready.advance()


if __name__ == "__main__":
    main(*sys.argv[1:])
