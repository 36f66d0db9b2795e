"""What a folder in the Hub's layout is: a model of its own manifest's, or of a plugin that claims its config."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from typing import Any

from aigc_core import discovery
from aigc_core.discovery import Plugin
from aigc_core.errors import NotAvailable
from aigc_core.hub.choose import CONFIG, ENDINGS, FORMATS, GGUF, MANIFEST
from aigc_core.hub.claims import FIELDS, claimed, complete
from aigc_core.manifest.model import ModelManifest, WeightFile
from aigc_core.manifest.read import MAX_BYTES, Malformed, read_object
from aigc_core.registry import plugins_by_name


def own_manifest(folder: str, title: str) -> ModelManifest:
    """Read the manifest that lies in the folder. Raises ``NotAvailable`` where it cannot be used."""
    try:
        found = ModelManifest.read(os.path.join(folder, MANIFEST))
        if found.source != "bundled":
            raise Malformed(f"{MANIFEST}: weights.source is {found.source!r}, beside the weights it is 'bundled'")
        for file in found.files:
            if file.format not in FORMATS:
                text = "is a pickle; only a manifest that you installed may ask for that"
                raise Malformed(f"{MANIFEST}: {file.path} {text}")
            if not file.path.endswith(ENDINGS):
                raise Malformed(f"{MANIFEST}: {file.path} may hold code: its name has none of {', '.join(ENDINGS)}")
    except Malformed as error:
        raise NotAvailable(f"{title} has a manifest that cannot be used: {error}.") from None
    return found


def describe(
    folder: str, files: Sequence[WeightFile], title: str, licence: str | None
) -> tuple[ModelManifest, Plugin | None]:
    """Return a folder's manifest and the plugin that runs it, None where that is not installed.

    ``files`` are those that a model without a manifest consists of. Raises ``NotAvailable`` where nobody can load it.
    """
    if os.path.exists(os.path.join(folder, MANIFEST)):
        own = own_manifest(folder, title)
        return own, plugins_by_name(discovery.plugins()).get(own.plugin)
    plugin, template = claimed(facts(folder, title, [file.path for file in files]), title)
    return complete(plugin, template, title, files, licence), plugin


def facts(folder: str, title: str, names: Collection[str]) -> dict[str, Any]:
    """Return what a folder says of itself under the names that plugins claim: from config.json, and from its card.

    ``names`` are its files: one that has no config but a GGUF file counts as of the library ``gguf``.
    """
    try:
        config = read_object(os.path.join(folder, CONFIG)) if os.path.exists(os.path.join(folder, CONFIG)) else {}
    except Malformed as error:
        raise NotAvailable(f"The config of {title} cannot be used: {error}.") from None
    library = _front_matter(os.path.join(folder, "README.md"), "library_name")
    if not config and any(name.endswith(GGUF) for name in names):
        library = "gguf"
    return {field: config[field] for field in FIELDS if field in config} | (
        {"library_name": library} if library else {}
    )


def _front_matter(path: str, field: str) -> str:
    """Return a plain field of a model card's front matter, or an empty string."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(MAX_BYTES)
    except OSError:
        return ""
    head = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    found = re.search(rf"^{field}:[ \t]*['\"]?([\w.-]+)['\"]?[ \t]*\r?$", head[1], re.MULTILINE) if head else None
    return found[1] if found else ""
