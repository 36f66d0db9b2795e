"""What the verbs share that make a file out of files: the model, its options, the output, and the last line."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from aigc_core import interrupt
from aigc_core.cli.model_flags import given_options
from aigc_core.cli.opening import Opening
from aigc_core.cli.output import printable
from aigc_core.manifest.model import ModelManifest
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.run.model import Model


class Begun(NamedTuple):
    """A command whose model and options have been checked; nothing has been fetched, and no image read."""

    name: str
    entry: Entry
    manifest: ModelManifest
    opening: Opening
    options: dict[str, Any]
    output: str
    """What was named, or ``MODEL-`` and what stands for nothing named."""
    clock: float

    def load(self) -> Model:
        """Fetch and load the model. Raises as ``aigc_core.load`` does."""
        return self.opening.load(self.name, self.entry, quiet=False)

    def announce(self, receipt: dict[str, Any]) -> None:
        """Tell plugins what was written."""
        from aigc_core.run.make import announce

        announce(self.output, receipt)

    def tell(self, what: str) -> None:
        """Tell the user what was written."""
        click.echo(printable(f"{self.output}: {what} by {self.entry.id}, in {time.perf_counter() - self.clock:.1f} s."))


def begin(capability: str, name: str, output: str | None, default: str, given: dict[str, Any]) -> Begun:
    """Find the model. Raises ``WrongUse`` where it cannot do that or takes other options, and as ``Opening.find``."""
    interrupt.install()
    gc.enable()  # start-up is over
    clock, opening = time.perf_counter(), Opening.of(given)
    entry = opening.find(name)
    assert entry.manifest is not None
    from aigc_core.manifest.options import check
    from aigc_core.run.capabilities import require

    require(entry.manifest, capability, name)
    options = check(given_options(given), entry.manifest.options, entry.id)
    return Begun(name, entry, entry.manifest, opening, options, output or f"{entry.id}-{default}", clock)
