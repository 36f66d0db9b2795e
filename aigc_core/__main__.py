"""``python -m aigc_core`` is ``aigc-zoo``."""

from aigc_core.cli import main

main()
