"""A fresh process to the first token of the 135M shape, page cache warm: ``python -m benchmarks.text_cold``.

With ``BENCH_PYTHON`` and ``BENCH_MODELS`` as ``benchmarks.text`` has them. What is timed is the command that a user
types, from the start of the process to its end, for one token.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Cost, alternate, process, ratio

MODEL = "smollm2-135m"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
PEER = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
tokens = AutoTokenizer.from_pretrained(sys.argv[1])("import os", return_tensors="pt")
network = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
print(network.generate(**tokens, max_new_tokens=1, do_sample=False))
"""


def measure() -> list[str]:
    """Return the rows of the table."""
    python = os.environ.get("BENCH_PYTHON", sys.executable)
    models = Path(os.environ.get("BENCH_MODELS", tempfile.gettempdir()))
    subprocess.run([python, "-m", "benchmarks.text_models", str(models), MODEL], check=True, stdout=sys.stderr)
    ours = [python, "-m", "aigc_core", "run", str(models / MODEL), "import os", "--max-new-tokens", "1"]
    ours += ["--temperature", "0", "--no-stream"]
    commands = {
        "import torch": [python, "-c", "import torch"],
        "gguf": [*ours, "--engine", "gguf"],
        "gguf int8": [*ours, "--engine", "gguf", "--dtype", "int8"],
        "ct2 int8": [*ours, "--engine", "ct2", "--dtype", "int8"],
        "native": [*ours, "--engine", "native"],
        "native int8": [*ours, "--engine", "native", "--dtype", "int8"],
        "transformers": [python, "-c", PEER, str(models / MODEL)],
    }
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"HF_HUB_OFFLINE": "1"}
    costs: dict[str, list[Cost]] = {}

    def one(name: str) -> float:
        cost = process(commands[name], environment)
        costs.setdefault(name, []).append(cost)
        return cost.wall

    figures = alternate({name: (lambda name=name: one(name)) for name in commands}, ROUNDS)  # type: ignore[misc]
    base = statistics.median(cost.memory for cost in costs["import torch"])
    lines = [
        "| command | wall s | beyond `import torch` s | peak MB | beyond `import torch` MB |",
        "|---|---|---|---|---|",
    ]
    for name, walls in figures.items():
        memory = statistics.median(cost.memory for cost in costs[name])
        later = statistics.median(one - other for one, other in zip(walls, figures["import torch"], strict=True))
        lines.append(
            f"| {name} | {statistics.median(walls):.2f} | {later:+.2f} | {memory:.0f} | {memory - base:+.0f} |"
        )
    return [*lines, "", f"`native` is {ratio(figures['transformers'], figures['native'])} x as fast as transformers."]


if __name__ == "__main__":
    print("\n".join(measure()))
