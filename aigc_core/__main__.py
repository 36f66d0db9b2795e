"""The start of ``aigc-zoo`` and of ``python -m aigc_core``."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line and exit."""
    gc.disable()  # start-up only allocates: collecting costs it 7 %, and finds nothing; ``run`` turns it on again
    from aigc_core.cli import main

    main()


if __name__ == "__main__":
    main()
