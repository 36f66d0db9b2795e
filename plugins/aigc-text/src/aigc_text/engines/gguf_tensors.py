"""What llama.cpp calls a decoder's tensors, and in which order it wants their rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from aigc_text.architecture.shape import Shape

Read = Callable[[str], np.ndarray]
"""Gives a canonical tensor (``architecture.shape``) by its name, as float32."""


class Item(NamedTuple):
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]
    kind: str
    """``inner``: a linear layer of a block; ``outer``: the embedding or the head; ``small``: anything else."""
    read: Callable[[], np.ndarray]


class Items:
    """Collects the tensors of a shape, as llama.cpp's ``architecture`` has them; none is read by that."""

    def __init__(self, shape: Shape, architecture: str, tensor: Read) -> None:
        self.items: list[Item] = []
        self._shape, self._tensor = shape, tensor
        self._turns = architecture == "llama"
        self._biased = architecture in ("gpt2", "gptneox")  # they have every bias
        self._outer(architecture)
        for layer in range(shape.layers):
            self._block(f"blk.{layer}.", f"blocks.{layer}.")

    def _outer(self, architecture: str) -> None:
        shape, size = self._shape, (self._shape.vocabulary, self._shape.width)
        self._add("token_embd.weight", size, "outer", "tokens.weight")
        if not shape.rotary:
            self._add("position_embd.weight", (context(shape), shape.width), "small", "positions.weight", self._seen)
        self._norm("output_norm", "norm", shape.norm_bias)
        if not shape.tied or architecture == "gptneox":  # which has a head of its own always
            self._add("output.weight", size, "outer", "tokens.weight" if shape.tied else "head.weight")
        if dict(shape.scaling).get("rope_type") == "llama3":
            self.items.append(Item("rope_freqs.weight", (shape.rotary // 2,), "small", partial(_stretches, shape)))

    def _block(self, to: str, source: str) -> None:
        shape, width = self._shape, self._shape.width
        rows = (shape.heads + 2 * shape.kv_heads) * shape.head
        self._norm(f"{to}attn_norm", f"{source}norm1", shape.norm_bias)
        self._norm(f"{to}ffn_norm", f"{source}norm2", shape.norm_bias)
        self._linear(f"{to}attn_qkv", f"{source}attend", (rows, width), shape.attend_bias, self._turned)
        if shape.qk_norm:
            self._add(f"{to}attn_q_norm.weight", (shape.head,), "small", f"{source}query_norm.weight")
            self._add(f"{to}attn_k_norm.weight", (shape.head,), "small", f"{source}key_norm.weight")
        self._linear(f"{to}attn_output", f"{source}join", (width, shape.heads * shape.head), shape.join_bias)
        for name, change in (("gate", self._gate), ("up", self._values)) if shape.gated else (("up", None),):
            self._linear(f"{to}ffn_{name}", f"{source}up", (shape.inner, width), shape.inner_bias, change)
        self._linear(f"{to}ffn_down", f"{source}down", (width, shape.inner), shape.inner_bias)

    def _linear(
        self,
        name: str,
        source: str,
        size: tuple[int, int],
        biased: bool,
        change: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._add(f"{name}.weight", size, "inner", f"{source}.weight", change)
        if biased:
            self._add(f"{name}.bias", size[:1], "small", f"{source}.bias", change)
        elif self._biased:
            self.items.append(Item(f"{name}.bias", size[:1], "small", partial(np.zeros, size[:1], np.float32)))

    def _norm(self, name: str, source: str, biased: bool) -> None:
        size = (self._shape.width,)
        self._add(f"{name}.weight", size, "small", f"{source}.weight")
        if biased:
            self._add(f"{name}.bias", size, "small", f"{source}.bias")
        elif self._biased:
            self.items.append(Item(f"{name}.bias", size, "small", partial(np.zeros, size, np.float32)))

    def _add(
        self,
        name: str,
        size: tuple[int, ...],
        kind: str,
        source: str,
        change: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.items.append(
            Item(name, size, kind, lambda: change(self._tensor(source)) if change else self._tensor(source))
        )

    def _seen(self, rows: np.ndarray) -> np.ndarray:
        return rows[: context(self._shape)]

    def _gate(self, rows: np.ndarray) -> np.ndarray:
        return rows[: self._shape.inner]

    def _values(self, rows: np.ndarray) -> np.ndarray:
        return rows[self._shape.inner :]

    def _turned(self, rows: np.ndarray) -> np.ndarray:
        """Reorder the rows of queries and keys: llama.cpp's llama rotates a head's numbers 0 and 1 against each other,
        2 and 3 ...; its other architectures rotate one half of a head against the other, as config.json's families."""
        if not self._turns:
            return rows
        shape = self._shape
        turned = (shape.heads + shape.kv_heads) * shape.head
        halves = rows[:turned].reshape(-1, 2, shape.head // 2, *rows.shape[1:])
        return np.concatenate([halves.swapaxes(1, 2).reshape(turned, *rows.shape[1:]), rows[turned:]])


def context(shape: Shape) -> int:
    """Return how long texts can be where there is no sliding window: no longer than what it would reach over."""
    return min(shape.context, shape.window) if shape.window else shape.context


def _stretches(shape: Shape) -> np.ndarray:
    """Return by how much each wavelength of the rotation is stretched, as Llama 3.1 does (arXiv 2407.21783)."""
    scaling = {name: float(value) for name, value in shape.scaling if name != "rope_type"}
    lengths = 2 * np.pi * shape.theta ** (np.arange(0, shape.rotary, 2, dtype=np.float64) / shape.rotary)
    turns = scaling["original_max_position_embeddings"] / lengths
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return np.asarray(1 / (smooth + (1 - smooth) / scaling["factor"]), np.float32)
