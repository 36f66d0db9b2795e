"""``pytest --aigc-zoo`` as an author types it, in a package of its own."""

import os
import re
import subprocess
import sys

import pytest
from families import Change, build
from saboteurs import SABOTEURS

PYPROJECT = '[project]\nname = "{}"\nversion = "1.0"\n'


class Author:
    """A folder with a pyproject.toml, and the plugin that it stands for, installed."""

    def __init__(self, site):
        self.site = site

    def installs(self, family, name, change=None, **settings):
        build(self.site.packages, family, name, change)
        self.writes("kit-" + name, **settings)

    def writes(self, project, expected=None):
        text = PYPROJECT.format(project)
        if expected:
            text += "[tool.aigc-zoo.expected]\n" + "".join(f'"{key}" = "{why}"\n' for key, why in expected.items())
        (self.site.work / "pyproject.toml").write_text(text)

    def pytest(self, *arguments):
        return self.python("-m", "pytest", "-p", "no:cacheprovider", *arguments)

    def python(self, *arguments):
        """Run Python with the plugin installed, however long a busy machine takes."""
        own = {"PYTHONPATH": str(self.site.packages), "AIGC_ZOO_HOME": str(self.site.home), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **own},
            cwd=self.site.work,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )


@pytest.fixture
def author(site):
    return Author(site)


def counted(outcome):
    """Return the numbers of the line with the counts."""
    found = re.search(
        r"(\d+) checks \((\d+) required\): (\d+) ran, (\d+) passed, (\d+) failed, "
        r"(\d+) expected to fail, (\d+) skipped",
        outcome.stdout,
    )
    assert found, outcome.stdout + outcome.stderr
    return dict(
        zip(
            ("checks", "required", "ran", "passed", "failed", "expected", "skipped"),
            map(int, found.groups()),
            strict=True,
        )
    )


@pytest.mark.slow
def test_a_good_package_passes_without_a_line_of_test_code(author):
    author.installs("paint", "plaid")
    done = author.pytest("--aigc-zoo")
    assert done.returncode == 0, done.stdout
    counts = counted(done)
    assert counts["ran"] == counts["passed"] == counts["checks"] - counts["skipped"]
    assert counts["failed"] == counts["expected"] == 0
    assert "skipped: W4 model plaid: no torch module" in done.stdout
    assert "NOT ENOUGH" not in done.stdout


def test_a_failure_says_the_clause_and_three_lines_that_repeat_it(author):
    author.installs("paint", "plaid", SABOTEURS["N4"][1])
    done = author.pytest("--aigc-zoo", "-k", "N4 or C3 or S1 or N1")
    assert done.returncode == 1
    assert "N4: Every input of noise has an effect." in done.stdout
    assert "model plaid: Other numbers for the noise class change none of 4 samples." in done.stdout
    lines = done.stdout.partition("Repeat it:\n")[2].splitlines()[:3]
    again = author.python("-c", "\n".join(line.strip() for line in lines))
    assert "Broken: Other numbers for the noise class change none of 4 samples." in again.stderr
    assert again.returncode == 1


def test_a_session_fails_when_less_ran_than_is_required_although_all_that_ran_passed(author):
    author.installs("talk", "plaid")
    done = author.pytest("--aigc-zoo", "-k", "M1")
    assert done.returncode == 1
    assert counted(done)["failed"] == 0
    assert re.search(r"NOT ENOUGH: Of \d+ required clauses \d+ did not run: C2 plugin plaid, ", done.stdout)


def test_a_plugin_that_registers_nothing_is_not_green(author):
    author.installs("talk", "plaid")
    package = author.site.packages / "kit_plaid"
    (package / "zoo" / "models" / "plaid.json").unlink()
    (package / "zoo" / "plugin.json").write_text('{"name": "plaid", "api": 1, "summary": "Nothing.", "components": {}}')
    done = author.pytest("--aigc-zoo")
    assert done.returncode == 1
    assert counted(done)["failed"] == 0
    assert "NOT ENOUGH: The plugin registers no model, component or recipe" in done.stdout


def test_an_expected_failure_is_told_with_its_reason_and_does_not_fail(author):
    reason = "the manifest is written by hand"
    author.installs("talk", "plaid", SABOTEURS["M3"][1], expected={"M3 model plaid": reason})
    done = author.pytest("--aigc-zoo", "-k", "M")
    counts = counted(done)
    assert (counts["expected"], counts["failed"]) == (1, 0)
    assert f"expected: M3 model plaid: The manifest states no licence of the weights. Expected: {reason}" in done.stdout


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"M3 model plaid": "why not"}, "It was expected to fail, and passed."),
        ({"M3 model plain": "why not"}, 'tool.aigc-zoo.expected names "M3 model plain", which is no clause here.'),
    ],
)
def test_an_expectation_that_does_not_come_true_fails(author, expected, said):
    author.installs("talk", "plaid", expected=expected)
    done = author.pytest("--aigc-zoo", "-k", "M")
    assert done.returncode == 1
    assert said in done.stdout


def test_without_a_plugin_here_pytest_says_so_in_a_sentence(author):
    author.writes("nothing-of-that-kind")
    done = author.pytest("--aigc-zoo")
    assert done.returncode == 4
    assert "nothing-of-that-kind is not installed here, or registers no plugin. Install it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("plaix", "No plugin plaix is installed. Did you mean plaid?"),
        (".", ". is a path, not a plugin. Write: pytest . --aigc-zoo"),
    ],
)
def test_a_name_that_is_no_plugin_is_told(author, given, said):
    author.installs("talk", "plaid")
    done = author.pytest(f"--aigc-zoo={given}")
    assert done.returncode == 4
    assert said in done.stderr


def test_own_tests_run_too_and_the_marker_leaves_them_out(author):
    author.installs("talk", "plaid")
    (author.site.work / "test_own.py").write_text("def test_own():\n    pass\n")
    both = author.pytest("--aigc-zoo", "-k", "M1 or own")
    assert "2 passed" in both.stdout
    alone = author.pytest("--aigc-zoo", "-k", "M1 or own", "-m", "aigc_zoo")
    assert "1 passed" in alone.stdout


def test_without_the_option_nothing_is_added(author):
    author.installs("talk", "plaid")
    (author.site.work / "test_own.py").write_text("def test_own():\n    pass\n")
    done = author.pytest()
    assert done.returncode == 0
    assert "1 passed" in done.stdout
    assert "aigc-zoo" not in done.stdout


@pytest.mark.slow
def test_workers_give_the_same_counts(author):
    author.installs("talk", "plaid")
    one, two = (counted(author.pytest("--aigc-zoo", "-k", "not H", *more)) for more in ([], ["-n", "2"]))
    assert one == two


def test_what_one_clause_does_to_the_process_does_not_reach_the_next(author):
    """A model that turns gradients off, and moves away: two clauses catch it, each by itself."""
    code = "        import os\n\n        os.chdir('/')\n        if temperature == 0:\n"
    author.installs("talk", "plaid", Change("generators.py", "        if temperature == 0:\n", code))
    done = author.pytest("--aigc-zoo", "-k", "C3 or S1 or R5 or N1")
    assert done.returncode == 1
    assert counted(done)["failed"] == 1
    assert "Opening and using the model changed the working folder." in done.stdout
