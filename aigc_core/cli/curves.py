"""``aigc-zoo curves``: the losses of runs, side by side."""

from __future__ import annotations

import math
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from aigc_core.cli.output import echo_table, printable, styled
from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    from aigc_core.train.curves.logs import Curve, Histogram, Run

COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
HEIGHT = 12


@click.command("curves")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(file_okay=False))
@click.option("--output", "-o", metavar="FILE.png", type=click.Path(), help="Draw them as a picture too.")
@click.option("--only", metavar="NAME", multiple=True, help="Draw this one alone; may be given more than once.")
def command(folders: tuple[str, ...], output: str | None, only: tuple[str, ...]) -> None:
    """Draw the losses of the runs in each DIR, as `train` wrote them: those that all of the runs have.

    What a trainer showed beside them, `diagnostics/...`, is drawn too: numbers as curves, and of samples how they were
    spread at the last step. A picture has their median over the steps, in bands of half and of nine tenths of them.
    """
    from aigc_core.train.curves import logs

    if output and not output.lower().endswith(".png"):
        raise WrongUse(f"{output} is no name of a PNG file.", f"Try: {os.path.splitext(output)[0]}.png")
    runs = [logs.read(folder) for folder in {os.path.realpath(folder): folder for folder in folders}.values()]
    names, labels = logs.shared(runs, only), logs.labels(runs)
    panels = {name: [run.curves[name] for run in runs] for name in names}
    spreads = {name: [run.histograms[name] for run in runs] for name in logs.shared_histograms(runs, only)}
    _draw(panels, labels, spreads)
    rows = [row for label, run in zip(labels, runs, strict=True) for row in _rows(label, run, names)]
    if rows:
        echo_table(["run", "state", "step", "steps/s", "loss", "last", "best"], rows, state=1)
    others = dict.fromkeys(name for run in runs for name in run.curves if name not in names)
    if others and not only:
        click.echo(printable(f"Not drawn, for not every run has them: {', '.join(others)}."), err=True)
    for note in [note for run in runs for note in run.notes]:
        click.echo(printable(note), err=True)
    click.echo("last: the mean over the last window of the log.", err=True)
    if any(row[-1] != "-" for row in rows):
        click.echo("best: a selection on validation, so better than the model is on new data.", err=True)
    if output:
        from aigc_core.train.curves.picture import write

        write(output, panels, labels, spreads)
        click.echo(printable(f"Wrote {output}."), err=True)


def _draw(panels: dict[str, list[Curve]], labels: list[str], spreads: dict[str, list[list[Histogram]]]) -> None:
    from aigc_core.train.curves.terminal import letter, plot, spread

    try:
        "⣿┤".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        click.echo(f"Not drawn here: there is no braille in {sys.stdout.encoding}; --output makes a picture.", err=True)
        return
    width = min(max(shutil.get_terminal_size().columns, 40), 120)
    for name, curves in panels.items():
        click.echo(styled(printable(name), bold=True))
        for line in plot(curves, width, HEIGHT, _painted):
            click.echo(line)
    for name, runs in spreads.items():
        click.echo(styled(f"{printable(name)}, at the last step", bold=True))
        for number, histograms in enumerate(runs):
            mark = f" {letter(number)}" if len(labels) > 1 else ""
            click.echo(_painted(number, spread(histograms[-1]) + mark))
    if len(labels) > 1:
        legend = [_painted(number, f"{letter(number)} {printable(label)}") for number, label in enumerate(labels)]
        click.echo("   ".join(legend) + "\n")


def _painted(number: int, text: str) -> str:
    return styled(text, fg=COLOURS[number % len(COLOURS)])


def _rows(label: str, run: Run, names: list[str]) -> list[list[str]]:
    step = max(curve.steps[-1] for curve in run.curves.values())
    speed = "-" if run.speed is None else f"{run.speed:.3g}"
    state = "complete" if run.finished else "unfinished"
    return [[label, state, str(step), speed, name, *_last_and_best(name, run.curves[name])] for name in names]


def _last_and_best(name: str, curve: Curve) -> tuple[str, str]:
    last = curve.values[-1]
    # A selection needs data of its own: the least of the training losses would say nothing.
    best = curve.best() if name.startswith("validation/") and name.rpartition("/")[2] == "loss" else None
    shown = "not finite" if math.isnan(last) else f"{last:.4g}"
    return shown, f"{best[1]:.4g} at step {best[0]}" if best else "-"
