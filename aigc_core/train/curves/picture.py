"""Curves as a PNG, by matplotlib (extra ``aigc-core[curves]``): a panel for each loss, a colour for each run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from aigc_core.errors import NotAvailable
from aigc_core.files import whole_file
from aigc_core.train.curves.logs import Curve, Histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
"""Seven that people with any kind of colour vision tell apart (Okabe and Ito, 2008), without their yellow."""
STYLES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", "--", "-.", ":")
FEW = 40
"""Points up to which each is marked."""
BANDS = ((0.05, 0.95, 0.12), (0.25, 0.75, 0.25))
"""What is shaded of a histogram's panel: from which part of the sample to which, and how dark."""


def write(
    path: str,
    panels: Mapping[str, Sequence[Curve]],
    labels: Sequence[str],
    spreads: Mapping[str, Sequence[Sequence[Histogram]]] = MappingProxyType({}),
) -> None:
    """Draw each panel's curves, one for each label, and write the PNG whole.

    ``spreads`` are further panels: of each run its histograms, drawn as the median and ``BANDS`` over the steps.
    Raises ``NotAvailable`` where matplotlib is missing, ``WrongUse`` where the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
        from matplotlib.lines import Line2D
    except ImportError as error:
        hint = 'Try: pip install "aigc-core[curves]"'
        raise NotAvailable(f"{path} was not written: there is no matplotlib here.", hint) from error
    names = list(dict.fromkeys([*panels, *spreads]))
    count = len(names)
    columns = min(count, 3 if count > 4 else 2)
    rows = math.ceil(count / columns)
    legend_rows = math.ceil(len(labels) / 4) if len(labels) > 1 else 0
    figure = Figure(
        (5 * columns + 1, 3 * rows + 0.5 + 0.25 * legend_rows),
        layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08),
        dpi=150,
    )
    looks = [(COLOURS[i % len(COLOURS)], STYLES[i // len(COLOURS) % len(STYLES)]) for i in range(len(labels))]
    for number, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, number + 1, sharex=figure.axes[0] if figure.axes else None)
        for curve, (colour, style) in zip(panels.get(name, ()), looks, strict=False):
            (line,) = axes.plot(*curve, color=colour, linestyle=style, linewidth=1.3, marker="o", markersize=3)
            line.set_markevery(_marked(curve.values))
        for histograms, (colour, style) in zip(spreads.get(name, ()), looks, strict=False):
            _shade(axes, histograms, colour, style)
        axes.set_title(name, loc="left", fontsize=11, parse_math=False)
        axes.set_xlabel("step")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    if legend_rows:
        handles = [Line2D([], [], color=colour, linestyle=style, linewidth=2) for colour, style in looks]
        legend = figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 4), frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a folder's name may have dollar signs
    else:
        figure.suptitle(labels[0], x=0.01, ha="left", parse_math=False)
    with warnings.catch_warnings(), whole_file(path) as stream:
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font lacks shows boxes
        figure.savefig(stream, format="png", metadata={"Software": None})


def _shade(axes: Axes, histograms: Sequence[Histogram], colour: str, style: str) -> None:
    steps = [each.step for each in histograms]
    for low, high, alpha in BANDS:
        below, above = ([each.quantile(part) for each in histograms] for part in (low, high))
        axes.fill_between(steps, below, above, color=colour, alpha=alpha, linewidth=0)
    axes.plot(steps, [each.quantile(0.5) for each in histograms], color=colour, linestyle=style, linewidth=1.3)


def _marked(values: Sequence[float]) -> list[int]:
    """Return which points are marked: all where they are few, else those between two gaps, which no line shows."""
    if len(values) <= FEW:
        return [*range(len(values))]
    gap = [True, *map(math.isnan, values), True]
    return [i for i in range(len(values)) if gap[i] and gap[i + 2]]
