"""The codes of everything that can be wrong with a manifest, and with what lies around it."""

from aigc_core.check.codes import CODES as AROUND
from aigc_core.manifest.problems import CODES
from generate.markdown import code, table, text

ABOUT = """# Problem codes

What `aigc-zoo check` and `aigc-zoo doctor` can say of a manifest. Each problem comes with its file and line, a JSON
pointer to the place, what a right value looks like, and one of these codes. A code keeps its meaning from one version
to the next.
"""
MORE = """## Around the manifests

What `aigc-zoo check` alone says: of `pyproject.toml`, of the names of components, of recipes and of weights.
"""


def page() -> str:
    """Return the page, one row for each code; the code is the row's anchor."""
    return "\n".join([ABOUT, rows(CODES), MORE, rows(AROUND)])


def rows(codes: dict[str, str]) -> str:
    """Return a table of codes."""
    found = [[f'<a id="{name}"></a>{code(name)}', text(words)] for name, words in codes.items()]
    return table(["code", "what it means"], found)
