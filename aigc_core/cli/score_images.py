"""``aigc-zoo score`` of a model of images: by which estimator, on which images, and how sure the number is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from aigc_core.cli.opening import Opening
from aigc_core.cli.output import echo_json, finite, printable
from aigc_core.cli.progress import samples_bar
from aigc_core.errors import WrongUse, counted
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.estimate import Asked, Batch, Data, Score
    from aigc_core.run.model import Model


def score_images(
    name: str, files: tuple[str, ...], entry: Entry, opening: Opening, as_json: bool, given: Mapping[str, Any]
) -> None:
    """Score images and print what comes of it. Raises ``WrongUse`` where the model scores none."""
    from aigc_core.run.capabilities import require

    assert entry.manifest is not None
    require(entry.manifest, "score", name)
    _check(name, files, given)
    _check_class(entry, given["label"])
    _asked(given).check(exact=False)
    data, batches = _images(files, entry, given)
    model = opening.load(name, entry, quiet=False)
    found = scored(model, given, data, batches)
    if as_json:
        from aigc_core.cli.score_text import origin

        echo_json("score-images", {**facts(found), **({"files": [*files]} if files else {}), **origin(model)})
        return
    each = zip(files, found.values.mean(0), strict=True) if len(files) > 1 else ()
    lines = [f"{printable(file)}\t{value:.4f}" for file, value in each]
    click.echo("\n".join([*lines, printable(described(found, entry.id)), found.says]))


def scored(model: Model, given: Mapping[str, Any], data: Data, batches: Iterator[Batch]) -> Score:
    """Score images with a bar. Raises ``WrongUse`` where an estimator is asked for that the model has no use for."""
    from aigc_core.estimate import score
    from aigc_core.estimate.sources import density_of
    from aigc_core.run.guarded import guarded

    density, asked = density_of(model), _asked(given)
    if density.exact:
        if flags := [flag for flag in ("estimator", "draws", "rounds", "seed") if given[flag] is not None]:
            text = f"{model.manifest.id} says exactly how likely an image is, so --{flags[0]} has no meaning."
            raise WrongUse(text, "Leave it out.")
        asked = asked._replace(estimator="exact")
    with samples_bar(data.of if given["count"] is None else min(given["count"], data.of), False, "images") as done:
        work = lambda: score(density, batches, asked, data, done=done)  # noqa: E731
        found: Score = guarded(model.entry, "score images with", work)
    return found


def facts(found: Score) -> dict[str, Any]:
    """Return a score as JSON holds it."""
    interval, asked = found.interval, found.asked
    exact = asked.estimator == "exact"
    return {
        "metric": found.id,
        "is": found.says,
        "better": found.better,
        "nats": finite(found.nats),
        "bits_per_dimension": None if found.bits is None else finite(found.bits),
        "dimensions": found.dimensions,
        "standard_error_over_images": found.error_over_images,
        "interval_over_images": None if interval is None else [*interval],
        "spread_over_rounds": found.spread_over_rounds,
        "estimator": asked.estimator,
        "draws": None if exact else asked.draws,
        "rounds": None if exact else asked.rounds,
        "seed": None if exact else asked.seed,
        "data": {**found.data._asdict(), "pixels": found.kind},
        "nats_by_image": [finite(value) for value in found.values.mean(0)],
    }


def described(found: Score, model: str) -> str:
    """Return a score as a person reads it: the number, how sure it is, of what, by whom."""
    words = [f"{found.id}: {found.nats:.4f} nats an image"]
    if found.interval is not None:
        words[0] += f" ({found.interval[0]:.4f} to {found.interval[1]:.4f}, 95 % over images)"
    if found.spread_over_rounds is not None:
        words.append(f"rounds differ by {found.spread_over_rounds:.4f}")
    if found.bits is not None:
        words.append(f"{found.bits:.4f} bits a {'dimension' if found.data.binarise == 'none' else 'pixel'}")
    return f"{', '.join(words)}; of {counted(found.data.scored, 'image')}, by {model}."


def _check(name: str, files: tuple[str, ...], given: Mapping[str, Any]) -> None:
    of_data = [flag for flag in ("data", "part", "count") if given[flag] is not None]
    if files and of_data:
        raise WrongUse(f"Files are named, so --{of_data[0]} has no meaning.", "Score either: files, or --data PATH.")
    if not files and not of_data:
        raise WrongUse("Which images?", f"aigc-zoo score {name} IMAGE... or --data PATH")
    if given["count"] is not None and given["count"] < 1:
        raise WrongUse(f"count is {given['count']}, it takes a whole number from 1 up.")
    if not files and given["label"] is not None:
        raise WrongUse("The data say each image's class, so --class has no meaning.", "Leave it out.")


def _check_class(entry: Entry, label: int | None) -> None:
    """Raise ``WrongUse`` for a class that the model has not, by its own option ``class``."""
    from aigc_core.manifest.options import check

    assert entry.manifest is not None
    if label is None:
        return
    if "class" not in entry.manifest.options.get("properties", {}):
        raise WrongUse(f"{entry.id} is given no class, so --class has no meaning.", "Leave it out.")
    check({"class": label}, entry.manifest.options, entry.id)


def _asked(given: Mapping[str, Any]) -> Asked:
    from aigc_core.estimate import Asked

    flags = ("estimator", "draws", "rounds", "seed")
    return Asked(**{flag: given[flag] for flag in flags if given[flag] is not None})


def _images(files: tuple[str, ...], entry: Entry, given: Mapping[str, Any]) -> tuple[Data, Iterator[Batch]]:
    from aigc_core.estimate.sources import of_files, of_recipe

    assert entry.manifest is not None
    if not files:
        return of_recipe(entry, given["data"], given["part"] or "test", given["count"])
    from aigc_core.run.pictures import read_all

    return of_files(entry.manifest, files, read_all(files, entry.manifest.input), given["label"])
