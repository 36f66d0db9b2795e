"""Whether fresh processes agree to the bit: ``python -m benchmarks.fresh_processes [SECONDS]``.

Three processes at once on two cores, so that threads meet. ``bare`` opens the generator by itself, ``zoo`` goes
through ``aigc_core.load``, which computes one sample on one thread first. Prints each hash with its count.
"""

from __future__ import annotations

import collections
import concurrent.futures
import subprocess
import sys
import time

SCRIPT = """
import hashlib, sys
import aigc_core
from aigc_core.run import load
if sys.argv[1] == "bare":
    load._settle = lambda model: None
values = aigc_core.load("dcgan-fashion").generate(64, seed=0).values
print(hashlib.sha256(values.tobytes()).hexdigest()[:12])
"""


def one(way: str) -> tuple[str, str]:
    """Sample in a new process; return the way and the hash of the samples."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, way], capture_output=True, text=True, check=True)
    return way, done.stdout.strip()


def main(seconds: float) -> None:
    """Start processes for so long, both ways in turn."""
    hashes: dict[str, collections.Counter[str]] = {"bare": collections.Counter(), "zoo": collections.Counter()}
    end = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        while time.monotonic() < end:
            for way, digest in pool.map(one, ["bare", "zoo"] * 6):
                hashes[way][digest] += 1
    for way, found in hashes.items():
        print(way, dict(found))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600)
