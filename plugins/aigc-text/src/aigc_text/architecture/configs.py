"""From a config.json of the Hub to the shape of its decoder. A setting that the decoder does not have is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aigc_core.errors import NotAvailable, Refused
from aigc_text.architecture.shape import Shape

_ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "silu": "silu", "swish": "silu", "relu": "relu",
}  # fmt: skip
_LARGEST = 10_000_000
"""No size of a decoder is larger; a stranger's config must not make us ask for all memory."""
_ELSEWHERE = "Try: --engine transformers"


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Return the shape that a config describes, by its ``model_type``.

    Raises ``NotAvailable`` where the decoder lacks what the config asks for, ``Refused`` where a value cannot be.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        text = f"The decoder does not know model_type {str(kind)[:100]!r}; it knows {', '.join(FAMILIES)}"
        raise NotAvailable(f"{text}.", _ELSEWHERE)
    shape = FAMILIES[kind](config)
    if shape.heads % shape.kv_heads or shape.rotary > shape.head or shape.rotary % 2:
        raise Refused(f"The config cannot be: {shape.heads} heads, {shape.kv_heads} of keys, {shape.rotary} rotated.")
    return shape


def _gpt2(config: Mapping[str, Any]) -> Shape:
    _without(config, "scale_attn_by_inverse_layer_idx", "add_cross_attention")
    if config.get("scale_attn_weights", True) is not True:
        raise _lacking("scale_attn_weights", False)
    width, heads = _size(config, "n_embd"), _size(config, "n_head")
    return Shape(
        vocabulary=_size(config, "vocab_size"),
        context=_size(config, "n_positions"),
        width=width,
        layers=_size(config, "n_layer"),
        heads=heads,
        kv_heads=heads,
        head=_shared(width, heads),
        inner=_size(config, "n_inner", 4 * width),
        epsilon=_number(config, "layer_norm_epsilon", 1e-5),
        activation=_activation(config, "activation_function", "gelu_new"),
        tied=_flag(config, "tie_word_embeddings", True),
    )


