"""Canonical tensors (``architecture.shape``) into a GGUF file that llama.cpp runs. No tokenizer goes into it.

A shape is mapped to one of llama.cpp's architectures by its features: whatever is built like Llama is written as one,
whoever made it. Biases that a shape has not and llama.cpp wants are written as zeros, which changes nothing.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable
from aigc_text.architecture.shape import Shape

if TYPE_CHECKING:
    import numpy as np

    from aigc_text.engines.gguf_tensors import Item, Read

CONVERTER = "gguf 1"
"""Names what is written by the code below: where that changes, the number does."""
FILE_TYPES = {"float32": 0, "float16": 1, "int4": 2, "int8": 7, "bfloat16": 32}
"""``general.file_type``, as llama.h numbers what most of the weights are stored in."""
_TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
_BLOCK = 32
"""How many numbers of a row have a scale together, where they are quantised."""


def write(path: str | Path, shape: Shape, tensor: Read, dtype: str) -> None:
    """Write a GGUF file of a decoder's float32 tensors, which ``tensor`` gives by their canonical names.

    ``dtype`` is one of ``FILE_TYPES``. Tensors are read one at a time. The embedding and the head of an ``int4`` file
    have 8 bits; what is no matrix, or has rows that cannot be cut into blocks, stays float32. Raises ``NotAvailable``
    where llama.cpp has no architecture for the shape or ``gguf`` is not installed, ``OSError`` where it cannot write.
    """
    try:
        import gguf
    except ImportError as error:
        raise NotAvailable(
            "Writing a GGUF file needs the package gguf.", 'Try: pip install "aigc-text[gguf]"'
        ) from error
    from aigc_text.engines.gguf_tensors import Items

    if reason := misfit(shape):
        raise NotAvailable(f"{reason}.", "Add --engine native.")
    architecture = _architecture(shape)
    items = Items(shape, architecture, tensor).items
    writer: Any = gguf.GGUFWriter(path, architecture)
    try:
        describe(writer, shape)
        writer.add_file_type(FILE_TYPES[dtype])
        writer.add_vocab_size(shape.vocabulary)
        writer.add_tokenizer_model("no_vocab")
        for item in items:
            _announce(writer, gguf, item, _type(gguf, item, dtype))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for item in items:
            writer.write_tensor_data(gguf.quants.quantize(_values(item), _type(gguf, item, dtype)))
    finally:
        writer.close()


def misfit(shape: Shape) -> str:
    """Return why llama.cpp cannot run a shape, or an empty string."""
    return "" if _architecture(shape) else "llama.cpp has no architecture that is built as this one"


def exact(shape: Shape) -> bool:
    """Say whether llama.cpp's float32 is as precise as that of others: its GELU is a table of half precision, which
    moves the logits of GPT-2 and NeoX by a thousandth of their spread."""
    return "gelu" not in shape.activation


def _architecture(shape: Shape) -> str:
    """Return llama.cpp's name for how a shape is built; empty where it has none."""
    scaling = dict(shape.scaling).get("rope_type", "linear")
    if scaling not in ("linear", "llama3"):
        return ""
    like_llama = shape.norm == "rms" and not shape.norm_bias and shape.gated and shape.activation == "silu"
    if like_llama and not shape.parallel and shape.rotary == shape.head:
        if not shape.qk_norm:
            return "llama"
        return "" if shape.join_bias or shape.inner_bias or scaling == "llama3" else "qwen3"
    like_gpt = (
        shape.norm == "layer" and not shape.gated and not shape.qk_norm and shape.heads * shape.head == shape.width
    )
    if not like_gpt or scaling == "llama3":
        return ""
    if shape.rotary:  # its GELU stands for the other one as well: they differ by less than its table does
        return "gptneox" if shape.activation in ("gelu", "gelu_tanh") else ""
    return "gpt2" if shape.activation == "gelu_tanh" and not shape.parallel else ""


def describe(writer: Any, shape: Shape) -> None:
    """Write the sizes."""
    from gguf import RopeScalingType

    from aigc_text.engines.gguf_tensors import context

    writer.add_context_length(context(shape))
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    (writer.add_layer_norm_rms_eps if shape.norm == "rms" else writer.add_layer_norm_eps)(shape.epsilon)
    if not shape.rotary:
        return
    writer.add_rope_dimension_count(shape.rotary)
    writer.add_rope_freq_base(shape.theta)
    if shape.norm == "layer":
        writer.add_parallel_residual(shape.parallel)
    scaling = dict(shape.scaling)
    if scaling.get("rope_type") == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(scaling["factor"]))


def _type(gguf: Any, item: Item, dtype: str) -> Any:
    """Return the type that a tensor is stored in."""
    kind = "int8" if dtype == "int4" and item.kind == "outer" else dtype
    whole = item.kind == "small" or (kind.startswith("int") and item.shape[-1] % _BLOCK)
    return gguf.GGMLQuantizationType["F32" if whole else _TYPES[kind]]


def _announce(writer: Any, gguf: Any, item: Item, kind: Any) -> None:
    import numpy as np

    block, size = gguf.GGML_QUANT_SIZES[kind]
    writer.add_tensor_info(item.name, item.shape, np.dtype(np.float32), prod(item.shape) // block * size, kind)


def _values(item: Item) -> np.ndarray:
    import numpy as np

    values = np.ascontiguousarray(item.read(), np.float32)
    if values.shape != item.shape:
        raise ValueError(f"{item.name} is to have shape {item.shape}, not {values.shape}")
    return values
