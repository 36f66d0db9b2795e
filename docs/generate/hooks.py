"""The hooks' reference, from their declarations; in reStructuredText, because docstrings are."""

import inspect

from aigc_core import hookspecs


def page() -> str:
    """Return the page, one section for each hook that the core calls."""
    about = inspect.getdoc(hookspecs) or ""
    return "\n\n".join([heading("Hooks", "="), about, *map(section, hookspecs.NAMES)]) + "\n"


def section(name: str) -> str:
    """Return a hook's signature as a heading, and its docstring."""
    title = signature(name).replace("\\", "\\\\").replace("*", "\\*").replace("|", "\\|")
    return f".. _hook-{name}:\n\n{heading(title, '-')}\n\n{inspect.getdoc(getattr(hookspecs, name)) or ''}"


def signature(name: str) -> str:
    """Return a hook's signature as it is written in the declaration."""
    # Annotations are kept as text by the module's __future__ import; inspect quotes them.
    return name + str(inspect.signature(getattr(hookspecs, name))).replace("'", "")


def heading(title: str, line: str) -> str:
    """Return an underlined title."""
    return f"{title}\n{line * len(title)}"
