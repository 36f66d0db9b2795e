"""What a new plugin is to be: checked before anything is written."""

from __future__ import annotations

import keyword
import os
import re
import sys
from typing import NamedTuple

from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.manifest.plugin import is_name
from aigc_core.scaffold.licence import canonical

FAMILIES = {
    "gan": "Woven stripes, 28 x 28 grey: a GAN that trains in seconds.",
    "vae": "Woven stripes, 28 x 28 grey: a VAE that trains in seconds.",
    "text": "Words that nobody has: a character model that trains in seconds.",
}
"""Every family that there is a template for, with the summary of its model."""
TAKEN = ("core", "gan", "vae", "text", "zoo", "hf", "registry", "user")
"""Names that a plugin of somebody else cannot have: those of the zoo's own, of distributions, and of origins."""


class Asked(NamedTuple):
    """A plugin that somebody wants."""

    name: str
    family: str
    licence: str
    """An SPDX id or expression."""
    author: str

    @property
    def distribution(self) -> str:
        """What pip will call it."""
        return f"aigc-{self.name}"

    @property
    def package(self) -> str:
        """What Python will call it."""
        return self.distribution.replace("-", "_")


def checked(asked: Asked) -> Asked:
    """Return what was asked for, the licence as SPDX writes it. Raises ``WrongUse`` with what would be right."""
    check_name(asked.name)
    if asked.family not in FAMILIES:
        hint = f"Choose from: {', '.join(FAMILIES)}."
        raise WrongUse(f"There is no family {asked.family}.{did_you_mean(asked.family, [*FAMILIES])}", hint)
    if not asked.author.strip() or not asked.author.isprintable() or len(asked.author) > 300:
        raise WrongUse("An author is one line of text.", 'Such as: --author "Ada Lovelace"')
    return asked._replace(author=asked.author.strip(), licence=canonical(asked.licence))


def check_name(name: str) -> None:
    """Raise ``WrongUse`` where a plugin cannot have a name, here or anywhere."""
    if not is_name(name) or len(name) > 60:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
        hint = f"Such as: {near}" if near else "Such as: plaid"
        raise WrongUse(f"{name!r} is not lower-case letters, digits and single dashes.", hint)
    from aigc_core.cli import VERBS

    if name in (*TAKEN, *VERBS):  # a plugin's own commands stand beside the core's
        raise WrongUse(f"{name} is a name of aigc-zoo's own.", "Choose another.")
    package = Asked(name, "", "", "").package
    if keyword.iskeyword(package) or package in sys.stdlib_module_names:
        raise WrongUse(f"Python has something called {package} already.", "Choose another name.")
    _check_is_free(name)


def _check_is_free(name: str) -> None:
    """Refuse the name of a plugin or a model that is here: once installed, neither could be run by its name alone."""
    from aigc_core import discovery, registry

    for plugin in discovery.plugins():
        if plugin.name == name:
            hint = f"Choose another name, or: pip uninstall {plugin.distribution}"
            raise WrongUse(f"{name} is a plugin of {plugin.distribution}, which is installed.", hint)
    for place in registry.known_places():
        if os.path.exists(os.path.join(place.folder, f"{name}.json")):
            owner = place.origin if place.origin.startswith("plugin") else f"the {place.origin} folder"
            raise WrongUse(f"{name} is a model of {owner} already.", "Choose another name.")
