"""``python -m aigc_core.manifest FILE...``: print every problem of the files as JSON; exit with 1 if there is any."""

from __future__ import annotations

import json
import os
import sys

from aigc_core.manifest.validate import validate_model, validate_plugin


def main(paths: list[str]) -> int:
    """Check files, those called ``plugin.json`` as plugin manifests, and print one JSON list."""
    problems = []
    for path in paths:
        check = validate_plugin if os.path.basename(path) == "plugin.json" else validate_model
        problems += [{"path": path, **problem._asdict()} for problem in check(path)]
    print(json.dumps(problems, indent=2))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
