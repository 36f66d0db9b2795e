"""The pipelines that transformers 5 puts around a vocabulary, whatever its tokenizer.json says.

Its classes ``GPT2Tokenizer``, ``GPTNeoXTokenizer``, ``Qwen2Tokenizer``, ``LlamaTokenizer`` and ``BertTokenizer`` take
the vocabulary, the merges, the post-processor and the added tokens from tokenizer.json, and write normaliser,
pre-tokeniser and decoder themselves. A model whose tokenizer.json has another pipeline (a digit by itself, another
regular expression, sentencepiece's blocks put in front by the normaliser) so gets other tokens there than the
``tokenizers`` library gives it. Here it gets transformers' (src/transformers/models/*/tokenization_*.py, 5.23).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_text.tokens.beside import Special

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen2 cuts a text before the merges."""


def rebuild(tokenizer: Tokenizer, kind: str, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    """Give a tokenizer the pipeline of a kind, a key of ``beside.DEFAULTS``, in place.

    One whose model is not of the kind's sort stays as it is.
    """
    model = "WordPiece" if kind == "BertTokenizer" else "BPE"
    if type(tokenizer.model).__name__ == model:
        {
            "GPT2Tokenizer": _gpt2, "GPTNeoXTokenizer": _gpt_neox, "Qwen2Tokenizer": _qwen2,
            "LlamaTokenizer": _llama, "BertTokenizer": _bert,
        }[kind](tokenizer, settings, named)  # fmt: skip


def _byte_pairs(tokenizer: Tokenizer, llama: bool = False) -> None:
    model: Any = tokenizer.model
    model.dropout = model.unk_token = None
    model.continuing_subword_prefix = model.end_of_word_suffix = None if llama else ""
    model.fuse_unk = model.byte_fallback = llama
    model.ignore_merges = False


def _gpt2(tokenizer: Tokenizer, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    from tokenizers import decoders, pre_tokenizers

    _byte_pairs(tokenizer)
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(settings.get("add_prefix_space")))
    tokenizer.decoder = decoders.ByteLevel()


def _gpt_neox(tokenizer: Tokenizer, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    from tokenizers import normalizers

    _gpt2(tokenizer, settings, named)
    tokenizer.normalizer = normalizers.NFC()


def _qwen2(tokenizer: Tokenizer, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    _byte_pairs(tokenizer)
    prefix = bool(settings.get("add_prefix_space"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()


def _llama(tokenizer: Tokenizer, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    from tokenizers import decoders, pre_tokenizers

    _byte_pairs(tokenizer, llama=True)
    prefix = settings.get("add_prefix_space") is None or bool(settings["add_prefix_space"])
    scheme = ("always" if settings.get("legacy") else "first") if prefix else "never"
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=False)
    parts: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(parts + [decoders.Strip(" ", 1)] * prefix)


def _bert(tokenizer: Tokenizer, settings: Mapping[str, Any], named: Mapping[str, Special]) -> None:
    from tokenizers import decoders, normalizers, pre_tokenizers

    model: Any = tokenizer.model
    model.unk_token = named["unk_token"].content if "unk_token" in named else "None"
    model.continuing_subword_prefix, model.max_input_chars_per_word = "##", 100
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=settings.get("strip_accents"),
        lowercase=bool(settings.get("do_lower_case", True)),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece("##")
