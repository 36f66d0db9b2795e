"""The engine ``compiled``: the native one, where each new token of a single text runs what ``torch.compile`` made.

All blocks are compiled together: one compiled block for all of them warms up in a tenth of the time, but what calls it
then costs more than its fused operations save (15 % on a model of 15 million weights).
"""

from __future__ import annotations

import os
import shutil
import sys

import torch
from torch import Tensor

from aigc_core.errors import NotAvailable
from aigc_core.paths import home
from aigc_text.architecture.tensors import Tensors
from aigc_text.engines.native import Native
from aigc_text.engines.native_cache import NativeCache, Place

ROOM = 256
"""The least tokens that a cache holds. More are powers of two, since each size is compiled by itself."""
_COMPILERS = {"darwin": "clang++", "win32": "cl"}


class Compiled(Native):
    """A decoder on the cpu. Prompts, and several texts side by side, go the native way.

    Raises ``NotAvailable`` where there is no C++ compiler.
    """

    name = "compiled"

    def __init__(self, tensors: Tensors, dtype: str) -> None:
        if not shutil.which(compiler := os.environ.get("CXX", _COMPILERS.get(sys.platform, "g++"))):
            text = f"The engine compiled needs a C++ compiler, and there is no {compiler}."
            raise NotAvailable(text, "Install it, or name another one in CXX, or use --engine native.")
        # Torch keeps machine code, and runs it again, in a folder of /tmp that another user may have made.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(home("cache"), "compiled"))
        super().__init__(tensors, dtype)
        self._step = torch.compile(super().forward, dynamic=False)
        print("Compiling the model: the first token of a text may take minutes.", file=sys.stderr)

    def cache(self, rows: int, length: int) -> NativeCache:
        room = max(ROOM, 1 << (length - 1).bit_length())
        return _Cache(self, rows, min(room, self.context))

    def forward(self, tokens: Tensor, place: Place, last: bool = False) -> Tensor:
        if place.together or len(tokens) > 1:
            return super().forward(tokens, place, last)
        found: Tensor = self._step(tokens, place)
        return found

    def _turn(self, positions: Tensor) -> Tensor:
        angles = self._angles(positions)  # the compiler makes no code for complex numbers
        return torch.stack([angles.cos(), angles.sin()], -1)

    def _turned(self, pairs: Tensor, turn: Tensor) -> Tensor:
        (x, y), (cosine, sine) = pairs.unbind(-1), turn.unbind(-1)
        return torch.stack([x * cosine - y * sine, x * sine + y * cosine], -1)


class _Cache(NativeCache):
    """A cache where the step of a single text looks at every place, with a mask, so that no shape ever changes."""

    def _side_by_side(self, lengths: list[int]) -> Place:
        if len(lengths) > 1:
            return super()._side_by_side(lengths)
        positions, end = torch.tensor(lengths), self._memories[0].shape[3]
        mask = self._allowed(positions, end)[:, None, None]
        return Place(positions, self._memories, (torch.zeros(1, dtype=torch.int64), positions), end, mask, False, False)
