"""Where each family of the Hub keeps the decoder's tensors: canonical names to names in the file.

The facts were read from files that transformers 5.23 writes and from the Hub's own (GPT-2 without prefix, with masks).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from aigc_text.architecture.shape import Shape

AS_IS, TRANSPOSED, JOINED, BY_HEAD = "as is", "transposed", "joined", "by head"
"""How a tensor is made of the file's: it is the file's; its transpose (GPT-2's Conv1D is (in, out)); several one below
the other; queries, keys and values of head 0, then of head 1 ... (NeoX)."""


class Source(NamedTuple):
    """What a canonical tensor is made of."""

    names: tuple[str, ...]
    how: str = AS_IS


class Layout(NamedTuple):
    """Names are without the prefix; ``{}`` is the block's number."""

    prefix: str
    """What all names but the head's begin with; GPT-2's file on the Hub lacks it."""
    tokens: str
    positions: str
    norm: str
    head: str
    parts: dict[str, Source]
    """The linear layers and norms of a block, without ``.weight`` or ``.bias``."""
    skipped: str
    """What files hold beside parameters: masks and frequencies, as a regular expression of whole names."""


def _llama() -> Layout:
    parts = {
        "norm1": Source(("layers.{}.input_layernorm",)),
        "attend": Source(tuple(f"layers.{{}}.self_attn.{part}_proj" for part in "qkv"), JOINED),
        "query_norm": Source(("layers.{}.self_attn.q_norm",)),
        "key_norm": Source(("layers.{}.self_attn.k_norm",)),
        "join": Source(("layers.{}.self_attn.o_proj",)),
        "norm2": Source(("layers.{}.post_attention_layernorm",)),
        "up": Source(("layers.{}.mlp.gate_proj", "layers.{}.mlp.up_proj"), JOINED),
        "down": Source(("layers.{}.mlp.down_proj",)),
    }
    skipped = r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"
    return Layout("model.", "embed_tokens", "", "norm", "lm_head", parts, skipped)


def _gpt2() -> Layout:
    parts = {
        "norm1": Source(("h.{}.ln_1",)),
        "attend": Source(("h.{}.attn.c_attn",), TRANSPOSED),
        "join": Source(("h.{}.attn.c_proj",), TRANSPOSED),
        "norm2": Source(("h.{}.ln_2",)),
        "up": Source(("h.{}.mlp.c_fc",), TRANSPOSED),
        "down": Source(("h.{}.mlp.c_proj",), TRANSPOSED),
    }
    return Layout(
        "transformer.", "wte", "wpe", "ln_f", "lm_head", parts, r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias"
    )


def _neox() -> Layout:
    parts = {
        "norm1": Source(("layers.{}.input_layernorm",)),
        "attend": Source(("layers.{}.attention.query_key_value",), BY_HEAD),
        "join": Source(("layers.{}.attention.dense",)),
        "norm2": Source(("layers.{}.post_attention_layernorm",)),
        "up": Source(("layers.{}.mlp.dense_h_to_4h",)),
        "down": Source(("layers.{}.mlp.dense_4h_to_h",)),
    }
    skipped = r"gpt_neox\.layers\.\d+\.attention\.((masked_)?bias|rotary_emb\.inv_freq)"
    return Layout("gpt_neox.", "embed_in", "", "final_layer_norm", "embed_out", parts, skipped)


def _canonical() -> Layout:
    names = ("norm1", "attend", "query_norm", "key_norm", "join", "norm2", "up", "down")
    return Layout(
        "", "tokens", "positions", "norm", "head", {name: Source((f"blocks.{{}}.{name}",)) for name in names}, "$^"
    )


LAYOUTS = {
    "gpt2": _gpt2(), "gpt_neox": _neox(), "char-transformer": _canonical(), "decoder": _canonical(),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _llama()),
}  # fmt: skip
"""By ``model_type``, as ``configs.FAMILIES``."""


def sources(shape: Shape, layout: Layout, names: Collection[str]) -> dict[str, Source]:
    """Return what each canonical tensor of a shape is made of; ``names`` are the file's, which show its prefix."""
    prefix = layout.prefix if any(name.startswith(layout.prefix) for name in names) else ""
    found = {"tokens.weight": Source((f"{prefix}{layout.tokens}.weight",))}
    if not shape.rotary:
        found["positions.weight"] = Source((f"{prefix}{layout.positions}.weight",))
    for block in range(shape.layers):
        for part, source in layout.parts.items():
            for kind in _kinds(shape, part):
                own = tuple(f"{prefix}{name.format(block)}.{kind}" for name in source.names)
                how = AS_IS if kind == "bias" and source.how == TRANSPOSED else source.how
                found[f"blocks.{block}.{part}.{kind}"] = Source(own, how)
    for kind in _kinds(shape, "norm"):
        found[f"norm.{kind}"] = Source((f"{prefix}{layout.norm}.{kind}",))
    if not shape.tied:
        found["head.weight"] = Source((f"{layout.head}.weight",))
    return found


def skipped(shape: Shape, layout: Layout, name: str) -> bool:
    """Say whether a name in a file is of something that is no parameter, or that a tied head repeats."""
    return bool(re.fullmatch(layout.skipped, name)) or (shape.tied and name == f"{layout.head}.weight")


def _kinds(shape: Shape, part: str) -> tuple[str, ...]:
    if part in ("query_norm", "key_norm"):
        return ("weight",) if shape.qk_norm else ()
    if part in ("norm", "norm1", "norm2"):
        return ("weight", "bias") if shape.norm_bias else ("weight",)
    bias = {"attend": shape.attend_bias, "join": shape.join_bias}.get(part, shape.inner_bias)
    return ("weight", "bias") if bias else ("weight",)


def expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the shape of every canonical tensor."""
    rows = (shape.heads + 2 * shape.kv_heads) * shape.head
    weights: dict[str, tuple[int, ...]] = {
        "norm1": (shape.width,), "norm2": (shape.width,), "norm": (shape.width,),
        "query_norm": (shape.head,), "key_norm": (shape.head,),
        "attend": (rows, shape.width), "join": (shape.width, shape.heads * shape.head),
        "up": (shape.inner * (1 + shape.gated), shape.width), "down": (shape.width, shape.inner),
    }  # fmt: skip
    found: dict[str, tuple[int, ...]] = {"tokens.weight": (shape.vocabulary, shape.width)}
    if not shape.rotary:
        found["positions.weight"] = (shape.context, shape.width)
    for block in range(shape.layers):
        for part, size in weights.items():
            if part != "norm":
                found |= {
                    f"blocks.{block}.{part}.{kind}": size if kind == "weight" else size[:1]
                    for kind in _kinds(shape, part)
                }
    found |= {f"norm.{kind}": (shape.width,) for kind in _kinds(shape, "norm")}
    return found if shape.tied else found | {"head.weight": (shape.vocabulary, shape.width)}
