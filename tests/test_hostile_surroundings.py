"""What lies around must not steer us: a folder full of traps, a terminal, a closed stream."""

import json
import os
import subprocess
import sys


def test_doctor_runs_nothing_from_the_folder_that_it_is_called_in(site):
    for name in ("difflib", "json", "jsonschema", "aigc_core"):
        (site.work / f"{name}.py").write_text("open('trap', 'w').close()\n")
    command = [sys.executable, "-c", "import sys; sys.path.pop(0)\nfrom aigc_core.cli import main\nmain(['doctor'])"]
    environment = dict(os.environ, AIGC_ZOO_HOME=str(site.home))
    done = subprocess.run(command, cwd=site.work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (site.work / "trap").exists()


def test_a_manifest_cannot_steer_the_terminal(site):
    site.install("red-dist", "red", models=["red-model"])
    manifest = next(site.packages.rglob("red-model.json"))
    document = json.loads(manifest.read_text())
    document["summary"] = "\u001b]0;pwned\u0007\u001b[31mred"
    manifest.write_text(json.dumps(document))
    for command in (["list"], ["show", "red-model"], ["show", "gone\u001b[31m"]):
        done = site.zoo(*command)
        assert "\u001b" not in done.stdout + done.stderr
    assert r"\x1b]0;pwned\x07" in site.zoo("list").stdout


def test_a_closed_output_is_no_fault(site):
    command = f"{sys.executable} -m aigc_core list >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=site.work)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_locale_without_the_letters_is_no_fault(site):
    command = [sys.executable, "-m", "aigc_core", "list"]
    site.install("chinese-dist", "chinese", models=["chinese-model"])
    manifest = next(site.packages.rglob("chinese-model.json"))
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"summary": "唐诗"}))
    environment = dict(
        os.environ, PYTHONPATH=str(site.packages), PYTHONIOENCODING="latin-1", AIGC_ZOO_HOME=str(site.home)
    )
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=site.work)
    assert done.returncode == 0
    assert r"\u5510\u8bd7" in done.stdout


def test_completion_of_a_plugins_commands_imports_none_of_them(site):
    environment = dict(
        os.environ,
        AIGC_ZOO_HOME=str(site.home),
        _AIGC_ZOO_COMPLETE="bash_complete",
        COMP_WORDS="aigc-zoo gan tr",
        COMP_CWORD="2",
    )
    script = (
        "import sys\nfrom aigc_core.cli import outcome\n"
        "try:\n    outcome([])\nfinally:\n    assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert "train" in done.stdout
    assert "Assertion" not in done.stderr
