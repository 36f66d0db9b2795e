"""Where the sandbox is weak, a stranger's model is refused and a trusted one is judged."""

import json

import pytest

from aigc_core.judge import supervisor
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.settings import Settings
from aigc_core.manifest.model import ModelManifest
from aigc_core.registry import Entry
from aigc_core.sandbox.choose import Backend

WEAK = Backend("landlock", "bwrap: setting up uid map: Permission denied", ("names of files",))


@pytest.fixture
def candidate(tmp_path, manifest_of):
    path = tmp_path / "models" / "m.json"
    path.parent.mkdir()
    path.write_text(json.dumps(manifest_of("m", "plain")))
    manifest = ModelManifest.read(str(path))
    return Candidate(Entry("m", str(path), str(tmp_path), manifest, None, "plugin toy", "ready"))


def test_a_stranger_is_refused_with_the_reason_and_what_is_left_open(candidate):
    (row,) = supervisor.supervise([candidate], Settings(WEAK), ("samples",))
    (finding,) = row.report.findings
    assert finding.check == "sandbox/refused"
    assert "uid map" in finding.text
    assert "--trust toy" in finding.hint
    assert finding.details["leaves"] == ["names of files"]


def test_one_that_is_trusted_is_not(candidate):
    (row,) = supervisor.supervise([candidate._replace(trusted=True)], Settings(WEAK), ("licence",))
    assert [each.check for each in row.failed] == []


def test_a_fault_of_the_judges_own_is_a_row(candidate, monkeypatch):
    def broken(*given):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(supervisor, "judge", broken)
    strong = Settings(Backend("bubblewrap", "", ()))
    other = candidate._replace(entry=candidate.entry._replace(state="broken", reason="its JSON is none"))
    first, second = supervisor.supervise([candidate, other], strong, ("licence",), workers=2)
    assert "ZeroDivisionError: oops" in first.failed[0].text
    assert "its JSON is none" in second.failed[0].text


def test_the_command_says_so_with_its_code(toy_zoo, site):
    """Only a refusal: nothing of the model runs, so this needs no kernel that can hold it."""
    toy_zoo({"good": "plain"})
    done = site.zoo("ci", "good", "--sandbox", "landlock", "--json", "--step", "samples")
    if done.returncode == 3:  # no Landlock here, or root's own Python
        assert "landlock" in done.stderr
    else:
        assert done.returncode == 4
        assert done.json["models"][0]["state"] == "refused"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--unsandboxed", "--sandbox", "landlock"], 2, "opposite things"),
        (["nobody"], 2, "No model nobody is here to be judged"),
        (["--shard", "9/4"], 2, "--shard"),
        (["--plugin", "nowhere"], 2, "pyproject.toml"),
        (["--quarantine", "nowhere"], 2, "cannot be read"),
        (["--data", "x"], 2, "--data x names no data set"),
        (["--data", "x=nowhere"], 3, "nothing at nowhere"),
        (["--git-range", "HEAD"], 3, "in no git repository"),
    ],
)
def test_wrong_use(toy_zoo, site, words, code, text):
    toy_zoo({"good": "plain"})
    done = site.zoo("ci", *words, "--step", "licence")
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
