"""``aigc-zoo cache``: what the Hub cache on this machine holds, whether it is whole, and what can go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from aigc_core.cli.output import echo_json, echo_table, printable
from aigc_core.errors import CheckFailed, WrongUse, counted

if TYPE_CHECKING:
    from aigc_core.hub.cached.verify import Checked


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show, check and empty the Hub cache, which other programs share. By itself, it is `cache list`."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show, as_json=False)


@command.command("list", short_help="What it holds, and which of our models use that.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/cache/1).")
def show(as_json: bool) -> None:
    """List the models' revisions in the cache, their sizes, and which of our models use them."""
    from aigc_core.hub.cached.contents import scan
    from aigc_core.hub.cached.uses import uses

    contents, used = scan(), uses()
    revisions: list[dict[str, Any]] = []
    for each in contents.repositories:
        for revision in each.revisions:
            users = used.get((each.repo_id, revision.commit), [])
            state = "complete" if all(use.complete(revision) for use in users) else "partial"
            facts = {"repo_id": each.repo_id, "revision": revision.commit, "size": revision.size}
            facts |= {"files": len(revision.files), "state": state if users else "other"}
            revisions.append(facts | {"models": [use.name for use in users]})
    unfinished: list[dict[str, Any]] = [
        {"repo_id": each.repo_id, "path": part.path, "size": part.size, "resumable": part.ours}
        for each in contents.repositories
        for part in each.unfinished
    ]
    problems: list[dict[str, Any]] = [
        {"repo_id": each.repo_id, "path": problem.path, "reason": problem.text, "repair": each.repair}
        for each in contents.repositories
        for problem in each.problems
    ]
    if as_json:
        totals = {"folder": contents.folder, "size": contents.size, "other_repositories": contents.others}
        echo_json("cache", {**totals, "revisions": revisions, "unfinished": unfinished, "problems": problems})
        return
    rows = [_revision_row(row) for row in revisions]
    rows += [_unfinished_row(row) for row in unfinished]
    rows += [_problem_row(row) for row in problems]
    if rows:
        echo_table(["repository", "revision", "size", "files", "state", "used by"], rows, state=4)
    others = f" (beside data sets and spaces: {contents.others})" if contents.others else ""
    total = f"{counted(len(revisions), 'revision')}, {_size(contents.size)}, in {contents.folder}{others}."
    click.echo(printable(total), err=True)
    for repair in dict.fromkeys(row["repair"] for row in problems):
        click.echo(printable(f"To be rid of a problem: {repair}"), err=True)


@command.command("verify", short_help="Hash every file again.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema aigc-zoo/cache/1).")
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Hash every file again: of each NAME (a model, or [hf:]ORG/NAME[@REVISION]), or of all models in the cache.

    Exits with 1 where one differs from what a manifest pins, or from the hash that it is named by.
    """
    from aigc_core.hub.cached.contents import scan
    from aigc_core.hub.cached.named import named
    from aigc_core.hub.cached.uses import uses
    from aigc_core.hub.cached.verify import check

    contents, used = scan(), uses()
    wanted: dict[str, set[str]] = {} if names else {each.repo_id: {""} for each in contents.repositories}
    for repository, commit in (named(name, contents) for name in names):
        wanted.setdefault(repository.repo_id, set()).add(commit)
    checked: list[Checked] = []
    for repository in contents.repositories:
        if commits := wanted.get(repository.repo_id):
            checked += check(repository, [] if "" in commits else sorted(commits), used, _progress)
    _progress("")
    bad = [each for each in checked if each.state not in ("ok", "unknown")]
    if as_json:
        files = [{**each._asdict(), "models": list(each.models)} for each in checked]
        echo_json("cache", {"folder": contents.folder, "files": files})
    elif bad:
        rows = [[each.repo_id, each.revision[:8] or "-", each.path, each.state, _why(each)] for each in bad]
        echo_table(["repository", "revision", "file", "state", "reason"], rows, state=3)
    unknown = sum(each.state == "unknown" for each in checked)
    note = f" ({unknown} with nothing to compare with)" if unknown else ""
    if bad:
        repairs = "; ".join([*dict.fromkeys(each.repair for each in bad)][:3])
        text = f"{len(bad)} of {counted(len(checked), 'file')} are not as they should be{note}."
        raise CheckFailed(text, f"Try: {repairs}")
    click.echo(f"{counted(len(checked), 'file')} hashed, all as they should be{note}.", err=True)


@command.command("remove", short_help="Remove models, repositories, or unfinished downloads.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would go and how much that frees; remove nothing.")
def remove(names: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Remove each NAME: a model, [hf:]ORG/NAME[@REVISION], or `unfinished` for all downloads that have stopped.

    A model means the revision that its manifest pins. Files that another revision shares stay.
    """
    from aigc_core.hub.cached.contents import scan
    from aigc_core.hub.cached.named import named
    from aigc_core.hub.cached.remove import execute, removal, under_way

    contents = scan()
    found = [named(name, contents) for name in names if name != "unfinished"]
    stopped = [part for each in contents.repositories for part in each.unfinished] if "unfinished" in names else []
    parts = [part for part in stopped if not under_way(part)]
    plan = removal(contents, found, parts)
    what = [f"{repository.repo_id}@{commit[:8]}" if commit else repository.repo_id for repository, commit in found]
    what += [counted(len(parts), "unfinished download")] if "unfinished" in names else []
    what += [f"not {counted(len(stopped) - len(parts), 'download')} under way"] if len(parts) < len(stopped) else []
    text = printable(", ".join(what))
    if dry_run:
        click.echo(f"Would remove {text}: {_size(plan.size)}.")
        return
    if not yes and not sys.stdin.isatty():
        raise WrongUse(f"Removing {text} needs --yes where nobody can be asked.", "See what goes with --dry-run.")
    if not yes and not click.confirm(f"Remove {text}: {_size(plan.size)}?"):
        click.echo("Nothing was removed.", err=True)
        return
    execute(plan, contents)
    click.echo(f"Removed {text}: {_size(plan.size)}.")


def _revision_row(row: dict[str, Any]) -> list[str]:
    facts = [row["repo_id"], row["revision"][:8], _size(row["size"]), str(row["files"]), row["state"]]
    return [*facts, ", ".join(row["models"]) or "-"]


def _unfinished_row(row: dict[str, Any]) -> list[str]:
    fate = "the next pull goes on from it" if row["resumable"] else "-> aigc-zoo cache remove unfinished"
    return [row["repo_id"], "-", _size(row["size"]), "1", "unfinished", fate]


def _problem_row(row: dict[str, Any]) -> list[str]:
    path = row["path"].rpartition("/models--")[2].partition("/")[2] or "its folder"
    return [row["repo_id"], "-", "-", "-", "problem", f"{path} {row['reason']} -> {row['repair']}"]


def _why(checked: Checked) -> str:
    return f"{checked.reason} -> {checked.repair}"


def _progress(path: str) -> None:
    """Show on a terminal which file is being read, on one line."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K" + (f"hashing {printable(path)[-60:]}" if path else ""), err=True, nl=False)


def _size(size: int) -> str:
    """Write a number of bytes as people read it."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} B"
