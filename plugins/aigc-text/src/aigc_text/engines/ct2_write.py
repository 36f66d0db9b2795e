"""Canonical tensors (``architecture.shape``) into a model folder of CTranslate2. Its vocabulary is the tokens' numbers.

The specification comes from CTranslate2, whose module imports torch where that is installed: to convert costs that
import once, to run what was converted does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable
from aigc_text.architecture.shape import Shape

if TYPE_CHECKING:
    import numpy as np

    from aigc_text.engines.gguf_tensors import Read

CONVERTER = "ct2 1"
"""Names what is written by the code below: where that changes, the number does."""
TYPES = ("float32", "int8")
"""What CTranslate2 computes in on every CPU."""
_ACTIVATIONS = {"relu": "RELU", "gelu_tanh": "GELUTanh", "silu": "SWISH", "gelu": "GELU"}


def misfit(shape: Shape) -> str:
    """Return why CTranslate2 cannot run a shape, or an empty string."""
    if dict(shape.scaling).get("rope_type", "linear") != "linear":
        return "CTranslate2 does not stretch the rotation as the model does"
    if shape.norm == "rms" and shape.norm_bias:
        return "CTranslate2 has no RMS norm with a bias"
    return ""


def write(folder: str | Path, shape: Shape, tensor: Read, dtype: str) -> None:
    """Write a model folder of a decoder's float32 tensors, which ``tensor`` gives by their canonical names.

    With ``int8`` every matrix has one scale for each row. Raises ``NotAvailable`` where CTranslate2 cannot run the
    shape or is not installed, and ``OSError`` where the folder cannot be written.
    """
    try:
        from ctranslate2 import specs
    except ImportError as error:
        text = "The engine ct2 needs CTranslate2, the package ctranslate2."
        raise NotAvailable(text, 'Try: pip install "aigc-text[ct2]"') from error
    if reason := misfit(shape):
        raise NotAvailable(f"{reason}.", "Add --engine native.")
    spec = specs.TransformerDecoderModelSpec.from_config(**_settings(specs, shape))
    spec.decoder.scale_embeddings = False
    _fill(spec.decoder, shape, tensor, dtype)
    spec.register_vocabulary([str(token) for token in range(shape.vocabulary)])
    spec.config.layer_norm_epsilon = shape.epsilon
    for name in ("bos_token", "eos_token", "unk_token"):
        setattr(spec.config, name, "0")  # none of them is ever asked for
    spec.validate()
    if shape.tied:
        spec.decoder.projection.weight = "decoder/embeddings/weight"
        if dtype == "int8":
            spec.decoder.projection.weight_scale = "decoder/embeddings/weight_scale"
    spec.save(str(folder))


def _settings(specs: Any, shape: Shape) -> dict[str, Any]:
    from ctranslate2.specs.attention_spec import RotaryScalingType
    from ctranslate2.specs.common_spec import Activation

    settings: dict[str, Any] = {
        "num_layers": shape.layers,
        "num_heads": shape.heads,
        "num_heads_kv": shape.kv_heads if shape.kv_heads != shape.heads else None,
        "head_dim": shape.head,
        "activation": Activation[_ACTIVATIONS[shape.activation]],
        "ffn_glu": shape.gated,
        "rms_norm": shape.norm == "rms",
        "parallel_residual": shape.parallel,
        "qk_norm": shape.qk_norm,
    }
    if shape.rotary:
        settings |= {"rotary_dim": shape.rotary, "rotary_interleave": False, "rotary_base": shape.theta}
        if factor := dict(shape.scaling).get("factor"):
            settings |= {"rotary_scaling_type": RotaryScalingType.Linear, "rotary_scaling_factor": float(factor)}
    return settings


def _fill(decoder: Any, shape: Shape, tensor: Read, dtype: str) -> None:
    """Put every tensor where the specification wants it."""
    import numpy as np

    def put(spec: Any, rows: np.ndarray) -> None:
        rows = np.ascontiguousarray(rows, np.float32)
        if dtype == "int8":
            largest = np.abs(rows).max(1)
            scale = (127 / np.where(largest > 127 / np.finfo(np.float32).max, largest, 127)).astype(np.float32)
            spec.weight_scale = scale
            rows = np.rint(rows * scale[:, None]).astype(np.int8)
        spec.weight = rows

    def linear(spec: Any, name: str, biased: bool, part: slice = slice(None)) -> None:
        put(spec, tensor(f"{name}.weight")[part])
        if biased:
            spec.bias = tensor(f"{name}.bias")[part]

    def norm(spec: Any, name: str, biased: bool) -> None:
        spec.gamma = np.ascontiguousarray(tensor(f"{name}.weight"), np.float32)
        if hasattr(spec, "beta"):
            spec.beta = (
                np.ascontiguousarray(tensor(f"{name}.bias"), np.float32) if biased else np.zeros_like(spec.gamma)
            )

    put(decoder.embeddings, tensor("tokens.weight"))
    if not shape.rotary:
        decoder.position_encodings.encodings = np.ascontiguousarray(tensor("positions.weight"), np.float32)
    norm(decoder.layer_norm, "norm", shape.norm_bias)
    if shape.tied:
        decoder.projection.weight = decoder.embeddings.weight  # until ``write`` names it as the same one
    else:
        put(decoder.projection, tensor("head.weight"))
    for index, layer in enumerate(decoder.layer):
        name, attention, inner = f"blocks.{index}", layer.self_attention, layer.ffn
        norm(layer.input_layer_norm if shape.parallel else attention.layer_norm, f"{name}.norm1", shape.norm_bias)
        norm(layer.post_attention_layer_norm if shape.parallel else inner.layer_norm, f"{name}.norm2", shape.norm_bias)
        linear(attention.linear[0], f"{name}.attend", shape.attend_bias)
        linear(attention.linear[1], f"{name}.join", shape.join_bias)
        if shape.qk_norm:
            norm(attention.q_norm, f"{name}.query_norm", False)
            norm(attention.k_norm, f"{name}.key_norm", False)
        first = slice(shape.inner)  # all rows, or the gate's
        linear(inner.linear_0, f"{name}.up", shape.inner_bias, first)
        if shape.gated:
            linear(inner.linear_0_noact, f"{name}.up", shape.inner_bias, slice(shape.inner, None))
        linear(inner.linear_1, f"{name}.down", shape.inner_bias)
