"""Write ``aigc_core/scaffold/spdx.txt`` again, from the list in the package ``packaging``."""

from __future__ import annotations

from pathlib import Path

from packaging.licenses import _spdx

TARGET = Path(__file__).parents[2] / "aigc_core" / "scaffold" / "spdx.txt"


def text() -> str:
    """Return the file: licences, then exceptions."""
    licences, exceptions = (
        sorted((entry["id"] for entry in known.values()), key=str.lower) for known in (_spdx.LICENSES, _spdx.EXCEPTIONS)
    )
    head = f"# Licences of SPDX {_spdx.VERSION}, then its exceptions; python tests/scaffold/spdx_again.py writes this."
    return "\n".join([head, *licences, "# Exceptions", *exceptions]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
