"""Libraries that only some recipes need, so that they are optional."""

from __future__ import annotations

import importlib
from typing import Any

from aigc_core.errors import NotAvailable


def extra(module: str, name: str, use: str) -> Any:
    """Import ``module``, which the extra ``name`` of the distribution installs. Raises ``NotAvailable``."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        text = f"{use} needs {module.partition('.')[0]}, which is not installed."
        raise NotAvailable(text, f"Install it: pip install 'aigc-core[{name}]'") from error
