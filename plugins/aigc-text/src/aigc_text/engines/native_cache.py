"""What the native engine remembers: keys and values of every row, in the layout that attention reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from aigc_text.engines.native import Native

CHUNK = 512
"""How many tokens of a prompt go through at once: bounds what attention and feed-forward parts need for a long one."""


class Place(NamedTuple):
    """Where tokens stand, and what they may look at."""

    positions: Tensor
    """(n,), int64: the place of each token in its text."""
    memories: list[Tensor]
    """For each block (2, rows, kv_heads, length, head): keys and values of the rows that are computed."""
    write: tuple[Tensor | tuple[int, int], Tensor | tuple[int, int]]
    """Rows and places in ``memories`` that the tokens' own keys and values go to: each as numbers, or as the first and
    how many follow it."""
    seen: int
    """How many places of ``memories`` are looked at."""
    mask: Tensor | None
    """What of them each query sees, as attention takes it; None for all (or, with ``causal``, all up to itself)."""
    together: bool
    """The tokens are one text's; else they are of a text each."""
    causal: bool

    def remember(self, memory: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values (n, 2, kv_heads, head); return all of them: (rows, kv_heads, seen, head) each."""
        rows, places = self.write
        if isinstance(rows, Tensor):
            memory[:, rows, :, places] = new
            keys, values = memory.narrow(1, 0, len(new)).narrow(3, 0, self.seen).unbind(0)
            return keys, values
        first, count = rows
        memory = memory.narrow(1, first, count)
        assert not isinstance(places, Tensor)
        into = memory.narrow(3, *places)  # (2, rows, kv_heads, n or 1, head)
        into.copy_(new.permute(1, 2, 0, 3)[:, None] if self.together else new.transpose(0, 1).unsqueeze(3))
        keys, values = memory.narrow(3, 0, self.seen).unbind(0)
        return keys, values


class NativeCache:
    """See ``engines.engine.Cache``. Rows that are stepped lie first in memory, so that no step has to gather them."""

    def __init__(self, engine: Native, rows: int, length: int) -> None:
        shape = engine.shape
        self.engine = engine
        size = (2, rows, shape.kv_heads, length, shape.head)
        self._memories = [torch.zeros(size, device=engine.device) for _ in range(shape.layers)]
        self._lengths = [0] * rows
        self._slots = list(range(rows))
        """Where in memory each row lies."""

    def length(self, row: int) -> int:
        return self._lengths[row]

    def clear(self, row: int) -> None:
        self._lengths[row] = 0

    @torch.inference_mode()
    def share(self, source: int, target: int) -> None:
        count = self._lengths[target] = self._lengths[source]
        for memory in self._memories:
            memory[:, self._slots[target], :, :count] = memory[:, self._slots[source], :, :count]

    @torch.inference_mode()
    def feed(self, row: int, tokens: Sequence[int]) -> np.ndarray:
        for start in range(0, len(tokens), CHUNK):
            found = self.engine.forward(*self.extend(row, tokens[start : start + CHUNK]), last=True)
        return np.asarray(found[0].cpu().numpy())

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
        self._gather(rows)
        order = sorted(range(len(rows)), key=lambda index: self._slots[rows[index]])
        lengths = [self._lengths[rows[index]] for index in order]
        place = self._side_by_side(lengths)
        ids = torch.tensor([tokens[index] for index in order], device=self.engine.device)
        found = self.engine.forward(ids, place).cpu().numpy()
        for row in rows:
            self._lengths[row] += 1
        if order == list(range(len(rows))):
            return np.asarray(found)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return np.asarray(found[back])

    def extend(self, row: int, tokens: Sequence[int]) -> tuple[Tensor, Place]:
        """Take tokens up behind a row's own; return them and where they stand, for ``Native.forward``."""
        start, slot, window = self._lengths[row], self._slots[row], self.engine.shape.window
        end = self._lengths[row] = start + len(tokens)
        positions = torch.arange(start, end, device=self.engine.device)
        causal = start == 0 and not 0 < window < end
        mask = None
        if not causal and (len(tokens) > 1 or 0 < window < end):
            mask = self._allowed(positions, end)[None, None]
        write = ((slot, 1), (start, len(tokens)))
        ids = torch.tensor(tokens, device=self.engine.device)
        return ids, Place(positions, self._memories, write, end, mask, True, causal and len(tokens) > 1)

    def _side_by_side(self, lengths: list[int]) -> Place:
        """Say where one more token of each of the first rows stands."""
        device, window = self.engine.device, self.engine.shape.window
        positions, end = torch.tensor(lengths, device=device), max(lengths) + 1
        mask = None
        if min(lengths) + 1 < end or 0 < window < end:
            mask = self._allowed(positions, end)[:, None, None]
        if min(lengths) + 1 == end:
            return Place(positions, self._memories, ((0, len(lengths)), (end - 1, 1)), end, mask, False, False)
        write = (torch.arange(len(lengths), device=device), positions)
        return Place(positions, self._memories, write, end, mask, False, False)

    def _allowed(self, positions: Tensor, end: int) -> Tensor:
        """Return which of ``end`` places each position sees (n, end): none after itself, none beyond the window."""
        places, window = torch.arange(end, device=positions.device), self.engine.shape.window
        seen = places <= positions[:, None]
        return seen & (places > positions[:, None] - window) if window else seen

    def _gather(self, rows: Sequence[int]) -> None:
        """Let the given rows lie first, by exchanging each that does not with one that is not among them."""
        owners = {slot: row for row, slot in enumerate(self._slots)}
        wanted = set(rows)
        free = [slot for slot in range(len(rows)) if owners[slot] not in wanted]
        for row in rows:
            if (slot := self._slots[row]) >= len(rows):
                other = free.pop()
                self._exchange(slot, other, max(self._lengths[row], self._lengths[owners[other]]))
                self._slots[row], self._slots[owners[other]] = other, slot
                owners[slot], owners[other] = owners[other], row

    def _exchange(self, one: int, other: int, count: int) -> None:
        for memory in self._memories:
            kept = memory[:, one, :, :count].clone()
            memory[:, one, :, :count] = memory[:, other, :, :count]
            memory[:, other, :, :count] = kept
