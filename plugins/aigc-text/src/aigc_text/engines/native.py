"""The decoder on plain PyTorch, without modules and with as few operations a token as its mathematics takes."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu, relu, scaled_dot_product_attention, silu

from aigc_text.architecture.tensors import Tensors
from aigc_text.engines.linears import Linear, for_many, kept
from aigc_text.engines.native_cache import CHUNK, NativeCache, Place
from aigc_text.engines.rotation import side_by_side, wavelengths


class Norm(NamedTuple):
    """A norm's numbers; of an RMS norm the weight is times sqrt(width), see ``Native._norm``."""

    weight: Tensor
    bias: Tensor | None


class Block(NamedTuple):
    """One block's layers; ``heads`` are the norms of queries and keys (heads + kv_heads, head), where it has them."""

    norm1: Norm
    attend: Linear
    heads: Tensor | None
    join: Linear
    norm2: Norm
    up: Linear
    down: Linear


class Native:
    """A decoder that is ready to compute. See ``engines.engine.Engine``."""

    name = "native"

    def __init__(self, tensors: Tensors, dtype: str, device: str = "cpu") -> None:
        shape = self.shape = tensors.shape
        self.dtype, self.device = dtype, device
        self.context, self.vocabulary = shape.context, shape.vocabulary
        self._order = side_by_side(shape)
        self._blocks = [self._block(tensors, f"blocks.{index}.") for index in range(shape.layers)]
        self._tokens = self._tensor(tensors, "tokens.weight")
        self._positions = None if shape.rotary else self._tensor(tensors, "positions.weight")
        self._last = self._norm_of(tensors, "norm")
        head = self._tokens if shape.tied else self._tensor(tensors, "head.weight")
        self._head = kept(head, None, dtype, normed=True)
        tensors.forget()
        self._turns = torch.from_numpy(wavelengths(shape)).to(device) if shape.rotary else None
        self._smallest = torch.tensor(math.sqrt(shape.width * shape.epsilon), device=device)
        self._smallest_head = torch.tensor(math.sqrt(shape.head * shape.epsilon), device=device)

    def cache(self, rows: int, length: int) -> NativeCache:
        return NativeCache(self, rows, length)

    @torch.inference_mode()
    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the logits (n, vocabulary) of a text's tokens in order, some hundred at a time."""
        cache = NativeCache(self, 1, len(tokens))
        for start in range(0, len(tokens), CHUNK):
            yield self.forward(*cache.extend(0, tokens[start : start + CHUNK])).cpu().numpy()

    def settle(self) -> None:
        """Compute one token with one block, and throw it away: where two threads make the first call of a kernel at
        once, one of them can compute its half with another (``benchmarks/fresh_processes.py``)."""
        first = copy.copy(self)
        first._blocks = self._blocks[:1]
        tokens, place = NativeCache(self, 1, 1).extend(0, [0])
        with torch.inference_mode():
            first.forward(tokens, place._replace(memories=place.memories[:1]))

    def environment(self) -> dict[str, str | int]:
        return {
            "torch": str(torch.__version__),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }

    def forward(self, tokens: Tensor, place: Place, last: bool = False) -> Tensor:
        """Return the logits (n, vocabulary) of tokens (n,) that stand at ``place``; with ``last`` those of the last."""
        x = torch.index_select(self._tokens, 0, tokens)
        turn = None
        if self._positions is not None:
            x = x + torch.index_select(self._positions, 0, place.positions)
        else:
            turn = self._turn(place.positions)
        blocks, head = self._for_many if not place.together and len(tokens) > 1 else (self._blocks, self._head)
        for block, memory in zip(blocks, place.memories, strict=True):
            x = self._through(block, x, turn, memory, place)
        x = x[-1:] if last else x
        return head(self._norm(x, self._last))

    @cached_property
    def _for_many(self) -> tuple[list[Block], Linear]:
        """The layers for several texts at once, copied when they are first needed.

        One text goes on with its own: so what it gets never depends on what was computed before.
        """
        blocks = [
            one._replace(
                attend=for_many(one.attend), join=for_many(one.join), up=for_many(one.up), down=for_many(one.down)
            )
            for one in self._blocks
        ]
        return blocks, for_many(self._head)

    def _through(self, block: Block, x: Tensor, turn: Tensor | None, memory: Tensor, place: Place) -> Tensor:
        found = self._attended(block, self._norm(x, block.norm1), turn, memory, place)
        if self.shape.parallel:
            return x + found + self._fed_forward(block, self._norm(x, block.norm2))
        x = x + found
        return x + self._fed_forward(block, self._norm(x, block.norm2))

    def _attended(self, block: Block, x: Tensor, turn: Tensor | None, memory: Tensor, place: Place) -> Tensor:
        shape, count = self.shape, len(x)
        heads = block.attend(x).view(count, shape.heads + 2 * shape.kv_heads, shape.head)
        if block.heads is not None:
            heads = torch.cat(
                [self._normed_heads(heads[:, : -shape.kv_heads], block.heads), heads[:, -shape.kv_heads :]], 1
            )
        if turn is not None:  # values turn by nothing, so that all are turned at once
            heads = self._turned(heads.view(count, -1, shape.head // 2, 2), turn).view(count, -1, shape.head)
        queries, new = heads[:, : shape.heads], heads[:, shape.heads :]
        keys, values = place.remember(memory, new.view(count, 2, shape.kv_heads, shape.head))
        if place.together:  # one text: its tokens are the sequence
            asked = queries.transpose(0, 1)[None]
            found = scaled_dot_product_attention(
                asked, keys, values, place.mask, is_causal=place.causal, enable_gqa=shape.heads != shape.kv_heads
            )
            found = found[0].transpose(0, 1)
        else:  # a token of each text: the queries that share a key are the sequence
            asked = queries.view(count, shape.kv_heads, -1, shape.head)
            found = scaled_dot_product_attention(asked, keys, values, place.mask)
        return block.join(found.reshape(count, -1))

    def _fed_forward(self, block: Block, x: Tensor) -> Tensor:
        inner = block.up(x)
        if self.shape.gated:
            size = self.shape.inner
            inner = self._activated(inner[:, :size]).mul_(inner[:, size:])
        else:
            inner = self._activated(inner)
        return block.down(inner)

    def _activated(self, x: Tensor) -> Tensor:
        kind = self.shape.activation
        if kind == "silu":
            return silu(x)
        return relu(x) if kind == "relu" else gelu(x, approximate="tanh" if kind == "gelu_tanh" else "none")

    def _norm(self, x: Tensor, norm: Norm) -> Tensor:
        """Norm rows (n, width). RMS is |x| / sqrt(width), and sqrt(|x|^2 + width epsilon) is one hypotenuse."""
        if self.shape.norm == "layer":
            return torch.layer_norm(x, (self.shape.width,), norm.weight, norm.bias, self.shape.epsilon)
        return (x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self._smallest)).mul_(norm.weight)

    def _normed_heads(self, heads: Tensor, weight: Tensor) -> Tensor:
        size = torch.hypot(torch.linalg.vector_norm(heads, dim=-1, keepdim=True), self._smallest_head)
        return (heads / size).mul_(weight)

    def _angles(self, positions: Tensor) -> Tensor:
        """Return by how much queries, keys and values turn: (n, heads + 2 kv_heads, head / 2)."""
        shape = self.shape
        assert self._turns is not None
        angles = torch.zeros(len(positions), shape.heads + 2 * shape.kv_heads, shape.head // 2, device=self.device)
        angles[:, : shape.heads + shape.kv_heads, : shape.rotary // 2] = (positions[:, None] * self._turns)[:, None]
        return angles

    def _turn(self, positions: Tensor) -> Tensor:
        """Return what ``_turned`` takes beside the pairs; here the angles as complex numbers."""
        angles = self._angles(positions)
        return torch.polar(torch.ones_like(angles), angles)

    def _turned(self, pairs: Tensor, turn: Tensor) -> Tensor:
        """Turn pairs (n, heads, head / 2, 2) by what ``_turn`` returned."""
        return torch.view_as_real(torch.view_as_complex(pairs) * turn)

    def _block(self, tensors: Tensors, prefix: str) -> Block:
        shape = self.shape
        heads = None
        if shape.qk_norm:
            both = [self._tensor(tensors, f"{prefix}{part}_norm.weight")[self._order] for part in ("query", "key")]
            heads = torch.cat([both[0].expand(shape.heads, -1), both[1].expand(shape.kv_heads, -1)]) * shape.head**0.5
        block = Block(
            self._norm_of(tensors, f"{prefix}norm1"),
            self._linear(tensors, f"{prefix}attend", shape.attend_bias),
            heads,
            self._linear(tensors, f"{prefix}join", shape.join_bias),
            self._norm_of(tensors, f"{prefix}norm2"),
            self._linear(tensors, f"{prefix}up", shape.inner_bias),
            self._linear(tensors, f"{prefix}down", shape.inner_bias),
        )
        tensors.forget()
        return block

    def _linear(self, tensors: Tensors, name: str, biased: bool) -> Linear:
        weight = self._tensor(tensors, f"{name}.weight")
        bias = self._tensor(tensors, f"{name}.bias") if biased else None
        if name.endswith("attend") and self.shape.rotary:
            weight, bias = self._ordered(weight), None if bias is None else self._ordered(bias)
        return kept(weight, bias, self.dtype, normed=name.endswith(("attend", "up")))

    def _ordered(self, rows: Tensor) -> Tensor:
        """Put the rows of queries and keys in the order in which the pairs that turn together lie side by side."""
        shape = self.shape
        by_head = rows.view(shape.heads + 2 * shape.kv_heads, shape.head, *rows.shape[1:])
        turned = by_head[: -shape.kv_heads][:, self._order]
        return torch.cat([turned, by_head[-shape.kv_heads :]]).view(rows.shape)

    def _norm_of(self, tensors: Tensors, name: str) -> Norm:
        weight = self._tensor(tensors, f"{name}.weight")
        if self.shape.norm == "rms":
            return Norm(weight * math.sqrt(self.shape.width), None)
        return Norm(weight, self._tensor(tensors, f"{name}.bias") if self.shape.norm_bias else None)

    def _tensor(self, tensors: Tensors, name: str) -> Tensor:
        """Return a canonical tensor as float32; what is float32 in the file, and in one piece, stays mapped."""
        return torch.from_numpy(tensors.float32(name)).to(self.device)
