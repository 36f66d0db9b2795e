"""What tells one decoder from another: every size and every choice that GPT-2, Llama, Qwen, NeoX and Mistral differ in.

The canonical names of its tensors, as ``networks.Decoder`` has them::

    tokens.weight (vocabulary, width)      positions.weight (context, width), where positions are learned
    blocks.I.norm1.weight, .bias           blocks.I.norm2.weight, .bias
    blocks.I.attend.weight, .bias          rows: queries (heads * head), keys (kv_heads * head), values (likewise)
    blocks.I.query_norm.weight (head,)     blocks.I.key_norm.weight (head,), where ``qk_norm``
    blocks.I.join.weight, .bias            (width, heads * head)
    blocks.I.up.weight, .bias              rows: the gate (inner) where ``gated``, then the values (inner)
    blocks.I.down.weight, .bias            (width, inner)
    norm.weight, .bias                     head.weight (vocabulary, width), where not ``tied``
"""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """One decoder. All linear weights are (out, in)."""

    vocabulary: int
    context: int
    """How many tokens it sees at most."""
    width: int
    layers: int
    heads: int
    kv_heads: int
    """Heads of keys and values; each serves ``heads / kv_heads`` heads of queries (arXiv 2305.13245)."""
    head: int
    """Numbers of one head."""
    inner: int
    """Numbers between the two linear layers of the feed-forward part."""
    norm: str = "layer"
    """``layer`` (arXiv 1607.06450) or ``rms`` (arXiv 1910.07467); before each part, and after the last block."""
    norm_bias: bool = True
    epsilon: float = 1e-5
    rotary: int = 0
    """How many numbers of a head are rotated (arXiv 2104.09864, halves as in Llama); 0: positions are learned."""
    theta: float = 10000.0
    """Base of the rotation's wavelengths."""
    scaling: tuple[tuple[str, float | str], ...] = ()
    """How the rotation is stretched, as config.json's ``rope_scaling`` says, sorted: ``linear`` and ``llama3``."""
    attend_bias: bool = True
    join_bias: bool = True
    inner_bias: bool = True
    """Whether the linear layers have a bias: queries, keys and values; the attention's output; both of the rest."""
    qk_norm: bool = False
    """Queries and keys go through an RMS norm of their own, a head at a time, before the rotation (Qwen3)."""
    gated: bool = False
    """The feed-forward part multiplies its values by the activated gate (arXiv 2002.05202)."""
    activation: str = "gelu_tanh"
    """``gelu``, ``gelu_tanh``, ``silu`` or ``relu``."""
    parallel: bool = False
    """Both parts of a block read its input, and are added to it together (GPT-NeoX)."""
    tied: bool = True
    """The head's weights are the tokens' embedding (arXiv 1608.05859)."""
    window: int = 0
    """How many tokens back attention reaches, itself included (Mistral); 0: all."""
