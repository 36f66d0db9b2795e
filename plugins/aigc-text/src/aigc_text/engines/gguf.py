"""The engine ``gguf``: llama.cpp through its C interface, without torch."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_text.engines.gguf_file import GgufFile, heard

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_CHUNK = 512
"""How many tokens llama.cpp takes at once."""
_ROOM = 256
"""llama.cpp gives a text room for a multiple of so many tokens."""


class Gguf:
    """A model that llama.cpp computes. See ``engines.engine.Engine``."""

    name = "gguf"

    def __init__(self, file: GgufFile, threads: int) -> None:
        self.file, self.threads = file, threads
        self.dtype, self.context, self.vocabulary = file.dtype, file.context, file.tokens
        self._caches: weakref.WeakSet[GgufCache] = weakref.WeakSet()

    @classmethod
    def open(cls, path: str | Path, threads: int) -> Gguf:
        """Open a GGUF file, one that was converted here or the Hub's own.

        Raises ``Refused`` where llama.cpp cannot run it, ``NotAvailable`` where llama.cpp is not installed.
        """
        return cls(GgufFile(path), threads)

    def cache(self, rows: int, length: int) -> GgufCache:
        """Return an empty cache; its memory is freed by ``close``, or with the last reference to it.

        Raises ``WrongUse`` for more rows than llama.cpp can hold or tokens than the model can, ``NotAvailable`` where
        memory is short.
        """
        cache = GgufCache(self, rows, length)
        self._caches.add(cache)
        return cache

    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        cache = self.cache(1, len(tokens))
        try:
            for part in parts(tokens):
                yield cache.extend(0, part, True)
        finally:
            cache.close()

    def environment(self) -> dict[str, str | int]:
        return {"llama-cpp-python": self.file.llama.__version__, "threads": self.threads}

    def close(self) -> None:
        """Free the weights and every cache; nothing of the engine can be used after."""
        for cache in list(self._caches):
            cache.close()
        self.file.close()


class GgufCache:
    """See ``engines.engine.Cache``. A row is one of llama.cpp's sequences, with memory of its own: with memory that is
    shared by all, what a row gets would depend on where the others' tokens lie."""

    def __init__(self, engine: Gguf, rows: int, length: int) -> None:
        llama = self._llama = engine.file.llama
        if length > engine.context:
            raise WrongUse(f"The model holds {engine.context:,} tokens, not {length:,}.")
        if rows > llama.llama_max_parallel_sequences():
            raise WrongUse(
                f"llama.cpp writes at most {llama.llama_max_parallel_sequences()} texts at once, not {rows}."
            )
        self._vocabulary, self._length, self._lengths = engine.vocabulary, length, [0] * rows
        self._slots = list(range(rows))
        """Which sequence each row is."""
        self._context = llama.llama_init_from_model(engine.file.model, _settings(engine, rows, length))
        if not self._context:
            raise NotAvailable(f"llama.cpp cannot make room for {rows} texts of {length:,} tokens: {heard()}.")
        self.close = weakref.finalize(self, llama.llama_free, self._context)
        self._memory, self._batch = llama.llama_get_memory(self._context), _Batch(llama, max(_CHUNK, rows))
        self._engine = engine  # whose weights must not go before this

    def feed(self, row: int, tokens: Sequence[int]) -> np.ndarray:
        for part in parts(tokens):
            found = self.extend(row, part, False)
        return np.asarray(found[0])

    def extend(self, row: int, tokens: Sequence[int], every: bool) -> np.ndarray:
        """Append at most ``_CHUNK`` tokens to a row; return logits of the last's successor, or of every one's."""
        count, start = len(tokens), self._lengths[row]
        self._check(start + count)
        self._batch.fill(tokens, range(start, start + count), self._slots[row], count, every)
        found = self._computed(count if every else 1)
        self._lengths[row] += count
        return np.array(found)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
        self._gather(rows)
        slots = np.array([self._slots[row] for row in rows])
        order = slots.argsort()  # llama.cpp computes sequences together whose numbers follow each other
        lengths = np.array([self._lengths[row] for row in rows])
        self._check(lengths.max() + 1)
        self._batch.fill(np.asarray(tokens)[order], lengths[order], slots[order], len(rows), True)
        found = self._computed(len(rows))
        for row in rows:
            self._lengths[row] += 1
        return np.asarray(found[slots])  # a copy; the sequences are the first ones: each one's number is its place

    def share(self, source: int, target: int) -> None:
        self._put(self._held(source), target)
        self._lengths[target] = self._lengths[source]

    def clear(self, row: int) -> None:
        self._llama.llama_memory_seq_rm(self._memory, self._slots[row], -1, -1)
        self._lengths[row] = 0

    def length(self, row: int) -> int:
        return self._lengths[row]

    def _check(self, length: int) -> None:
        if length > self._length:  # llama.cpp would go on, and end the process where it has no position for it
            raise WrongUse(f"A text of this cache has at most {self._length:,} tokens.")

    def _computed(self, outputs: int) -> np.ndarray:
        """Compute the batch and return its logits (outputs, vocabulary), in memory that the next one writes to."""
        if code := self._llama.llama_decode(self._context, self._batch.struct):
            raise NotAvailable(f"llama.cpp could not go on (code {code}): {heard()}.")
        logits = self._llama.llama_get_logits(self._context)
        return np.asarray(np.ctypeslib.as_array(logits, (outputs, self._vocabulary)))

    def _gather(self, rows: Sequence[int]) -> None:
        """Let the rows be the first sequences, by exchanging each that is not with one of the others."""
        wanted = set(rows)
        if max(self._slots[row] for row in wanted) < len(wanted):
            return
        owners = {slot: row for row, slot in enumerate(self._slots)}
        others = [owners[slot] for slot in range(len(wanted)) if owners[slot] not in wanted]
        for row in [row for row in rows if self._slots[row] >= len(wanted)]:
            self._exchange(row, others.pop())

    def _exchange(self, one: int, other: int) -> None:
        lengths = {row: self._lengths[row] for row in (one, other)}
        held = {row: self._held(row) for row in lengths if lengths[row]}
        for row in held:
            self.clear(row)
        self._slots[one], self._slots[other] = self._slots[other], self._slots[one]
        for row, state in held.items():
            self._put(state, row)
            self._lengths[row] = lengths[row]

    def _held(self, row: int) -> ctypes.Array[ctypes.c_uint8]:
        """Return a copy of what a row holds."""
        size = int(self._llama.llama_state_seq_get_size(self._context, self._slots[row]))
        state = (ctypes.c_uint8 * size)()
        self._llama.llama_state_seq_get_data(self._context, state, size, self._slots[row])
        return state

    def _put(self, state: ctypes.Array[ctypes.c_uint8], row: int) -> None:
        if not self._llama.llama_state_seq_set_data(self._context, state, len(state), self._slots[row]):
            raise NotAvailable(f"llama.cpp could not copy a text: {heard()}.")


