"""Which files of a repository make a model, where no manifest says: safetensors or one GGUF file, config, tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aigc_core.errors import Refused
from aigc_core.shards import read_index

MANIFEST = "aigc-zoo.json"
"""Our own manifest, in a repository or folder that was made for this zoo."""
CONFIG = "config.json"
TEXTS = (
    "added_tokens.json", "chat_template.json", "config.json", "generation_config.json", "preprocessor_config.json",
    "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "README.md",
    "chat_template.jinja", "merges.txt", "vocab.txt",
)  # fmt: skip
"""What a plugin may need beside the weights; every one that is there is taken."""
WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")
FORMATS = ("safetensors", "gguf", "json", "text")
"""What a file may be where no manifest that the user installed asks for more."""
ENDINGS = (".safetensors", ".gguf", ".json", ".txt", ".jinja", ".md")
"""What a file that a stranger names may end in: nothing that can hold code."""
TEXT_BYTES = 50_000_000
"""The largest file that is taken beside the weights; the largest tokenizers have some 30 MB."""
GGUF = ".gguf"
"""llama.cpp's format: weights, config and tokenizer in one file, and no code."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def small_files(names: Collection[str]) -> list[str]:
    """Return the files beside the weights that are taken."""
    return [name for name in TEXTS if name in names]


def weight_files(names: Collection[str], bring: Callable[[str], str], where: str) -> list[str]:
    """Return the files to load: one in safetensors, an index and its shards, or else the only GGUF file.

    ``bring`` returns a local path of one of them. Raises ``Refused`` where there are none, where which is meant is not
    clear, or the index names what is not there.
    """
    for name in WEIGHTS:
        if name in names:
            return [name]
        index = f"{name}.index.json"
        if index in names:
            shards = sorted(set(read_index(bring(index)).values()))
            if lacking := [shard for shard in shards if shard not in names]:
                raise Refused(f"{index} of {where} names {lacking[0][:100]}, which is not there.")
            return [index, *shards]
    single = sorted(name for name in names if name.endswith(".safetensors") and "/" not in name)
    if len(single) == 1:
        return single
    if single:
        raise Refused(f"{where} has {len(single)} safetensors files and no index, so which to load is not known.")
    if whole := sorted(name for name in names if name.endswith(GGUF) and "/" not in name):
        if len(whole) > 1:
            text = f"{where} has {len(whole)} GGUF files, so which to load is not known: {', '.join(whole)[:500]}."
            raise Refused(text, "Put the one that you want into a folder of its own: aigc-zoo run ./FOLDER")
        return whole
    if any(name.endswith(PICKLED) for name in names):
        text = f"{where} has its weights as a pickle only, which can run code when it is opened."
        raise Refused(text, "Ask its authors for safetensors, or convert it in a place where that may happen.")
    raise Refused(f"{where} has no safetensors file.")


def kind(name: str) -> str:
    """Return the format that a file of a repository is taken to have."""
    ending = name.rpartition(".")[2]
    return ending if ending in FORMATS else "text"
