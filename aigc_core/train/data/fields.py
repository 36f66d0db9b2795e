"""Fields of a recipe's ``data``: a wrong one ends in a sentence that says where it is and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_core.errors import WrongUse, did_you_mean

_REQUIRED = object()
_CALLED = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    bool: "a boolean",
}


def field(table: Mapping[str, Any], name: str, kind: type, where: str, default: Any = _REQUIRED) -> Any:
    """Return a field of ``table``; ``where`` is the table's place in the recipe. Raises ``WrongUse``.

    A ``float`` may be written as a whole number; a boolean is no number.
    """
    if name not in table:
        if default is _REQUIRED:
            raise WrongUse(f"{where} in the recipe has no {name}; it takes {_CALLED[kind]}.")
        return default
    value = table[name]
    kinds = (int, float) if kind is float else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
        raise WrongUse(f"{where}.{name} in the recipe is {_shown(value)}; it takes {_CALLED[kind]}.")
    return value


def number(
    table: Mapping[str, Any], name: str, kind: type, where: str, low: float, high: float, default: Any = _REQUIRED
) -> Any:
    """Return a number from ``low`` to ``high``. Raises ``WrongUse``."""
    value = field(table, name, kind, where, default)
    if name in table and not low <= value <= high:  # also where it is NaN
        limits = f"from {low} up" if high == float("inf") else f"from {low} to {high}"
        raise WrongUse(f"{where}.{name} in the recipe is {_shown(value)}; it takes {_CALLED[kind]} {limits}.")
    return value


def choice(table: Mapping[str, Any], name: str, known: list[str], where: str, default: Any = _REQUIRED) -> str:
    """Return a field that is one of some words. Raises ``WrongUse``."""
    value = str(field(table, name, str, where, default))
    if value not in known:
        text = f"{where}.{name} in the recipe is {_shown(value)}; it takes one of {', '.join(known)}."
        raise WrongUse(text + did_you_mean(value, known))
    return value


def pair(table: Mapping[str, Any], name: str, kind: type, where: str) -> tuple[Any, Any]:
    """Return a field that is a list of two numbers. Raises ``WrongUse``."""
    values = field(table, name, list, where)
    try:
        if len(values) != 2:
            raise WrongUse("")
        each = [field({"it": value}, "it", kind, "") for value in values]
    except WrongUse:
        text = f"{where}.{name} in the recipe is {_shown(values)}; it takes a list of two numbers."
        raise WrongUse(text) from None
    return each[0], each[1]


def only(table: Mapping[str, Any], known: list[str], where: str) -> None:
    """Raise ``WrongUse`` where ``table`` has a field that nothing reads."""
    for name in table:
        if name not in known:
            text = f"{where} in the recipe has a field {_shown(name)}, which nothing reads."
            raise WrongUse(text + did_you_mean(str(name), known))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
