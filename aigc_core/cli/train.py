"""``aigc-zoo train``: train a recipe's model, or go on with a run."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import recipe_names
from aigc_core.cli.progress import hush, say
from aigc_core.errors import WrongUse

if TYPE_CHECKING:
    from aigc_core.train.begin import Asked
    from aigc_core.train.data.rows import DataSet
    from aigc_core.train.parent import Begun
    from aigc_core.train.ranks import Ranks
    from aigc_core.train.recipe import Recipe


@click.command("train")
@click.argument("recipe", required=False, shell_complete=recipe_names)
@click.option(
    "-o", "--out", metavar="DIR", help="A new folder for the run: checkpoints, logs, and at the end the model."
)
@click.option("--resume", metavar="DIR", help="Go on with the run in DIR from its newest whole checkpoint.")
@click.option("--data", metavar="PATH", help="Where the data are. [default: where the recipe says]")
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a value of the recipe; repeatable.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps in all: the recipe's budget.steps.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The recipe's seed.")
@click.option("--from", "parent", metavar="MODEL", help="Begin with this model's weights: fine-tuning.")
@click.option("--accept-licence", is_flag=True, help="Use weights although their authors declare no licence.")
@click.option("--device", help="Where to compute: cpu, cuda, cuda:1, mps. [default: cpu]")
@click.option("--dry-run", is_flag=True, help="Check every shape and show what it will be; train nothing.")
@click.option("--fast", is_flag=True, help="Measure once which settings of compute pay here, and use them.")
@click.option("--strict", is_flag=True, help="Stop at the first warning.")
@click.option(
    "--track", "trackers", multiple=True, metavar="NAME", help="tensorboard, wandb or PLUGIN:NAME; repeatable."
)
@click.option("--gif", is_flag=True, help="Animate the sheets of samples: DIR/samples.gif, at each checkpoint.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but warnings and errors.")
def command(recipe: str | None, out: str | None, resume: str | None, **given: Any) -> None:
    """Train RECIPE: a recipe's file, or the name of a model that came with one.

    The run's folder ends as a model that run, push and eval take. A run that was stopped, however hard, goes on with
    --resume DIR and ends as if it had not been, to the bit.
    """
    gc.enable()  # start-up is over
    changes = [*given.pop("changes"), *_shorthands(given.pop("steps"), given.pop("seed"))]
    if resume is not None:
        if recipe is not None or out is not None or given["fast"] or given["parent"]:
            raise WrongUse("--resume takes everything from the run: leave out RECIPE, --out, --from and --fast.")
        _resume(resume, changes, **given)
    elif recipe is None:
        raise WrongUse("Which recipe?", "Such as: aigc-zoo train dcgan-fashion --out DIR; see also --resume")
    else:
        _begin(recipe, out, changes, **given)


def _shorthands(steps: int | None, seed: int | None) -> list[str]:
    given = {"budget.steps": steps, "seed": seed}
    return [f"{path}={value}" for path, value in given.items() if value is not None]


def _begin(
    name: str,
    out: str | None,
    changes: list[str],
    data: str | None,
    parent: str | None,
    accept_licence: bool,
    device: str | None,
    dry_run: bool,
    fast: bool,
    strict: bool,
    trackers: tuple[str, ...],
    gif: bool,
    quiet: bool,
) -> None:
    from aigc_core.train import parent as parents
    from aigc_core.train.animation import check as check_animation
    from aigc_core.train.begin import Asked, data_path, new_folder, settle_threads
    from aigc_core.train.recipe import read

    recipe = read(name, changes)
    if out is None and not dry_run:
        raise WrongUse("Where shall the run go?", f"Such as: aigc-zoo train {name} --out runs/{recipe['name']}")
    asked = Asked(data_path(recipe, data, own=name.endswith(".json")), device or "cpu", parent, trackers, strict, gif)
    if gif:
        check_animation(recipe)
    if fast:  # not to be measured before the first step: these numbers come with time
        recipe["compute"]["flush_denormals"] = True
    with _ranks(asked.device) as (ranks, where):
        settle_threads(recipe)
        begun = parents.begin(parent, accept_licence, say if ranks.first and not quiet else hush) if parent else None
        parents.settle(recipe, begun)
        rows = _data(recipe, asked, begun)
        _check(recipe, rows, dry_run and ranks.first)
        if dry_run or out is None:
            return
        if ranks.first:
            new_folder(out)
        record: dict[str, Any] = {}
        if fast:
            record["fast"] = _settle_settings(recipe, rows, where, ranks, quiet)
        _go(Path(out), recipe, rows, asked, where, ranks, quiet, record, begun)


def _resume(path: str, changes: list[str], data: str | None, device: str | None, quiet: bool, **given: Any) -> None:
    from aigc_core.train import parent as parents
    from aigc_core.train.animation import check as check_animation
    from aigc_core.train.begin import data_path, settle_threads, taken_up

    folder, recipe, asked = taken_up(path, changes)
    asked = asked._replace(
        data=data_path(recipe, data or asked.data),
        device=device or asked.device,
        trackers=given["trackers"] or asked.trackers,
        strict=given["strict"] or asked.strict,
        gif=given["gif"] or asked.gif,
    )
    if asked.gif:
        check_animation(recipe)
    with _ranks(asked.device) as (ranks, where):
        settle_threads(recipe)
        # Its licence was accepted when the run began.
        begun = parents.begin(asked.parent, True) if asked.parent and parents.wants_tokens(recipe) else None
        rows = _data(recipe, asked, begun)
        if given["dry_run"]:
            _check(recipe, rows, ranks.first)
            return
        _go(folder, recipe, rows, asked, where, ranks, quiet, None, begun)


@contextlib.contextmanager
def _ranks(device: str) -> Any:
    """Join the other processes, where there are any; give the ranks and this one's device."""
    from aigc_core.run.load import check_device
    from aigc_core.train import ranks

    mine = ranks.start(device)
    where = f"cuda:{mine.local}" if device == "cuda" and mine.world > 1 else device
    check_device(where)
    try:
        yield mine, where
    finally:
        ranks.end()


