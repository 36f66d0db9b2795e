"""Models of random weights in the shapes that people run, saved by transformers in the Hub's layout."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

SHAPES = {
    "smollm2-135m": (
        "Llama",
        {
            "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
            "intermediate_size": 1536, "vocab_size": 49152, "max_position_embeddings": 2048,
        },
    ),
    "gpt2": ("GPT2", {"vocab_size": 50257}),
    "15m": (
        "Llama",
        {
            "hidden_size": 288, "num_hidden_layers": 6, "num_attention_heads": 6, "num_key_value_heads": 6,
            "intermediate_size": 768, "vocab_size": 32000, "max_position_embeddings": 256,
        },
    ),
}  # fmt: skip
"""By name: transformers' class, and what its config says beside the usual."""
WEIGHTS = {"smollm2-135m": 134.5e6, "gpt2": 123.7e6, "15m": 15.2e6}
"""How many weights a token reads: the embedding is read as the head alone."""


def make(folder: Path, name: str) -> Path:
    """Make the model of that name below a folder, where it is not there yet, and return its own."""
    place = folder / name
    if not (place / "config.json").exists():
        import torch
        import transformers

        kind, config = SHAPES[name]
        torch.manual_seed(0)
        common = {"tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0}
        own = getattr(transformers, f"{kind}Config")(**config, **common)
        suffix = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
        getattr(transformers, f"{kind}{suffix}")(own).save_pretrained(place)
        _tokenizer(own.vocab_size).save(str(place / "tokenizer.json"))
        tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
        (place / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return place


def _tokenizer(size: int) -> Any:
    """Return a byte-level BPE trained on the standard library's source, filled up with tokens that nothing makes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    files = sorted(map(str, Path(sysconfig.get_paths()["stdlib"]).glob("*.py")))[:120]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train(files, trainer)
    document = json.loads(tokenizer.to_str())
    vocabulary = document["model"]["vocab"]
    for token in range(len(vocabulary), size):
        vocabulary[f"<unused{token}>"] = token
    return Tokenizer.from_str(json.dumps(document))


if __name__ == "__main__":
    for wanted in sys.argv[2:] or SHAPES:
        print(make(Path(sys.argv[1]), wanted))
