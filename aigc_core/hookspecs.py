"""The hooks that a plugin may implement, and their documentation.

A plugin lists the hooks it implements under ``hooks`` in its ``plugin.json`` and marks the functions with
``@hookimpl`` in the module that its entry point names. Each implementation is called alone: one that raises is reported
with its distribution, and the others go on. An implementation may take fewer arguments than the declaration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from aigc_core.interfaces import Samples

hookspec = pluggy.HookspecMarker("aigc_zoo")
hookimpl = pluggy.HookimplMarker("aigc_zoo")


@hookspec
def zoo_event(event: dict[str, Any]) -> None:
    """Hear what happens: progress and results, for trackers and logs.

    Called from the thread that works, so a slow implementation slows the work. What it returns is ignored. What
    ``event`` has beside its ``kind``:

    - ``progress``: ``model``, ``done`` and ``total``, while samples are made;
    - ``written``: ``path`` and ``receipt``, when they are in a file;
    - ``train-begin``: ``recipe``, and ``step``, which is above 0 where a training goes on;
    - ``train-losses``: ``losses``, by names such as ``generator/loss`` or ``validation/decoder/loss`` the means over
      the last log window, ``seconds`` since the training began, and ``steps_per_second``;
    - ``train-diagnostics``: what the trainer shows beside its losses, at each log: ``values``, numbers by name, and
      ``histograms``, each with ``edges``, rising numbers, and ``counts``, one fewer, of what lies between two of them;
    - ``train-samples``: ``path`` of a sheet of samples, a PNG or a text;
    - ``train-warning``: ``text``, a sentence about what is wrong;
    - ``train-end``: ``record``, what a repetition is compared with. A training that was interrupted has none.

    All ``train-`` events have ``run``, the folder, and ``step``, the number of steps taken. A tracker that a person
    chooses by name is a component of the kind ``trackers`` instead: it is called with the run's folder and returns an
    object that has this method.

    Example::

        @hookimpl
        def zoo_event(event):
            if event["kind"] == "written":
                print("wrote", event["path"])
    """


@hookspec
def zoo_finish(samples: Samples, model: str) -> Samples | None:
    """Post-process a batch before it is written: sharpen, correct, label.

    Called once for each batch of ``run``, after generation and before conversion to 8 bits. Return samples of the same
    count, or None to leave them as they are. Implementations run in the order of their plugins' names, each on the
    result of the one before. Row *i* of the result may depend on row *i* alone.

    Example::

        @hookimpl
        def zoo_finish(samples):
            return samples._replace(values=samples.values.clip(-0.9, 0.9))
    """


NAMES = ("zoo_event", "zoo_finish")
"""Every hook that this core calls."""
