"""Weights & Biases: a training's losses, diagnostics, samples and recipe (extra ``aigc-core[wandb]``).

Whether it is sent anywhere is for the user's environment to say (``WANDB_MODE=offline`` keeps it in RUN/wandb).
"""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import wandb


class WeightsAndBiases:
    """Logs what the events say. Raises ``ImportError`` where wandb is not installed."""

    def __init__(self, run: str) -> None:
        import wandb  # noqa: F401 (it is missing now, or not at all)

        self.folder = os.path.abspath(run)  # what writes is a process of its own, maybe started elsewhere
        self.run: wandb.Run | None = None

    @hookimpl
    def zoo_event(self, event: dict[str, Any]) -> None:
        """Log one event of a training; others are not for it."""
        if event["kind"] == "train-begin":
            self._begin(event["recipe"], event["step"])
        elif self.run is None:
            return
        elif event["kind"] == "train-losses":
            self.run.log(event["losses"], step=event["step"])
        elif event["kind"] == "train-diagnostics":
            self._diagnostics(self.run, event)
        elif event["kind"] == "train-samples":
            self._samples(self.run, event["path"], event["step"])
        elif event["kind"] == "train-warning":
            self.run.log({"warnings": _verbatim(event["text"])}, step=event["step"])
        elif event["kind"] == "train-end":
            self.run.finish()
            self.run = None

    def _begin(self, recipe: dict[str, Any], step: int) -> None:
        import wandb

        # A run that goes on stays one run, by the id that ends its folder's name: [offline-]run-DATE_TIME-ID.
        before = sorted(Path(self.folder, "wandb").glob("*run-*-*")) if step else []
        known = before[-1].name.partition("run-")[2].partition("-")[2] if before else None
        self.run = wandb.init(
            project=recipe["name"],
            dir=self.folder,
            config=recipe,
            id=known,
            resume="allow" if known else None,
            # What the user has here is none of its business: neither code nor repository nor what is printed.
            settings=wandb.Settings(disable_code=True, disable_git=True, save_code=False, console="off"),
        )

    def _diagnostics(self, run: wandb.Run, event: dict[str, Any]) -> None:
        import wandb

        shown: dict[str, Any] = dict(event["values"])
        for name, each in event["histograms"].items():
            shown[name] = wandb.Histogram(np_histogram=(each["counts"], each["edges"]))
        run.log({f"diagnostics/{name}": value for name, value in shown.items()}, step=event["step"])

    def _samples(self, run: wandb.Run, path: str, step: int) -> None:
        import wandb

        if path.endswith(".png"):
            run.log({"samples": wandb.Image(path)}, step=step)
        elif path.endswith(".txt"):
            run.log({"samples": _verbatim(Path(path).read_text(encoding="utf-8"))}, step=step)


def _verbatim(text: str) -> wandb.Html:
    import wandb

    return wandb.Html(f"<pre>{html.escape(text)}</pre>", inject=False)
