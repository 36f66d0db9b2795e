"""What an author says in pyproject.toml: found upwards, taken from the package's own project, refused if wrong."""

import pytest

from aigc_core.errors import WrongUse
from aigc_core.testing.settings import Settings

PROJECT = '[project]\nname = "Aigc_Plaid"\n'


def test_the_first_project_upwards_is_read(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        PROJECT + '[tool.aigc-zoo]\nseconds = 90\n[tool.aigc-zoo.expected]\nN3 = "slow"\n"S1 model plaid" = "grey"\n'
        "[tool.aigc-zoo.rows]\nplaid.images = [1, 4, 4]\n"
    )
    inner = tmp_path / "src" / "aigc_plaid"
    inner.mkdir(parents=True)
    (tmp_path / "src" / "pyproject.toml").write_text("[tool.other]\nno = 'project'\n")
    found = Settings.near(str(inner))
    assert (found.project, found.folder) == ("Aigc_Plaid", str(tmp_path))
    assert (found.seconds, Settings().seconds) == (90, 600)
    assert found.rows == {"plaid": {"images": [1, 4, 4]}}
    assert found.reason("N3", "model plaid") == found.reason("N3", "model other") == "slow"
    assert found.reason("S1", "model plaid") == "grey"
    assert found.reason("S1", "model other") == found.reason("N1", "model plaid") == ""
    assert Settings.of_source(str(inner), "aigc-plaid") == found
    assert Settings.of_source(str(inner), "aigc-other") == Settings(), "another project's word counts for nothing"
    assert Settings.of_source("", "aigc-plaid") == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.aigc-zoo]\nexpected = ["N3"]\n', "expected in .* is no table of clauses and reasons"),
        ("[tool.aigc-zoo.expected]\nN3 = true\n", "expected in .* is no table of clauses and reasons"),
        ('[tool.aigc-zoo.expected]\nN3 = " "\n', "expected in .* is no table of clauses and reasons"),
        ("[tool.aigc-zoo.rows]\nplaid = 3\n", "rows in .* is no table of recipes"),
        *(
            (f"[tool.aigc-zoo]\nseconds = {some}\n", "seconds in .* is no number")
            for some in ("0", "true", "inf", '"9"')
        ),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(text, said, tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT + text)
    with pytest.raises(WrongUse, match=said):
        Settings.near(str(tmp_path))


def test_a_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(WrongUse, match=r"pyproject\.toml cannot be read"):
        Settings.near(str(tmp_path))