def _llama(config: Mapping[str, Any]) -> Shape:
    """Llama, Mistral, Qwen2 and Qwen3 differ in biases, norms of queries and keys, and windows."""
    kind, common = config["model_type"], _common(config)
    head = _size(config, "head_dim", common["width"] // common["heads"])
    bias = _flag(config, "attention_bias", False)
    return Shape(
        **common,
        kv_heads=_size(config, "num_key_value_heads", common["heads"]),
        head=head,
        norm="rms",
        norm_bias=False,
        epsilon=_number(config, "rms_norm_eps", 1e-6),
        rotary=int(head * _partial(config)),
        attend_bias=kind == "qwen2" or bias,
        join_bias=kind != "qwen2" and bias,
        inner_bias=_flag(config, "mlp_bias", False),
        qk_norm=kind == "qwen3",
        gated=True,
        activation=_activation(config, "hidden_act", "silu"),
        window=_window(config),
    )


def _neox(config: Mapping[str, Any]) -> Shape:
    common, bias = _common(config), _flag(config, "attention_bias", True)
    head = _shared(common["width"], common["heads"])
    return Shape(
        **common,
        kv_heads=common["heads"],
        head=head,
        epsilon=_number(config, "layer_norm_eps", 1e-5),
        rotary=int(head * _partial(config, 0.25)),
        attend_bias=bias,
        join_bias=bias,
        activation=_activation(config, "hidden_act", "gelu"),
        parallel=_flag(config, "use_parallel_residual", True),
    )


def _common(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Llama's kin and NeoX name alike."""
    theta, scaling = _rope(config)
    return {
        "vocabulary": _size(config, "vocab_size"),
        "context": _size(config, "max_position_embeddings"),
        "width": _size(config, "hidden_size"),
        "layers": _size(config, "num_hidden_layers"),
        "heads": _size(config, "num_attention_heads"),
        "inner": _size(config, "intermediate_size"),
        "theta": theta,
        "scaling": scaling,
        "tied": _flag(config, "tie_word_embeddings", False),
    }


def _characters(config: Mapping[str, Any]) -> Shape:
    """Return the shape of a decoder over characters, as the zoo trains them: GPT-2's, with a bias or without."""
    vocabulary, width, heads = config.get("vocabulary"), _size(config, "width"), _size(config, "heads")
    if not isinstance(vocabulary, str):
        raise Refused("The config cannot be: vocabulary is no text.")
    document, bias = _flag(config, "document", False), _flag(config, "bias", False)
    return Shape(
        vocabulary=len(vocabulary) + document,
        context=_size(config, "block"),
        width=width,
        layers=_size(config, "layers"),
        heads=heads,
        kv_heads=heads,
        head=_shared(width, heads),
        inner=4 * width,
        norm_bias=bias,
        attend_bias=bias,
        join_bias=bias,
        inner_bias=bias,
        tied=_flag(config, "tied", True),
    )


def _own(config: Mapping[str, Any]) -> Shape:
    """Return a shape that is written out, as a training exports it."""
    given = {field: config[field] for field in Shape._fields if field in config}
    given["scaling"] = tuple((str(name), value) for name, value in given.get("scaling", ()))
    for field in ("vocabulary", "context", "width", "layers", "heads", "kv_heads", "head", "inner"):
        _size(given, field)
    if (
        given.get("norm", "layer") not in ("layer", "rms")
        or given.get("activation", "gelu") not in _ACTIVATIONS.values()
    ):
        raise Refused("The config cannot be: norm or activation is none that the decoder has.")
    return Shape(**given)


FAMILIES: dict[str, Callable[[Mapping[str, Any]], Shape]] = {
    "gpt2": _gpt2, "llama": _llama, "mistral": _llama, "qwen2": _llama, "qwen3": _llama, "gpt_neox": _neox,
    "char-transformer": _characters, "decoder": _own,
}  # fmt: skip
"""By ``model_type``: the families of the Hub, then the zoo's own."""


def _rope(config: Mapping[str, Any]) -> tuple[float, tuple[tuple[str, float | str], ...]]:
    """Return the rotation's base and how it is stretched; transformers 5 writes both into ``rope_parameters``."""
    stated = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(stated, Mapping):
        raise Refused("The config cannot be: rope_parameters is no object.")
    base = "rotary_emb_base" if config["model_type"] == "gpt_neox" else "rope_theta"
    theta = _number(stated, "rope_theta", _number(config, base, 10000.0))
    kind = stated.get("rope_type", stated.get("type", "default"))
    wanted = {"default": (), "linear": ("factor",), "llama3": _LLAMA3}.get(str(kind))
    if wanted is None:
        raise _lacking("rope_type", kind)
    facts: list[tuple[str, float | str]] = [(name, _number(stated, name, None)) for name in wanted]
    return theta, (("rope_type", str(kind)), *facts) if facts else ()


_LLAMA3 = ("factor", "high_freq_factor", "low_freq_factor", "original_max_position_embeddings")


def _partial(config: Mapping[str, Any], usual: float = 1.0) -> float:
    stated = config.get("rope_parameters")
    usual = _number(config, "rotary_pct", _number(config, "partial_rotary_factor", usual))
    return _number(stated, "partial_rotary_factor", usual) if isinstance(stated, Mapping) else usual


def _window(config: Mapping[str, Any]) -> int:
    """Return how far back attention reaches. Qwen's layers have one only where ``use_sliding_window`` says so."""
    given = config.get("sliding_window")
    if given is None or (config["model_type"] != "mistral" and not config.get("use_sliding_window", False)):
        return 0
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and len(set(map(str, kinds))) == 1:
        return _size(config, "sliding_window") if kinds[0] == "sliding_attention" else 0
    if config["model_type"] != "mistral":
        raise _lacking("layer_types", "of two kinds")
    return _size(config, "sliding_window")


def _activation(config: Mapping[str, Any], key: str, usual: str) -> str:
    given = config.get(key, usual)
    if not isinstance(given, str) or given not in _ACTIVATIONS:
        raise _lacking(key, given)
    return _ACTIVATIONS[given]


def _size(config: Mapping[str, Any], key: str, usual: int | None = None) -> int:
    given = config.get(key)
    given = usual if given is None else given
    if type(given) is not int or not 0 < given <= _LARGEST:
        raise Refused(f"The config cannot be: {key} is {str(given)[:100]!r}, it takes a whole number above 0.")
    return given


def _number(config: Mapping[str, Any], key: str, usual: float | None) -> float:
    given = config.get(key)
    given = usual if given is None else given
    if type(given) not in (int, float) or not 0 < float(given or 0) < 1e15:
        raise Refused(f"The config cannot be: {key} is {str(given)[:100]!r}, it takes a number above 0.")
    return float(given or 0)


def _flag(config: Mapping[str, Any], key: str, usual: bool) -> bool:
    given = config.get(key, usual)
    if type(given) is not bool:
        raise Refused(f"The config cannot be: {key} is {str(given)[:100]!r}, it takes true or false.")
    return given


def _shared(width: int, heads: int) -> int:
    if width % heads:
        raise Refused(f"The config cannot be: width {width} cannot be shared by {heads} heads.")
    return width // heads


def _without(config: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        if config.get(key):
            raise _lacking(key, config[key])


def _lacking(key: str, value: Any) -> NotAvailable:
    return NotAvailable(f"The decoder has no {key} {str(value)[:100]}, which the model's config asks for.", _ELSEWHERE)
