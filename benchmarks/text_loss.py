"""What fewer bits cost on real text: ``python -m benchmarks.text_loss MODEL FILE [TOKENS]``.

MODEL is anything that ``run`` takes and that has real weights, FILE a text. All ways score the same tokens; what is
compared is the loss in nats a token.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aigc_core import load

WAYS = [
    ("native", "float32"), ("native", "bfloat16"), ("native", "int8"), ("native", "int4"),
    ("gguf", "int8"), ("gguf", "int4"), ("ct2", "int8"),
]  # fmt: skip


def main(model: str, file: str, tokens: str = "1000") -> None:
    """Score and print."""
    text, exact = Path(file).read_text("utf-8"), 0.0
    print("| engine | type | nats a token | against float32 |\n|---|---|---|---|")
    for engine, dtype in WAYS:
        generator = load(model, engine=engine, dtype=dtype).generator
        short = generator.tokenizer.decode(generator.tokenizer.encode(text)[: int(tokens)])  # type: ignore[attr-defined]
        loss = -float(generator.score(short).logprobs.astype(float).mean())  # type: ignore[attr-defined]
        exact = exact or loss
        print(f"| {engine} | {dtype} | {loss:.4f} | {loss / exact - 1:+.2%} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
