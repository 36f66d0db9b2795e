"""Which tokenizer a model's files are, and opening it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable
from aigc_text.tokens.beside import read_beside, small_json
from aigc_text.tokens.tokenizer import Tokenizer


def open_tokenizer(files: Mapping[str, Path], config: Mapping[str, Any]) -> Tokenizer:
    """Open the tokenizer of a model's verified files, by their names in its folder; ``config`` is its config.json.

    Taken is tokenizer.json, else vocab.json with merges.txt, else vocab.txt, each with what tokenizer_config.json,
    special_tokens_map.json, added_tokens.json and generation_config.json say of it. The tokens of a text are those of
    ``AutoTokenizer`` of transformers 5, see ``pipelines``.

    Raises ``NotAvailable`` where no such file is there or the library is not installed, ``Refused`` with file and
    cause where one is damaged.
    """
    try:
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise NotAvailable("This model's text needs the tokenizers library.", "Try: pip install tokenizers") from error
    from aigc_text.tokens.bert import open_words
    from aigc_text.tokens.fast import open_json, open_merges

    if "tokenizer.json" in files:
        opens = open_json
    elif "vocab.json" in files and "merges.txt" in files:
        opens = open_merges
    elif "vocab.txt" in files:
        opens = open_words
    else:
        text = "This model has no tokenizer: its files have neither tokenizer.json, nor vocab.json with merges.txt,"
        hint = "List one of them among its manifest's files."
        raise NotAvailable(f"{text} nor vocab.txt.", hint)
    beside = read_beside(files, config)
    generation = small_json(files, "generation_config.json")
    return opens(files, beside, [*_numbers(generation.get("eos_token_id")), *_numbers(config.get("eos_token_id"))])


def _numbers(value: Any) -> list[int]:
    """Return the tokens that a config's entry names: one, several or none."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [token for token in listed if isinstance(token, int) and not isinstance(token, bool) and 0 <= token < 2**32]
