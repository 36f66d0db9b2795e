"""The states that a plugin can be in."""

from aigc_core.discovery import STATES
from generate.markdown import code, table, text


def page() -> str:
    """Return the table that the page about plugins includes."""
    return table(["state", "what it means"], [[code(name), text(words)] for name, words in STATES.items()])
