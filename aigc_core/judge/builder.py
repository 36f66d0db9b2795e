"""Runs inside the sandbox: builds a contributed plugin's project, whose build may run any code, and lays it out.

``python -m aigc_core.judge.builder SOURCE OUT``. Nothing is fetched: the build backend is the one that is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main(source: str, out: str) -> int:
    """Return pip's exit code; ``OUT/site`` holds the packages and their metadata."""
    own = os.path.join(os.environ["HOME"], "source")
    shutil.copytree(source, own)  # a build writes beside its source
    words = ["install", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--no-cache-dir", "--quiet"]
    words += ["--disable-pip-version-check", "--target", os.path.join(out, "site"), own]
    return subprocess.run([sys.executable, "-m", "pip", *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
