"""What a stranger's template may spend: each iteration, call and value has a price, and a rendering a purse."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from types import GeneratorType
from typing import Any

LARGEST = 100_000
"""The largest whole number that a call or filter takes: it may be a width, a count or an exponent."""
CHARACTERS, TICK, BITS = 64, 4, 65_536
"""Characters of one unit; units of one iteration or call; bits of the longest whole number."""
_GROWING = {
    "replace",
    "join",
    "center",
    "indent",
    "batch",
    "slice",
    "format",
    "wordwrap",
    "truncate",
    "tojson",
    "urlize",
}
_FREE = {"length", "count", "default", "d", "first", "last"}
"""Filters that do not look at all of their value."""
_LEFT: ContextVar[list[int]] = ContextVar("units that a rendering may still spend")


class TooMuch(Exception):
    """A template does more than a conversation of its length can need."""


def spending(units: int, work: Callable[[], str]) -> str:
    """Return what ``work`` returns, with so many units to spend. Raises ``TooMuch``."""
    token = _LEFT.set([units])
    try:
        return work()
    finally:
        _LEFT.reset(token)


def spend(units: int) -> None:
    """Pay for something. Raises ``TooMuch`` where nothing is left."""
    left = _LEFT.get()
    left[0] -= units
    if left[0] < 0:
        raise TooMuch


def units(value: Any) -> int:
    """Return the price of a value; what is in it twice counts twice, as it does when it is written out."""
    from jinja2.utils import Namespace

    total, parts, most = 0, [value], _LEFT.get()[0]
    while parts and total <= most:
        part = parts.pop()
        total += 1
        if isinstance(part, (str, bytes)):
            total += len(part) // CHARACTERS
        elif isinstance(part, Mapping):
            parts += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple, set, frozenset)):
            parts += part
        elif isinstance(part, Namespace):
            parts += part._Namespace__attrs.values()
        elif isinstance(part, range):
            total += len(part)
        elif isinstance(part, int):
            total += part.bit_length() // CHARACTERS
    return total


def paid(value: Any) -> Any:
    """Pay for a value and return it."""
    spend(units(value))
    return value


def room(arguments: Iterable[Any], growing: bool) -> None:
    """Raise ``TooMuch`` where an argument is a number that no template has reason to give, or where two together, such
    as a text and what replaces each of its characters, may grow to more than is left to spend."""
    sizes = [1, 1]
    for argument in arguments:
        if isinstance(argument, int) and abs(argument) > LARGEST:
            raise TooMuch
        text = isinstance(argument, (str, bytes))
        number = isinstance(argument, int)
        sizes.append(abs(argument) if number else len(argument) if text else CHARACTERS * (units(argument) - 1))
    first, second = sorted(sizes)[-2:]
    if growing and first * second > CHARACTERS * _LEFT.get()[0]:
        raise TooMuch


def metered(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a filter or test that pays for what it is given and what it makes."""

    behind = int(hasattr(function, "jinja_pass_arg"))  # Jinja's own context stands before what the template gives

    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        spend(TICK)
        arguments = tuple(list(part) if isinstance(part, GeneratorType) else part for part in arguments)
        given = [*arguments[behind + (name in _FREE) :], *named.values()]
        room(given, name in _GROWING)
        paid(given)
        if name == "format":
            checked_format(arguments[0])
        return paid(function(*arguments, **named))

    return run


def checked_format(text: Any) -> None:
    """Raise ``TooMuch`` where a format writes a width of many digits, or takes one from its arguments."""
    if isinstance(text, str) and re.search(r"\d{5}|%[^%a-zA-Z]*\*|\{[^{}]*\{", text):
        raise TooMuch
