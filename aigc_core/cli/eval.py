"""``aigc-zoo eval``: how good a model's samples are, by metrics that say what they are of."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import click

from aigc_core import interrupt
from aigc_core.cli.completing import model_names
from aigc_core.cli.opening import Opening, opening_flags
from aigc_core.cli.output import echo_json, printable
from aigc_core.cli.progress import samples_bar
from aigc_core.errors import CheckFailed, NotAvailable, WrongUse, counted
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.evaluate.judge import Judge
    from aigc_core.evaluate.reference import Reference
    from aigc_core.evaluate.score import Score
    from aigc_core.evaluate.wanted import Wanted
    from aigc_core.findings import Finding
    from aigc_core.manifest import ModelManifest

IMAGES, TEXTS, SEEDS = 10_000, 200, 3


@click.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", shell_complete=model_names)
@click.option("--data", metavar="PATH", help="Where the data are that the model's recipe names.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric, as core:frechet.  [default: all]")
@click.option("--count", type=click.INT, help=f"Samples of each seed.  [default: {IMAGES:,} images, {TEXTS} texts]")
@click.option("--seeds", type=click.INT, default=SEEDS, show_default=True, help="How many seeds, from 0.")
@click.option("--extractor", metavar="MODEL", help="What images are judged by.  [default: core:fashion-features]")
@click.option("--set", "given", multiple=True, metavar="OPTION=VALUE", help="An option of the models.")
@click.option("--compare", is_flag=True, help="Say of two models, or of two saved results, which is the better.")
@click.option("--gates", is_flag=True, help="Measure what the manifest has gates for; exit with 1 where one fails.")
@click.option("--no-cache", is_flag=True, help="Measure anew what was measured before.")
@opening_flags
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/eval/1).")
def command(models: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Judge MODELs by their samples: distances from real data, variety, copies, likelihood.

    Every number has an id that says what it is of (metric, estimator, samples, data, extractor), its spread over seeds,
    and the floor: what real data get in the samples' place. Numbers with different ids do not compare. With --compare,
    a MODEL may also be a file that --json wrote.
    """
    interrupt.install()
    gc.enable()  # start-up is over
    opening = Opening.of(given)
    if given["seeds"] < 1 or (given["count"] is not None and given["count"] < 2):
        raise WrongUse("--seeds takes a whole number from 1 up, --count one from 2 up.")
    if given["compare"] and len(models) != 2:
        raise WrongUse(f"--compare takes two models, and {len(models)} are named.", "aigc-zoo eval --compare A B")
    if given["gates"] and (of_file := next(filter(_is_saved, models), None)):
        raise WrongUse(
            f"{of_file} is a saved result, which has no gates.", "Name the model: aigc-zoo eval MODEL --gates"
        )
    found = [_saved(name) if _is_saved(name) else _measured(name, opening, given) for name in models]
    compared = _compared(found) if given["compare"] else []
    findings = [each for one in found for each in one[2]] if given["gates"] else []
    if as_json:
        rows = [{"model": name, "scores": [score.facts() for score in scores]} for name, scores, _ in found]
        echo_json("eval", {"models": rows, "compared": compared, "gates": [_row(each) for each in findings]})
    else:
        from aigc_core.evaluate.shown import shown, told

        lines = [
            line for name, scores, _ in found for line in [name, *(part for each in scores for part in shown(each))]
        ]
        lines += [row["says"] for row in compared] + [told(each) for each in findings]
        click.echo("\n".join(printable(line) for line in lines))
    if failed := [each for each in findings if each.status == "failed"]:
        raise CheckFailed(f"{counted(len(failed), 'gate')} failed: {failed[0].text}", failed[0].hint)


Found = tuple[str, "list[Score]", "list[Finding]"]


