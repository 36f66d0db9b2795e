"""Memory for weights in huge pages, where the system has them.

All weights are read for every token. In a mapped file they lie in pages of 4 kB, and looking those up costs a sixth of
the time (GPT-2 on two cores: 25.1 ms a token mapped, 20.7 in huge pages). numpy asks Linux for huge pages itself, for
arrays from 4 MB up; so weights lie together in arrays that are larger than that.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

CHUNK = 32 << 20
"""Bytes of an array; a larger tensor has one of its own."""
_ALIGNED = 64
"""Bytes between whose multiples a tensor begins: a line of the cache."""


class Pages:
    """Hands out memory that is given back when no tensor lies in it any more."""

    def __init__(self) -> None:
        self._chunk, self._used = np.empty(0, np.uint8), 0

    def place(self, tensor: Tensor) -> Tensor:
        """Return an equal tensor that lies there, in the same order of numbers: one that is transposed stays so.

        A tensor that is not on the CPU is returned as it is.
        """
        if tensor.device.type != "cpu":
            return tensor
        if tensor.dim() == 2 and not tensor.is_contiguous() and tensor.t().is_contiguous():
            return self.place(tensor.t()).t()
        size = tensor.numel() * tensor.element_size()
        if self._used + size > len(self._chunk):
            self._chunk, self._used = np.empty(max(size, CHUNK), np.uint8), 0
        place = torch.from_numpy(self._chunk[self._used : self._used + size]).view(tensor.dtype).view(tensor.shape)
        self._used += -(-size // _ALIGNED) * _ALIGNED
        return place.copy_(tensor)
