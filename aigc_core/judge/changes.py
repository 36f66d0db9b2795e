"""The files that a range of git commits changes."""

from __future__ import annotations

import os
import subprocess

from aigc_core.errors import NotAvailable, WrongUse


def changed(git_range: str, folder: str = ".") -> list[str]:
    """Return the absolute paths of files that differ over ``BASE..HEAD``; deleted ones too, and both names of a move.

    ``BASE...HEAD`` is since they parted, and ``BASE`` alone is against the files as they lie here. Raises ``WrongUse``
    where git knows no such range, ``NotAvailable`` where there is no git or no repository.
    """
    if git_range.startswith("-") or not git_range.isprintable() or not git_range or " " in git_range:
        raise WrongUse(f"{git_range!r} is no range of commits.", "Such as: --git-range origin/main...HEAD")
    top = os.path.realpath(_git(folder, "rev-parse", "--show-toplevel").strip())
    # No helper programs or filters of a repository that nobody trusts.
    text = _git(
        top, "-c", "diff.external=", "-c", "core.fsmonitor=false", "diff", "--name-only", "--no-renames",
        "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "-z", git_range, "--",
    )  # fmt: skip
    return [os.path.join(top, *name.split("/")) for name in text.split("\0") if name]


def _git(folder: str, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False, timeout=120)
    except FileNotFoundError:
        raise NotAvailable("There is no git here, and --git-range needs it.", "Install git.") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[:300]
        if "not a git repository" in said:
            raise NotAvailable(f"{os.path.abspath(folder)} is in no git repository.", "Run it in the zoo's checkout.")
        hint = "Such as: --git-range origin/main...HEAD; a shallow clone needs its history: git fetch --unshallow"
        raise WrongUse(f"git cannot tell what changed: {said}.", hint)
    return done.stdout.decode("utf-8", "surrogateescape")
