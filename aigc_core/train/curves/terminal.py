"""Curves as braille dots, two by four to a character, each run marked by its letter: readable without colours.

Own code, for it is short: plotext 6 took back the functions of plotext 5, and both join a line across a missing value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from string import ascii_uppercase

from aigc_core.train.curves.logs import Curve, Histogram

_BARS = " ▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_MARGIN = 13
_EVERY = 24
"""Columns between two letters on a line."""


def letter(number: int) -> str:
    """Return the letter that marks a run's line."""
    return ascii_uppercase[number % 26]


def spread(histogram: Histogram) -> str:
    """Return a histogram as one line: its least number, a bar for each bin, its greatest."""
    most = max(histogram.counts)
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in histogram.counts)
    return f"{histogram.edges[0]:>{_MARGIN - 2}.4g} ▕{bars}▏ {histogram.edges[-1]:.4g}"


def plot(curves: Sequence[Curve], width: int, height: int, paint: Callable[[int, str], str]) -> list[str]:
    """Return the lines of a plot of ``width`` x ``height`` characters with both axes.

    ``paint`` colours a text as belongs to the curve of that number.
    """
    points = [point for curve in curves for point in zip(*curve, strict=True) if math.isfinite(point[1])]
    if not points:
        return ["  (no finite value to draw)"]
    steps, values = zip(*points, strict=True)
    left, right, low, high = min(steps), max(steps), min(values), max(values)
    columns, rows = width - _MARGIN, height - 2
    drawn: dict[tuple[int, int], str] = {}
    marks: dict[tuple[int, int], str] = {}
    for number, curve in enumerate(curves):
        dots = [*_line(curve, (left, right, 2 * columns - 1), (high, low, 4 * rows - 1))]
        drawn |= {cell: paint(number, sign) for cell, sign in _braille(dots).items()}
        if dots and len(curves) > 1:
            ends = {x // 2: y // 4 for x, y in dots}
            shift = _EVERY * number // len(curves) + 2
            places = [column for column in ends if column % _EVERY == shift] or [max(ends)]
            marks |= {(ends[column], column): paint(number, letter(number)) for column in places}
    drawn |= marks
    middle = (rows - 1) // 2
    part = middle / (rows - 1)
    scale = {0: high, middle: high * (1 - part) + low * part, rows - 1: low}
    lines = []
    for row in range(rows):
        tick = f"{scale[row]:>{_MARGIN - 2}.4g} ┤" if row in scale else " " * (_MARGIN - 1) + "│"
        lines.append((tick + "".join(drawn.get((row, column), " ") for column in range(columns))).rstrip())
    lines.append(" " * (_MARGIN - 1) + "└" + "─" * columns)
    return [*lines, " " * _MARGIN + f"{left}{f'{right} steps':>{columns - len(str(left))}}"]


def _braille(dots: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the sign of each cell (row, column) that has dots in it."""
    bits: dict[tuple[int, int], int] = {}
    for x, y in dots:
        cell = (y // 4, x // 2)
        bits[cell] = bits.get(cell, 0) | _DOTS[y % 4][x % 2]
    return {cell: chr(0x2800 | value) for cell, value in bits.items()}


def _line(curve: Curve, across: tuple[int, int, int], down: tuple[float, float, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a curve; each axis is (value at the first dot, at the last, number of the last)."""
    before = None
    for step, value in zip(*curve, strict=True):
        now = (_place(step, *across), _place(value, *down)) if math.isfinite(value) else None
        if now:
            (x, y), (u, v) = before or now, now
            count = max(abs(u - x), abs(v - y), 1)
            yield from ((x + round((u - x) * i / count), y + round((v - y) * i / count)) for i in range(count + 1))
        before = now


def _place(value: float, first: float, last: float, dots: int) -> int:
    half = last / 2 - first / 2  # the difference of two large numbers may be too large for a float
    return round((value / 2 - first / 2) / half * dots) if half else dots // 2
