"""TensorBoard: what a training tells, in RUN/tensorboard (extra ``aigc-core[tensorboard]``)."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING, Any

from aigc_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Writes what the events say. Raises ``ImportError`` where TensorBoard is not installed."""

    def __init__(self, run: str) -> None:
        import torch.utils.tensorboard  # noqa: F401 (it is missing now, or not at all)

        self.folder = os.path.join(run, "tensorboard")
        self.writer: SummaryWriter | None = None

    @hookimpl
    def zoo_event(self, event: dict[str, Any]) -> None:
        """Write one event of a training; others are not for it."""
        if event["kind"] == "train-begin":
            self._begin(event["recipe"], event["step"])
        elif self.writer is None:
            return
        elif event["kind"] == "train-losses":
            for name, value in event["losses"].items():
                self.writer.add_scalar(name, value, event["step"])
        elif event["kind"] == "train-diagnostics":
            self._diagnostics(self.writer, event)
        elif event["kind"] == "train-samples":
            self._samples(self.writer, event["path"], event["step"])
        elif event["kind"] == "train-warning":
            self.writer.add_text("warnings", _verbatim(event["text"]), event["step"])
        elif event["kind"] == "train-end":
            self.writer.close()
            self.writer = None
        if self.writer:
            self.writer.flush()  # a run that is killed keeps all that it has told

    def _begin(self, recipe: dict[str, Any], step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What a killed run wrote after the checkpoint it goes on from is not shown: those steps are made again.
        self.writer = SummaryWriter(self.folder, purge_step=step + 1)
        self.writer.add_text("recipe", _verbatim(json.dumps(recipe, indent=2, ensure_ascii=False)), step)

    def _diagnostics(self, writer: SummaryWriter, event: dict[str, Any]) -> None:
        for name, value in event["values"].items():
            writer.add_scalar(f"diagnostics/{name}", value, event["step"])
        for name, each in event["histograms"].items():
            edges, counts = each["edges"], each["counts"]
            centres = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
            writer.add_histogram_raw(
                f"diagnostics/{name}",
                min=edges[0],
                max=edges[-1],
                num=sum(counts),
                sum=sum(centre * count for centre, count in zip(centres, counts, strict=True)),
                sum_squares=sum(centre * centre * count for centre, count in zip(centres, counts, strict=True)),
                bucket_limits=edges[1:],
                bucket_counts=counts,
                global_step=event["step"],
            )

    def _samples(self, writer: SummaryWriter, path: str, step: int) -> None:
        if path.endswith(".png"):
            import numpy as np
            from PIL import Image

            with Image.open(path) as image:
                writer.add_image("samples", np.asarray(image.convert("RGB")), step, dataformats="HWC")
        elif path.endswith(".txt"):
            with open(path, encoding="utf-8") as stream:
                writer.add_text("samples", _verbatim(stream.read()), step)


def _verbatim(text: str) -> str:
    """Indent a text so that Markdown, which TensorBoard takes it for, shows it as it is."""
    return "\n".join(f"    {line}" for line in text.splitlines())
