"""``python -m aigc_core.golden``: one fresh process that measures for ``measure``; it takes and gives JSON."""

from __future__ import annotations

import json
import os
import sys

from aigc_core.golden.measure import Asked, variants


def main() -> None:
    """Read what is asked from the standard input; write each variant's output beside the case and say which."""
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)  # a plugin may print what it likes: it is not taken for the answer
        json.dump(variants(Asked(**json.load(sys.stdin))), answer)


if __name__ == "__main__":
    main()
