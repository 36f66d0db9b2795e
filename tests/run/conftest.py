import pytest

from aigc_core import load, registry

READY = sorted(entry.id for entry in registry.entries() if entry.state == "ready")
_loaded = {}


@pytest.fixture(params=READY)
def model(request):
    """Every model that is installed and ready: registering one adds its tests."""
    if request.param not in _loaded:
        _loaded[request.param] = load(request.param)
    return _loaded[request.param]


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, in an empty folder with settings of its own."""
    from aigc_core import interrupt
    from aigc_core.cli import outcome

    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*arguments):
        code = outcome([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
