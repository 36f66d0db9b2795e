"""Layers whose weights come from a file: to draw initial ones first would be half of the time that loading takes."""

from __future__ import annotations

from torch import nn


class Conv(nn.Conv2d):
    """A convolution."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class Linear(nn.Linear):
    """A linear map."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class Embedding(nn.Embedding):
    """Vectors by number."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""
