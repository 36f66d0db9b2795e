import sys

import pytest

from aigc_core.train.environment import _modules, environment
from aigc_core.train.recipe import read

NET = "from maker import layers\nfrom maker.rates import rate\nimport json, math\n\n\nclass Net:\n    pass\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose network uses one module as a module, another by a name in it, and a third not at all."""
    folder = tmp_path / "maker"
    folder.mkdir()
    files = {
        "__init__": "",
        "nets": NET,
        "layers": "from maker import nets\n",
        "rates": "def rate(): pass\n",
        "more": "",
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "maker"]:
        del sys.modules[name]


def test_the_code_is_what_a_component_uses_of_its_own_package(package):
    import maker.more
    import maker.nets

    assert {module.__name__ for module in _modules([maker.nets.Net])} == {"maker.nets", "maker.layers", "maker.rates"}


def test_the_code_of_a_bundled_recipe_changes_with_a_module_that_only_its_network_uses(monkeypatch, tmp_path):
    from aigc_vae import likelihoods

    recipe = read("vae-fashion")
    before = environment(recipe, "cpu", 1)
    assert environment(recipe, "cpu", 1) == before
    changed = tmp_path / "likelihoods.py"
    changed.write_text("# another\n")
    monkeypatch.setattr(likelihoods, "__file__", str(changed))
    assert environment(recipe, "cpu", 1)["code"] != before["code"]