def _settings(engine: Gguf, rows: int, length: int) -> Any:
    """Return llama.cpp's settings of a cache."""
    settings = engine.file.llama.llama_context_default_params()
    settings.n_ctx, settings.n_seq_max = rows * -(-length // _ROOM) * _ROOM, rows
    settings.n_batch = settings.n_ubatch = max(_CHUNK, rows)
    settings.n_outputs_max_per_seq = 0  # as many as there are tokens
    settings.n_threads = settings.n_threads_batch = engine.threads
    settings.kv_unified = False
    # Its flash attention rounds queries and keys to half precision, whatever the cache's type: logits are off by 1e-2.
    settings.flash_attn_type = 0
    if engine.dtype == "float32":
        settings.type_k = settings.type_v = 0  # GGML_TYPE_F32
    return settings


class _Batch:
    """llama.cpp's batch over numpy's memory, so that a step fills it without a loop over its fields."""

    def __init__(self, llama: Any, size: int) -> None:
        self.tokens, self.positions, self.rows = (np.zeros(size, np.int32) for _ in range(3))
        self.ones, self.wanted = np.ones(size, np.int32), np.zeros(size, np.int8)
        self.starts = np.append(self.rows.ctypes.data + 4 * np.arange(size), 0).astype(np.uintp)  # of each token's rows
        self.struct = llama.llama_batch()
        for field, array in (
            ("token", self.tokens), ("pos", self.positions), ("n_seq_id", self.ones), ("seq_id", self.starts),
            ("logits", self.wanted),
        ):  # fmt: skip
            kind = dict(llama.llama_batch._fields_)[field]
            setattr(self.struct, field, ctypes.cast(array.ctypes.data, kind))

    def fill(self, tokens: ArrayLike, positions: ArrayLike, rows: ArrayLike, count: int, every: bool) -> None:
        self.struct.n_tokens = count
        self.tokens[:count], self.positions[:count], self.rows[:count] = tokens, positions, rows
        self.wanted[:count] = every
        self.wanted[count - 1] = True


def parts(tokens: Sequence[int]) -> list[Sequence[int]]:
    """Cut tokens into what is computed at once."""
    return [tokens[start : start + _CHUNK] for start in range(0, len(tokens), _CHUNK)]
