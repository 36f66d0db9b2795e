"""Trackers: what hears of a training beside its own logs. TensorBoard and W&B here, others from plugins."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aigc_core import discovery, hookspecs, plugins
from aigc_core.errors import NotAvailable, WrongUse, ZooError, did_you_mean

if TYPE_CHECKING:
    import pluggy

BUILT_IN = {
    "tensorboard": "aigc_core.train.trackers.tensorboard:TensorBoard",
    "wandb": "aigc_core.train.trackers.wandb:WeightsAndBiases",
}
"""The core's own trackers, each with where it is; the extra that brings its library has its name."""


def tracker(name: str, run: str) -> object:
    """Return the tracker of that name, or of that ``plugin:name``, for the run in folder ``run``.

    It has a method ``zoo_event(event)``, a hook implementation. Raises ``WrongUse`` for a name that is unknown, and
    ``NotAvailable`` where its library or its plugin does not work here.
    """
    owner, colon, own = name.partition(":")
    if colon:
        make = plugins.component(discovery.find(owner), "trackers", own)
    elif name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        make = getattr(import_module(module), attribute)
    else:
        text = f"There is no tracker {name}.{did_you_mean(name, list(BUILT_IN))}"
        raise WrongUse(text, f"There is {', '.join(BUILT_IN)}, and PLUGIN:NAME.")
    try:
        made: object = make(run)
        _host(made)
    except ZooError:
        raise
    except ImportError as error:
        hint = "" if colon else f'Try: pip install "aigc-core[{name}]"'
        raise NotAvailable(f"Tracker {name} cannot be used: {_sentence(error)}.", hint) from error
    except Exception as error:
        raise NotAvailable(f"Tracker {name} cannot be used: {_sentence(error)}.") from error
    return made


def hear(trackers: Iterable[object]) -> Callable[[dict[str, Any]], None]:
    """Return what sends an event to each of the trackers and to every installed plugin that lists ``zoo_event``.

    Each is called alone, on a copy of its own. One that raises is reported on the standard error stream and hears no
    more; the training goes on.
    """
    listening = [(_name(each), _host(each)) for each in trackers]
    installed = plugins.implementations("zoo_event")

    def send(event: dict[str, Any]) -> None:
        for name, host in list(listening):
            try:
                host.hook.zoo_event(event=copy.deepcopy(event))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit is the tracker's mistake, not our exit
                listening.remove((name, host))
                text = f"tracker {name} failed: {_sentence(error)}; the training goes on without it."
                print(f"aigc-zoo: warning: {text}", file=sys.stderr)
        for hook in installed:
            hook.or_skip(event=copy.deepcopy(event))

    return send


def _name(tracker: object) -> str:
    """Return what a tracker is called: its name where it is the core's own, else where its class is."""
    place = f"{type(tracker).__module__}:{type(tracker).__qualname__}"
    return {own: name for name, own in BUILT_IN.items()}.get(place, place)


def _host(tracker: object) -> pluggy.PluginManager:
    """Return a host with this one tracker in it. Raises ``TypeError`` where it does not implement ``zoo_event``."""
    import pluggy

    host = pluggy.PluginManager("aigc_zoo")
    host.add_hookspecs(hookspecs)
    host.register(tracker)
    if not host.hook.zoo_event.get_hookimpls():
        raise TypeError("it has no method zoo_event that is marked with aigc_core.hookspecs.hookimpl")
    return host


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300].rstrip('.') or 'no message'}"
