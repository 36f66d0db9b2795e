"""What the small files beside a vocabulary say: its special tokens, and the kind that transformers makes of it.

Nothing here needs the ``tokenizers`` library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aigc_core.errors import Refused
from aigc_core.manifest.read import Malformed, read_object

MAX_BYTES = 8_000_000
"""The largest tokenizer_config.json of a Hub model has a megabyte, of 6,000 tokens that nothing uses."""
AGAIN = "Fetch the file again, or use another model; it was not loaded."
NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Special tokens that every tokenizer can have, in the order in which transformers adds those that are missing."""

DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "GPT2Tokenizer": dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>"),
    "GPTNeoXTokenizer": dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    | {"pad_token": "<|padding|>"},
    "Qwen2Tokenizer": dict.fromkeys(("eos_token", "unk_token", "pad_token"), "<|endoftext|>"),
    "LlamaTokenizer": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    "BertTokenizer": {
        "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
    },
}  # fmt: skip
"""The kinds whose pipeline transformers 5 writes itself, whatever tokenizer.json says, and their special tokens."""
REGISTERED = {
    "gpt2": "GPT2Tokenizer", "gpt_neox": "GPTNeoXTokenizer", "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer",
    "mistral": "TokenizersBackend",
}  # fmt: skip
"""The class that transformers 5 registers for a model_type; it has none for ``llama``."""


class Special(NamedTuple):
    """A token that is matched in a text before anything else is."""

    content: str
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False
    normalized: bool = False
    special: bool = True


class Beside(NamedTuple):
    """What is said of a vocabulary."""

    kind: str
    """A key of ``DEFAULTS``; empty where tokenizer.json is taken as it stands."""
    settings: Mapping[str, Any]
    """tokenizer_config.json."""
    named: Mapping[str, Special]
    """Special tokens by their names, such as ``bos_token``."""
    extra: tuple[Special, ...]
    """Special tokens without a name."""
    added: Mapping[int, Special]
    """Tokens beside the model's own, by their numbers."""
    complete: bool
    """Whether ``added`` has all of them; else tokenizer.json may list more."""


def read_beside(files: Mapping[str, Path], config: Mapping[str, Any]) -> Beside:
    """Read what a model's files say of its tokenizer. ``config`` is its config.json.

    Raises ``Refused`` with file and cause where one of them is damaged.
    """
    settings = small_json(files, "tokenizer_config.json")
    complete, path = "added_tokens_decoder" in settings, files.get("tokenizer_config.json")
    given = settings if complete else settings | small_json(files, "special_tokens_map.json")
    kind = _kind(files, config, settings)
    named = _named(given, DEFAULTS.get(kind, {}), path)
    extra = given.get("extra_special_tokens") or given.get("additional_special_tokens") or ()
    extra = () if isinstance(extra, dict) else tuple(_special(token, path) for token in _list(extra, path))
    if complete:
        listed, by = settings["added_tokens_decoder"], path
        pairs: Iterable[tuple[Any, Any]] = listed.items() if isinstance(listed, dict) else [(listed, None)]
    else:
        known = {token.content for token in (*named.values(), *extra)}
        listed, by = small_json(files, "added_tokens.json"), files.get("added_tokens.json")
        pairs = [(n, Special(text, normalized=text not in known, special=text in known)) for text, n in listed.items()]
    return Beside(kind, settings, named, extra, _numbered(pairs, by), complete)


def small_json(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    """Return a model's JSON file, empty where it has none. Raises ``Refused`` where it cannot be used."""
    if name not in files:
        return {}
    try:
        return read_object(str(files[name]), MAX_BYTES)
    except Malformed as error:
        raise Refused(f"{error}.", AGAIN) from error


def _kind(files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return the kind that ``AutoTokenizer`` of transformers 5.23 chooses (models/auto/tokenization_auto.py)."""
    if "tokenizer.json" not in files and "vocab.json" not in files:
        return "BertTokenizer"  # of vocab.txt, the only one that a word piece's vocabulary fits
    chosen = _chosen(files, config, settings)
    if "tokenizer.json" in files:
        return chosen
    return chosen if chosen in ("GPTNeoXTokenizer", "Qwen2Tokenizer") else "GPT2Tokenizer"


def _chosen(files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    declared = settings.get("tokenizer_class") or config.get("tokenizer_class") or ""
    declared = declared.removesuffix("Fast") if isinstance(declared, str) else ""
    model_type = config.get("model_type")
    registered = REGISTERED.get(model_type, "") if isinstance(model_type, str) else ""
    if declared == "LlamaTokenizer" and model_type != "qwen2" and _is_byte_level(files):
        return ""
    if registered == "TokenizersBackend" and declared and declared != registered:
        return ""
    chosen = registered if model_type == "qwen2" or not declared else declared
    return chosen if chosen in DEFAULTS else ""


def _is_byte_level(files: Mapping[str, Path]) -> bool:
    # Models such as DeepSeek's are declared as Llama's and have bytes where Llama has sentencepiece's blocks.
    path = files.get("tokenizer.json")
    try:
        return path is not None and b'"ByteLevel"' in path.read_bytes()
    except OSError:
        return False  # whoever opens it says so


def _named(given: Mapping[str, Any], defaults: Mapping[str, str], path: Path | None) -> dict[str, Special]:
    """Return the named special tokens: those of every tokenizer first, then the model's own."""
    own = {name: value for name, value in given.items() if name.endswith("_token") and name not in NAMES}
    if isinstance(given.get("extra_special_tokens"), dict):
        own |= given["extra_special_tokens"]
    values = {name: given.get(name, defaults.get(name)) for name in NAMES}
    values |= {name: value for name, value in own.items() if isinstance(value, (str, dict))}  # add_bos_token is none
    return {name: _special(value, path) for name, value in values.items() if value is not None}


def _numbered(pairs: Iterable[tuple[Any, Any]], path: Path | None) -> dict[int, Special]:
    try:
        return {int(number): _special(token, path) for number, token in pairs}
    except (TypeError, ValueError) as error:
        raise Refused(f"{path} lists the added tokens, but not by their numbers.", AGAIN) from error


def _special(value: Any, path: Path | None) -> Special:
    if isinstance(value, (Special, str)):
        return value if isinstance(value, Special) else Special(value)
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise Refused(f"{path}: {str(value)[:100]!r} is no token.", AGAIN)
    flags = {name: value[name] for name in Special._fields[1:] if name in value}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise Refused(f"{path}: {value['content'][:100]!r} has a flag that is neither true nor false.", AGAIN)
    special = flags.get("special", True)
    return Special(value["content"], **{"normalized": not special} | flags)


def _list(value: Any, path: Path | None) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise Refused(f"{path}: the extra special tokens are no list.", AGAIN)
    return list(value)
