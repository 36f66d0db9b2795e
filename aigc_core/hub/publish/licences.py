"""The Hub's names for licences. They are mostly SPDX ids in lower case; a card with a name of its own is rejected."""

from __future__ import annotations

NAMES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0
    eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research
    intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit
    mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 pddl postgresql unlicense wtfpl zlib
    """.split()  # noqa: SIM905
)
"""What the Hub lists (hub-docs, repositories-licenses, and its message of May 2026), without ``other`` and ``unknown``.
"""

_OTHERWISE = {
    "agpl-3.0-only": "agpl-3.0", "agpl-3.0-or-later": "agpl-3.0",
    "gpl-2.0-only": "gpl-2.0", "gpl-2.0-or-later": "gpl-2.0", "gpl-3.0-only": "gpl-3.0", "gpl-3.0-or-later": "gpl-3.0",
    "lgpl-2.1-only": "lgpl-2.1", "lgpl-2.1-or-later": "lgpl-2.1",
    "lgpl-3.0-only": "lgpl-3.0", "lgpl-3.0-or-later": "lgpl-3.0",
    "c-uda-1.0": "c-uda", "lgpllr": "lgpl-lr", "odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl",
}  # fmt: skip
"""SPDX ids that the Hub calls otherwise."""


def fields(spdx: str | None) -> dict[str, str]:
    """Return what a card's front matter says for an SPDX id or expression: ``license``, for one that the Hub does not
    know ``other`` with its ``license_name``, for None nothing.
    """
    if spdx is None:
        return {}
    lower = spdx.lower()
    name = _OTHERWISE.get(lower, lower)
    if name in NAMES:
        return {"license": name}
    return {"license": "other", "license_name": "-".join(lower.removeprefix("licenseref-").split())}
