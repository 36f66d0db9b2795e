"""The static half of the contract: what can be known of a plugin or a model without running any of its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.findings import Finding


def check_static(path: str) -> list[Finding]:
    """Check a manifest's file, a ``zoo`` folder, a package or a project's folder.

    Raises ``WrongUse`` where nothing there can be checked.
    """
    from aigc_core.check.static import checked

    return checked(path)