def _measured(name: str, opening: Opening, given: dict[str, Any]) -> Found:
    from aigc_core.evaluate.cache import Kept, Nothing
    from aigc_core.evaluate.evaluation import Plan, evaluate
    from aigc_core.evaluate.gates import gated, judged, none_of, samples_of
    from aigc_core.evaluate.judge import DEFAULT, open_judge
    from aigc_core.evaluate.wanted import usual, wanted

    entry = opening.find(name)
    manifest = entry.manifest
    assert manifest is not None
    gates = gated(manifest) if given["gates"] else []
    if given["gates"] and not gates and not given["metrics"]:
        return entry.id, [], [none_of(manifest)]
    kind, metrics = manifest.output["kind"], wanted(given["metrics"] or gates)
    judge = open_judge(given["extractor"] or DEFAULT) if kind == "image" else None
    data = _data(entry, metrics, given["data"], judge)
    metrics = metrics or usual(kind, manifest.capabilities, data.held_out)
    _check(name, manifest, metrics, data)
    count = given["count"] or (samples_of(manifest) if gates and not given["metrics"] else None)
    count = count or (TEXTS if kind == "text" else min(IMAGES, len(data.real) or IMAGES))
    plan = Plan(count, tuple(range(given["seeds"])), _options(given["given"], entry), given["data"])
    model = opening.load(name, entry, quiet=False)
    with samples_bar(count * given["seeds"], False) as done:
        scores = evaluate(model, metrics, data, plan, Nothing() if given["no_cache"] else Kept(), done)
    return entry.id, scores, judged(manifest, scores) or [none_of(manifest)]


def _data(entry: Entry, metrics: list[Wanted], path: str | None, judge: Judge | None) -> Reference:
    """Return the model's data; none where they are not here, and are not said to be, and no metric looks at them."""
    from aigc_core.evaluate.reference import no_reference, reference_of

    try:
        return reference_of(entry, path, judge)
    except (NotAvailable, WrongUse):
        if path is not None or not metrics or any(each.of_data for each in metrics):
            raise
        return no_reference(judge)


def _check(name: str, manifest: ModelManifest, metrics: list[Wanted], data: Reference) -> None:
    """Raise ``WrongUse`` where a metric cannot be measured of a model."""
    from aigc_core.run.capabilities import require

    kind = manifest.output["kind"]
    if others := [each.name for each in metrics if each.kind not in (kind, "any")]:
        raise WrongUse(f"{others[0]} judges {'images' if kind == 'text' else 'texts'}, and {name} makes {kind}s.")
    if not data.held_out and (of_known := [each.name for each in metrics if each.needs("training_")]):
        text = f"{of_known[0]} compares with data that {name} has not learned from, and {data.name} has no such part"
        raise WrongUse(f"{text}.", "Leave it out: --metric NAME")
    if any(each.of_samples or each.of_cost for each in metrics):
        require(manifest, "generate", name)
    if any(each.of_likelihood for each in metrics) and "score" not in manifest.capabilities:
        raise WrongUse(f"{name} does not say how likely data are, so it has no likelihood.")


def _options(given: tuple[str, ...], entry: Entry) -> dict[str, Any]:
    """Return options from their text, each of the type that the manifest gives it; what cannot be is refused later."""
    import json

    assert entry.manifest is not None
    found: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise WrongUse(f"--set takes OPTION=VALUE, and {text} has no value.", "Such as: --set temperature=0.8")
        name = name.replace("-", "_")
        is_text = entry.manifest.options.get("properties", {}).get(name, {}).get("type") == "string"
        try:
            found[name] = value if is_text else json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _is_saved(name: str) -> bool:
    import os

    return name.endswith(".json") and os.path.isfile(name)


def _saved(path: str) -> Found:
    from aigc_core.evaluate.compare import saved

    name, scores = saved(path)
    return name, scores, []


def _compared(found: list[Found]) -> list[dict[str, Any]]:
    from aigc_core.evaluate.compare import compare

    (one, scores, _), (other, others, _) = found
    return [each.facts() for each in compare(one, scores, other, others)]


def _row(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "status": finding.status, "text": finding.text, "hint": finding.hint}
