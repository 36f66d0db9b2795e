"""One way to write text, in a process of its own: ``python -m benchmarks.text_workers WAY FOLDER ROWS``.

Says a line when it is ready; then takes a number of new tokens a line, and answers with the seconds that so many took
for every row, greedily, after a prompt of 32 tokens.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
PROMPT = 32
Work = Callable[[int], list[list[int]]]


def prompts(rows: int) -> list[list[int]]:
    """Return a prompt a row, of tokens that have nothing to do with each other."""
    return [[(7919 * (place + 1) + 104729 * row) % 7000 + 300 for place in range(PROMPT)] for row in range(rows)]


def ours(engine: str, dtype: str) -> Callable[[Path, int], Work]:
    """Write through the public API, as ``aigc-zoo run`` does."""

    def start(folder: Path, rows: int) -> Work:
        import numpy as np

        from aigc_core import load
        from aigc_core.interfaces.language_model import Request

        generator: Any = load(str(folder), engine=engine, dtype=dtype, threads=THREADS).generator
        generator.tokenizer.ends = frozenset()  # random weights may end a text anywhere

        def work(new: int) -> list[list[int]]:
            options = {"temperature": 0, "max_new_tokens": new}
            requests = [Request(tuple(prompt), options, np.zeros(new, np.float32)) for prompt in prompts(rows)]
            generator.complete(requests)
            return []

        return work

    return start


def transformers(folder: Path, rows: int) -> Work:
    """Write with transformers' ``generate``, as it is."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    given = torch.tensor(prompts(rows))
    common: dict[str, Any] = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}

    def work(new: int) -> list[list[int]]:
        mask = torch.ones_like(given)
        found = network.generate(given, attention_mask=mask, max_new_tokens=new, min_new_tokens=new, **common)
        return [row[PROMPT:] for row in found.tolist()]

    return work


def llama_cpp(dtype: str) -> Callable[[Path, int], Work]:
    """Write with a bare loop over llama.cpp's own functions, on the file that the zoo converted."""

    def start(folder: Path, rows: int) -> Work:
        import ctypes

        import llama_cpp as llama
        import numpy as np

        quiet = llama.llama_log_callback(lambda *_: None)
        llama.llama_log_set(quiet, ctypes.c_void_p(0))
        llama.llama_backend_init()
        settings = llama.llama_model_default_params()
        settings.use_extra_bufts = False  # repacked weights crashed on the machine that this was written on
        model = llama.llama_model_load_from_file(
            str(_converted(folder, "gguf", dtype) / "model.gguf").encode(), settings
        )
        size = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        context = llama.llama_context_default_params()
        context.n_ctx, context.n_batch, context.n_ubatch, context.n_seq_max = 192 * rows, 512, 512, rows
        context.n_threads = context.n_threads_batch = THREADS
        opened = llama.llama_init_from_model(model, context)
        batch = llama.llama_batch_init(512, 0, rows)

        def step(texts: list[list[int]], start: int) -> list[list[int]]:
            count, last = 0, []
            for row, text in enumerate(texts):
                for place, token in enumerate(text):
                    batch.token[count], batch.pos[count], batch.n_seq_id[count] = token, start + place, 1
                    batch.seq_id[count][0], batch.logits[count] = row, place == len(text) - 1
                    count += 1
                last.append(count - 1)
            batch.n_tokens = count
            if llama.llama_decode(opened, batch):
                raise RuntimeError("llama_decode")
            views = [np.ctypeslib.as_array(llama.llama_get_logits_ith(opened, place), (size,)) for place in last]
            return [[int(view.argmax())] for view in views]

        def work(new: int) -> list[list[int]]:
            llama.llama_memory_clear(llama.llama_get_memory(opened), True)
            texts = found = step(prompts(rows), 0)
            for place in range(new - 1):
                texts = step(texts, PROMPT + place)
                found = [one + more for one, more in zip(found, texts, strict=True)]
            return found

        work.kept = quiet, model  # type: ignore[attr-defined]
        return work

    return start


def ctranslate2(dtype: str) -> Callable[[Path, int], Work]:
    """Write with CTranslate2's own ``generate_batch``, on the files that the zoo converted."""

    def start(folder: Path, rows: int) -> Work:
        import ctranslate2 as library

        place = str(_converted(folder, "ct2", dtype))
        generator = library.Generator(place, device="cpu", compute_type=dtype, inter_threads=1, intra_threads=THREADS)
        given = [[str(token) for token in prompt] for prompt in prompts(rows)]
        common = {"beam_size": 1, "sampling_topk": 1, "include_prompt_in_result": False, "max_batch_size": 0}

        def work(new: int) -> list[list[int]]:
            found = generator.generate_batch(given, max_length=new, min_length=new, **common)
            return [[int(token) for token in one.sequences[0]] for one in found]

        return work

    return start


def _converted(folder: Path, engine: str, dtype: str) -> Path:
    """Return what the zoo converted for an engine; it is made where it is not there yet."""
    from aigc_text.engines.opening import converted
    from aigc_text.engines.sources import Source

    config = json.loads((folder / "config.json").read_text("utf-8"))
    return converted(engine, Source.of(config, {path.name: path for path in folder.iterdir()}), dtype)


WAYS: dict[str, Callable[[Path, int], Work]] = {
    "auto": ours("auto", "float32"),
    "native": ours("native", "float32"),
    "compiled": ours("compiled", "float32"),
    "gguf": ours("gguf", "float32"),
    "ct2": ours("ct2", "float32"),
    "transformers generate": transformers,
    "llama.cpp f32": llama_cpp("float32"),
    "CTranslate2 float32": ctranslate2("float32"),
    "auto int8": ours("auto", "int8"),
    "native int8": ours("native", "int8"),
    "gguf int8": ours("gguf", "int8"),
    "ct2 int8": ours("ct2", "int8"),
    "native int4": ours("native", "int4"),
    "llama.cpp q8_0": llama_cpp("int8"),
    "CTranslate2 int8": ctranslate2("int8"),
}
"""Ours in small letters, peers by their names."""


def main(way: str, folder: str, rows: str) -> None:
    """Open, say so, and answer until the input ends."""
    work = WAYS[way](Path(folder), int(rows))
    work(4)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        work(int(line))
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
