"""500 MB of safetensors into a module, against the three calls that it cannot do without; and what verifying adds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import alternate, ratio

LAYERS, ROWS, COLUMNS = 30, 1024, 4096

START = f"""
import re, sys, time
import torch
from torch import nn


def peak():  # not ru_maxrss, which a process inherits from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024


before = peak()


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear({COLUMNS}, {ROWS}, bias=False) for _ in range({LAYERS}))


def report(began, network):
    touched = sum(float(value.view(-1)[::1024].sum()) for value in network.state_dict().values())  # one of every page
    took = time.perf_counter() - began
    print(took, peak() - before)
"""
BARE = f"""{START}
from safetensors.torch import load_file
began = time.perf_counter()
with torch.device("meta"):
    network = Network()
network.load_state_dict(load_file(sys.argv[1]), assign=True, strict=True)
report(began, network)
"""
OURS = f"""{START}
import safetensors.torch  # as above: the clock runs for loading, not for imports
from aigc_core.weights import load_module
began = time.perf_counter()
network = load_module(Network, sys.argv[1])
report(began, network)
"""
VERIFY = """
import sys, time
from aigc_core.verified import verify
began = time.perf_counter()
verify(sys.argv[1], int(sys.argv[2]), sys.argv[3])
print(time.perf_counter() - began)
"""


def measure() -> list[str]:
    """Return the rows of the table."""
    import torch
    from safetensors.torch import save_file

    from aigc_core.verified import sha256_of

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.safetensors"))
        save_file({f"layers.{number}.weight": torch.randn(ROWS, COLUMNS) for number in range(LAYERS)}, path)
        size = os.path.getsize(path)
        memory: dict[str, list[float]] = {}

        def run(name: str, script: str) -> float:
            took, peak = _python(script, path, folder)
            memory.setdefault(name, []).append(peak)
            return took

        scripts = {"load_file, meta construction, assign": BARE, "aigc_core.weights.load_module": OURS}
        figures = alternate({name: (lambda name=name: run(name, scripts[name])) for name in scripts})  # type: ignore[misc]
        arguments = (path, folder, str(size), sha256_of(path))
        first = _python(VERIFY, *arguments)[0]
        again = [_python(VERIFY, *arguments)[0] for _ in range(11)]
    bare, ours = figures.values()
    rows = [
        f"| {name} | {statistics.median(each) * 1e3:.0f} | {statistics.median(memory[name]) - size / 2**20:+.0f} |"
        for name, each in figures.items()
    ]
    return [
        f"| {size / 1e6:.0f} MB, page cache warm, all pages touched | ms | peak MiB beyond torch and the weights |",
        "|---|---|---|",
        *rows,
        "",
        f"Time {ratio(ours, bare)} x; the bar is <= 1.1. The bar for memory is <= 100.",
        "",
        f"Verifying that file: {first * 1e3:.0f} ms the first time, {statistics.median(again) * 1e3:.2f} ms "
        f"[{min(again) * 1e3:.2f}, {max(again) * 1e3:.2f}] while it has not changed; the bar is <= 5.",
    ]


def _python(script: str, path: str, folder: str, *arguments: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", script, path, *arguments],
        env={**os.environ, "AIGC_ZOO_HOME": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]
