"""The subjects of clauses: a plugin, one of its components, a model, a recipe, each with what is known of it.

Which clauses apply is known from data alone: nothing of the plugin is imported before a clause asks for it.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aigc_core import registry
from aigc_core.discovery import Plugin
from aigc_core.errors import ZooError
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from pathlib import Path

    from aigc_core.run.model import Model
    from aigc_core.testing.probe import Observed
    from aigc_core.train.data.rows import DataSet

_TAKES_IMAGES = {"encode", "reconstruct", "translate"}
_GIVES_IMAGES = {"decode", "reconstruct", "translate"}


class Subject:
    """Something that clauses apply to."""

    kind = "plugin"
    """``plugin``, ``component``, ``model`` or ``recipe``."""

    def __init__(self, plugin: Plugin, name: str) -> None:
        self.plugin, self.name = plugin, name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @cached_property
    def facts(self) -> frozenset[str]:
        """What is known of it, for ``Clause.needs``."""
        manifest = self.plugin.manifest
        found = {"called by others"} if manifest and (manifest.hooks or manifest.commands) else set()
        return frozenset(found | {"components"} if manifest and manifest.components else found)


class Component(Subject):
    """One entry under ``components`` of ``plugin.json``."""

    kind = "component"

    def __init__(self, plugin: Plugin, sort: str, name: str) -> None:
        super().__init__(plugin, name)
        self.sort = sort

    def __str__(self) -> str:
        return f"{self.sort} {self.plugin.name}:{self.name}"

    @cached_property
    def facts(self) -> frozenset[str]:
        return frozenset([self.sort])

    def load(self) -> Any:
        """Import it. Raises ``NotAvailable`` where that fails."""
        from aigc_core.plugins import component

        return component(self.plugin, self.sort, self.name)


class ModelSubject(Subject):
    """One model, opened when the first clause needs it."""

    kind = "model"

    def __init__(self, plugin: Plugin, entry: Entry) -> None:
        super().__init__(plugin, entry.id)
        self.entry = entry

    @cached_property
    def facts(self) -> frozenset[str]:
        manifest = self.entry.manifest
        if manifest is None:
            return frozenset()
        able, kind = {*manifest.capabilities}, str(manifest.output.get("kind"))
        options = manifest.options.get("properties", {})
        found = {*able, kind, *options}
        found |= {"options"} if options else set()
        found |= {"budget"} if manifest.document.get("budget") else set()
        found |= {"safetensors"} if any(file.format == "safetensors" for file in manifest.files) else set()
        found |= {"language"} if kind == "text" and "score" in able else set()
        found |= {"likelihood"} if kind == "image" and "score" in able else set()
        found |= {"encode"} if "reconstruct" in able else set()
        found |= {"images in"} if able & _TAKES_IMAGES else set()
        found |= {"images out"} if able & _GIVES_IMAGES else set()
        return frozenset(found)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Its verified files. Raises as ``aigc_core.run.load.fetch`` does; nothing is fetched."""
        from aigc_core.run.load import check_licence, fetch

        if self.entry.state not in (*registry.RUNNABLE, "failed"):
            raise self.entry.error()
        check_licence(self.entry, accepted=True)
        return fetch(self.entry, offline=True)

    @cached_property
    def model(self) -> Model:
        """The opened model, shared by the clauses."""
        return self.opened()

    def opened(self, files: dict[str, Path] | None = None, *, computes: bool = True) -> Model:
        """Open it once more, from its own files or from others. Raises as ``aigc_core.load`` does.

        With ``computes`` it has computed something, as the core does it. What goes wrong then is left to the clauses
        that say so.
        """
        from aigc_core.run.load import settle, unsettled

        model = unsettled(self.entry, files or self.files, "cpu")
        if computes and model.language is None:
            with contextlib.suppress(ZooError):
                settle(model)
        return model

    @cached_property
    def observed(self) -> Observed:
        """What a fresh process saw while it opened and used the model."""
        from aigc_core.testing.probe import observe

        return observe(self.entry.qualified)


class RecipeSubject(Subject):
    """One recipe in the plugin's ``zoo/recipes``."""

    kind = "recipe"

    def __init__(self, plugin: Plugin, path: str, rows: dict[str, Any]) -> None:
        super().__init__(plugin, os.path.basename(path).removesuffix(".json"))
        self.path, self.rows = path, rows
        self.data: DataSet | None = None
        """Its file, what a row of its data is where the author says that, and rows that are found to fit."""

    @cached_property
    def facts(self) -> frozenset[str]:
        try:
            networks = read_object(self.path).get("networks", {})
        except Malformed:
            networks = {}
        named = any("discriminator" in role or role == "critic" for role in networks)
        return frozenset(["discriminator"] if named else [])