def _data(recipe: Recipe, asked: Asked, begun: Begun | None) -> DataSet:
    from aigc_core.train.build import component
    from aigc_core.train.data.read import read

    tokens = begun.tokens if begun else None
    return read(recipe["data"], asked.data, lambda use: component("datasets", use), tokens)


def _check(recipe: Recipe, rows: DataSet, show: bool) -> None:
    from aigc_core.cli.train_display import described
    from aigc_core.train.plan import plan

    planned = plan(recipe, rows)
    if show:
        click.echo(described(recipe, planned, rows.identity))


def _settle_settings(recipe: Recipe, rows: DataSet, device: str, ranks: Ranks, quiet: bool) -> dict[str, Any]:
    from aigc_core.train.fast import settle

    if ranks.world > 1:
        raise WrongUse("--fast measures one process.", "Measure with one, and give its settings by --set compute....")
    return settle(recipe, rows, device, hush if quiet else say)


def _go(
    folder: Path,
    recipe: Recipe,
    rows: DataSet,
    asked: Asked,
    device: str,
    ranks: Ranks,
    quiet: bool,
    record: dict[str, Any] | None,
    begun: Begun | None,
) -> None:
    """Carry a training on: a new one, whose record begins with ``record``, or where it has none, the folder's own."""
    from aigc_core.cli.train_display import Display
    from aigc_core.train.begin import alone, begin_with, keep
    from aigc_core.train.loop import Loop
    from aigc_core.train.monitors import Watch
    from aigc_core.train.ranks import named
    from aigc_core.train.trackers import hear, tracker
    from aigc_core.train.training import Training

    held = alone(str(folder)) if ranks.first else contextlib.nullcontext()
    with held, named(ranks), Display(recipe, quiet=quiet or not ranks.first) as display:
        training = Training(recipe, rows, device, ranks)
        training.beside = begun.beside if begun else {}
        if record is not None and begun:
            begin_with(training, begun)
            record["parents"] = [begun.name]
        send = hear([tracker(name, str(folder)) for name in asked.trackers] if ranks.first else [])

        def tell(event: dict[str, Any]) -> None:
            with contextlib.suppress(OSError, ValueError):  # a look is worth less than the training
                display.show(event)
            send(event)

        loop = Loop(training, folder, tell=tell, watch=Watch(asked.strict, display.warn), gif=asked.gif)
        interrupt.defer()
        if record is None:
            loop.resume(display.say if ranks.first else hush)
        else:
            loop.record |= record
            loop.start()  # before the run is known as one
        if ranks.first:
            keep(folder, recipe, asked)
        complete = loop.run(interrupt.pending)
    if not complete:
        if ranks.first:
            say(f"Stopped after step {training.step}. Go on: aigc-zoo train --resume {folder}")
        raise KeyboardInterrupt
    elif ranks.first and not quiet:
        from aigc_core.run.capabilities import example
        from aigc_core.train.export import template

        able = template(recipe, training.model_role)[1].get("capabilities", ["generate"])
        words = example(able, _named(folder))
        click.echo(f"{folder}: {recipe['name']} is trained, {training.step:,} steps. Try: aigc-zoo {words}")


def _named(folder: Path) -> str:
    """Return a folder as ``run`` takes it."""
    text = str(folder)
    return text if folder.is_absolute() or text.startswith(".") else f"./{text}"
