"""The wheels: what a stranger gets who has neither this checkout nor a network."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIX_MEGABYTES = 6_000_000
PLUGINS = sorted((ROOT / "plugins").iterdir())
PACKAGES = {"aigc_core": ROOT} | {path.name.replace("-", "_"): path / "src" for path in PLUGINS}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, *PLUGINS):
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(project)]
        subprocess.run(command, check=True, capture_output=True)
    return {path.name.partition("-")[0]: path for path in folder.iterdir()}


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


def test_the_cores_wheel_holds_schemas_registry_types_and_licence(wheels):
    held = names(wheels["aigc_core"])
    schemas = {f"aigc_core/manifest/schemas/{path.name}" for path in ROOT.glob("aigc_core/manifest/schemas/*.json")}
    assert len(schemas) >= 6
    assert schemas | {"aigc_core/py.typed", "aigc_core/_registry/README.md"} <= held.keys()
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert not [name for name in held if name.startswith(("tests", "docs", "plugins", "registry"))]


def test_the_plugins_wheel_holds_weights_recipes_and_manifests(wheels):
    held = names(wheels["aigc_gan"])
    for model in ("dcgan-fashion", "dcgan-digits"):
        assert {f"aigc_gan/zoo/models/{model}.json", f"aigc_gan/zoo/recipes/{model}.json"} <= held.keys()
        assert 0 < held[f"aigc_gan/zoo/weights/{model}.safetensors"] <= SIX_MEGABYTES
    assert {"aigc_gan/py.typed", "aigc_gan/zoo/plugin.json", "aigc_gan/zoo/architectures/dcgan-28.schema.json"} <= (
        held.keys()
    )
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_every_file_of_the_packages_is_in_a_wheel(wheels):
    for wheel, source in PACKAGES.items():
        ours = {
            str(path.relative_to(source))
            for path in (source / wheel).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert ours <= names(wheels[wheel]).keys()


def test_installed_from_the_wheels_alone_it_lists_and_runs_offline(wheels, tmp_path):
    """Without the checkout on the path, and in a network namespace of its own where that is possible."""
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*command, *map(str, wheels.values())], check=True, capture_output=True)
    script = (
        "import sys\n"
        f"ours = {[*map(str, PACKAGES.values()), '']!r}\n"
        f"sys.path = [{str(site)!r}] + [entry for entry in sys.path if entry not in ours]\n"
        "import aigc_core\n"
        f"assert aigc_core.__file__.startswith({str(site)!r}), aigc_core.__file__\n"
        "from aigc_core.cli import main\nmain(sys.argv[1:])\n"
    )
    offline = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], capture_output=True).returncode:
        offline = []
    environment = dict(os.environ, AIGC_ZOO_HOME=str(tmp_path / "home"))

    def zoo(*arguments):
        return subprocess.run(
            [*offline, sys.executable, "-c", script, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
        ).stdout

    assert "dcgan-fashion\tgan\tgan\tready" in zoo("list")
    assert "every" not in zoo("run", "dcgan-fashion", "-n", "4", "-o", "a.png")
    assert "every byte agrees" in zoo("run", "--again", "a.png")
    zoo("doctor", "--activate")
