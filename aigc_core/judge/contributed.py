"""A contributed plugin: its project is built inside the sandbox, and what came is read as data, never imported here."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence

from aigc_core.discovery import GROUP, Plugin
from aigc_core.entry_points import EntryPoint, entry_points, name_and_version
from aigc_core.errors import CheckFailed, Refused, WrongUse
from aigc_core.judge.candidate import Candidate, code, outside_of_prefix
from aigc_core.judge.render.words import plain
from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.plugin import PluginManifest, is_name
from aigc_core.manifest.read import Malformed
from aigc_core.registry import Entry, judged
from aigc_core.sandbox.choose import Backend
from aigc_core.sandbox.folder import private_folder
from aigc_core.sandbox.limits import Limits, View
from aigc_core.sandbox.run import run

_LIMITS = Limits(
    idle_s=120, cpu_s=200, memory_mb=2048, output_mb=2048, output_files=20_000, scratch_mb=2048, scratch_files=60_000
)
_NOT_COPIED = {".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".env"}
_MOST_FILES, _MOST_BYTES, _DEEPEST = 20_000, 4 << 30, 60


@contextlib.contextmanager
def contributed(project: str, backend: Backend, trusted: Sequence[str]) -> Iterator[list[Candidate]]:
    """Build a project and give its models as candidates, whose files are there until the block ends.

    Raises ``WrongUse`` where there is no project, ``Refused`` where the sandbox is too weak for its build, and
    ``CheckFailed`` where the build fails or gives no plugin.
    """
    if not os.path.isfile(os.path.join(project, "pyproject.toml")):
        raise WrongUse(f"{project} has no pyproject.toml, so it is no plugin's project.", "Name the project's folder.")
    if (
        not backend.for_untrusted
        and backend.name != "none"
        and os.path.basename(os.path.abspath(project)) not in trusted
    ):
        text = f"Building {project} runs its code, and {backend.name} is too weak for code that nobody has read."
        raise Refused(
            text, f"Use bubblewrap; or, if somebody has: --trust {os.path.basename(os.path.abspath(project))}"
        )
    with private_folder() as place:
        source, box, site = (os.path.join(place, name) for name in ("source", "box", "site"))
        take(project, source)
        os.mkdir(box, 0o755)
        _build(project, source, box, site, backend)
        yield _candidates(project, site, trusted)


def take(folder: str, target: str) -> None:
    """Copy a folder's regular files, no link followed, into a new folder that every user can read.

    Raises ``Refused`` where there are too many.
    """
    files = size = 0
    for here, folders, names in os.walk(folder):
        if here.count("/") - folder.count("/") > _DEEPEST:
            raise Refused(f"{folder} has folders that are nested more than {_DEEPEST} deep.")
        folders[:] = sorted(set(folders) - _NOT_COPIED)
        new = os.path.normpath(os.path.join(target, os.path.relpath(here, folder)))
        os.makedirs(new, 0o755, exist_ok=True)
        for name in sorted(set(names) - _NOT_COPIED):
            status = os.lstat(os.path.join(here, name))
            if not stat.S_ISREG(status.st_mode):
                continue
            files, size = files + 1, size + status.st_size
            if files > _MOST_FILES or size > _MOST_BYTES:
                raise Refused(f"{folder} has more than {_MOST_FILES:,} files or {_MOST_BYTES / 1e9:.0f} GB.")
            shutil.copyfile(os.path.join(here, name), os.path.join(new, name), follow_symlinks=False)
            os.chmod(os.path.join(new, name), 0o644)


def _build(project: str, source: str, box: str, site: str, backend: Backend) -> None:
    environment = {
        "PYTHONPATH": os.pathsep.join(outside_of_prefix()),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    view = View((source, *code()), box, environment)
    command = [sys.executable, "-s", "-m", "aigc_core.judge.builder", source, view.out]
    ended = run(command, view, _LIMITS, backend)
    if not ended.fine:
        hint = "Try it: pip install --no-deps --no-build-isolation " + project
        if "No module named" in ended.said or "BackendUnavailable" in ended.said:
            hint = "Nothing is fetched for a build: install its build backend beside aigc-core, such as hatchling."
        causes = re.findall(r"^[ |]*((?:\w+\.)*\w+(?:Error|Exception)\b.*)$", ended.said, re.MULTILINE)
        text = f"{plain(causes[-1])[:300]}." if causes else ended.text  # pip's own last words say nothing
        raise CheckFailed(f"The plugin in {project} cannot be built ({ended.verdict}): {text}", hint)
    take(os.path.join(view.out, "site"), site)


def _candidates(project: str, site: str, trusted: Sequence[str]) -> list[Candidate]:
    found = [each for entry in entry_points(GROUP, [site]) for each in _of_plugin(entry, site)]
    if not found:
        text = f"The plugin in {project} was built, and has no model: no entry point {GROUP}, or no manifest."
        raise CheckFailed(text, "See: aigc-zoo check " + project)
    return [each._replace(trusted=bool(each.entry.plugin and each.entry.plugin.name in trusted)) for each in found]


def _of_plugin(entry: EntryPoint, site: str) -> Iterator[Candidate]:
    module = entry.value.partition(":")[0].partition("[")[0].strip()
    top = module.partition(".")[0]
    if not is_name(entry.name) or not top.isidentifier():
        return
    package = os.path.join(site, top)
    distribution, version = name_and_version(entry.info)
    plugin = Plugin(entry.name, distribution, version, module, package, None, "registered")
    try:
        plugin = plugin._replace(manifest=PluginManifest.read(os.path.join(plugin.zoo, "plugin.json")))
    except Malformed as error:
        plugin = plugin._replace(state="broken", reason=str(error))
    models = os.path.join(plugin.zoo, "models")
    names = sorted(name for name in os.listdir(models) if name.endswith(".json")) if os.path.isdir(models) else []
    for name in names:
        yield Candidate(_entry(os.path.join(models, name), plugin), site=site, why=("it was contributed",))


def _entry(path: str, plugin: Plugin) -> Entry:
    name = re.sub(r"[^A-Za-z0-9._-]", "?", os.path.basename(path)[:-5])[:100]  # it stands in every report
    known = Entry(name, path, plugin.zoo, None, plugin, f"plugin {plugin.name}", "broken")
    try:
        return judged(known._replace(manifest=ModelManifest.read(path)))
    except Malformed as error:
        return known._replace(reason=str(error), repair="aigc-zoo check " + os.path.basename(path))
