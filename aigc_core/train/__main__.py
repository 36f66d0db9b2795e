"""``torchrun -m aigc_core.train RECIPE --out DIR``: ``aigc-zoo train`` in every process that torchrun starts."""

from __future__ import annotations

import sys

from aigc_core.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
