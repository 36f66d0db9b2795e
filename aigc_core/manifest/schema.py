"""The JSON Schemas that ship with the core, one for each kind of document."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aigc_core.manifest.read import read_object


@cache
def schema(kind: str) -> dict[str, Any]:
    """Return the schema of ``model``, ``plugin`` or the output of a command. It is shared: do not change it."""
    return read_object(os.path.join(os.path.dirname(__file__), "schemas", f"{kind}.schema.json"))
