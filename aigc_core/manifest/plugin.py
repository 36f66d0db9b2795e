"""What a plugin says of itself: ``zoo/plugin.json`` in its top-level package."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from aigc_core import API
from aigc_core.manifest.options import check_schema
from aigc_core.manifest.read import Malformed, pick, read_object


class PluginManifest(NamedTuple):
    """The fields of ``plugin.json`` that are needed before anything is imported."""

    name: str
    api: int
    summary: str
    components: dict[str, dict[str, str]]
    """Kind (``generators``, ``losses`` ...) to name to ``module:attribute``."""
    hooks: tuple[str, ...]
    commands: dict[str, dict[str, str]]
    """Command name to its ``summary`` and ``target``."""
    claims: dict[str, dict[str, str]]
    """Field (``model_type`` ...) to value to the name of a template in ``zoo/claims``."""
    options: dict[str, str]
    """Architecture to the name of a schema in ``zoo/options``, for manifests that have no ``use.options``."""
    document: dict[str, Any]

    @classmethod
    def read(cls, path: str) -> PluginManifest:
        """Read the file. Raises ``Malformed`` where it cannot be used; the full check is ``validate``'s."""
        document = read_object(path)
        origin = os.path.basename(path)
        components, commands = document.get("components", {}), document.get("commands", {})
        hooks, claims, options = document.get("hooks", []), document.get("claims", {}), document.get("options", {})
        if not _maps(components, lambda names: _maps(names, lambda target: isinstance(target, str))):
            raise Malformed(f"{origin}: components is no map of kinds to names to targets")
        if not _maps(commands, lambda entry: _maps(entry, lambda text: isinstance(text, str)) and "target" in entry):
            raise Malformed(f"{origin}: commands is no map of names to summary and target")
        if not _maps(claims, lambda values: _maps(values, lambda name: isinstance(name, str) and is_name(name))):
            raise Malformed(f"{origin}: claims is no map of fields to values to the names of templates")
        if not _maps(options, lambda name: isinstance(name, str) and is_name(name)):
            raise Malformed(f"{origin}: options is no map of architectures to the names of schemas")
        if not isinstance(hooks, list) or not all(isinstance(hook, str) for hook in hooks):
            raise Malformed(f"{origin}: hooks is no list of names")
        return cls(
            name=pick(document, "name", str, origin),
            api=pick(document, "api", int, origin),
            summary=pick(document, "summary", str, origin),
            components=components,
            hooks=tuple(hooks),
            commands=commands,
            claims=claims,
            options=options,
            document=document,
        )


def shared_options(zoo: str, name: str) -> dict[str, Any]:
    """Return a schema of options from ``zoo/options``. Raises ``Malformed`` where it cannot be used."""
    path = os.path.join(zoo, "options", f"{name}.json")
    schema = read_object(path)
    if reason := check_schema(schema):
        raise Malformed(f"{path}: {name}{reason}")
    return schema


def api_problem(api: int, distribution: str) -> tuple[str, str]:
    """Return why an API number is refused and the command that mends it, or two empty strings."""
    offered = f"{API} and {API - 1}" if API > 1 else f"{API}"
    if api > API:
        text = f"needs plugin API {api}, this core offers {offered}"
        return text, "pip install --upgrade aigc-core"
    if api < API - 1 or api < 1:
        text = f"was made for plugin API {api}, this core offers {offered}"
        return text, f"pip install --upgrade {distribution}"
    return "", ""


def is_name(text: str) -> bool:
    """Say whether a text can name a plugin, component or model: lower case, digits and dashes."""
    return re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is not None


def _maps(value: Any, accepts: Any) -> bool:
    return isinstance(value, dict) and all(accepts(entry) for entry in value.values())
