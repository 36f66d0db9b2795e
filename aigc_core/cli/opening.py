"""Opening a model for a verb: the flags that say how, and the fetching, with what is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from aigc_core import interrupt
from aigc_core.cli.progress import fetching, say
from aigc_core.hub import cache
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.run.model import Model

Command = TypeVar("Command", bound=Callable[..., Any])

_FLAGS = (
    click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, cuda:1, mps."),
    click.option("--engine", default="auto", show_default=True, help="What computes a model that leaves a choice."),
    click.option(
        "--dtype",
        "--precision",
        default="auto",
        show_default=True,
        help="Type of number to compute in, where a model leaves a choice: float32, bf16, int8, ...",
    ),
    click.option(
        "--threads", type=click.INT, default=0, help="Threads of such an engine.  [default: as many as it has use for]"
    ),
    click.option("--locked", is_flag=True, help="Use what aigc-zoo.lock pins, and ask nothing of the network."),
    click.option("--accept-licence", is_flag=True, help="Use weights although their authors declare no licence."),
)


class Opening(NamedTuple):
    """What ``opening_flags`` were given."""

    device: str = "cpu"
    engine: str = "auto"
    dtype: str = "auto"
    threads: int = 0
    locked: bool = False
    accept_licence: bool = False

    @classmethod
    def of(cls, given: dict[str, Any]) -> Opening:
        """Take the flags out of a command's parameters."""
        return cls(**{name: given.pop(name) for name in cls._fields})

    def as_flags(self) -> list[str]:
        """Return what to type to open a model in the same way."""
        from aigc_core.run.receipt import as_flags

        return as_flags({name: value for name, value in self._asdict().items() if value != self._field_defaults[name]})

    def find(self, name: str) -> Entry:
        """Return a model that can be run and may be used. Raises the model's error where it cannot or may not."""
        from aigc_core.run.load import check_licence, resolve

        entry = resolve(name, locked=self.locked, say=say)
        check_licence(entry, self.accept_licence)
        return entry

    def load(self, name: str, entry: Entry, *, quiet: bool) -> Model:
        """Fetch and load the model that ``find`` found. Raises as ``aigc_core.load`` does."""
        from aigc_core.run.load import Computing, fetch, open_entry
        from aigc_core.run.precision import slower

        assert entry.manifest is not None
        with fetching(name, entry.manifest, quiet=quiet, offline=self.locked or cache.offline()) as report:
            files = fetch(entry, offline=self.locked, report=report)
        model = open_entry(entry, files, self.device, Computing(self.engine, self.dtype, self.threads))
        if model.language is None and not quiet and (text := slower(model.generator.dtype, self.device)):
            say(text)
        interrupt.check()
        return model


def opening_flags(command: Command) -> Command:
    """Give a command the flags that say how a model is opened."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command
