"""The codes of everything that can be wrong with a manifest."""

from aigc_core.manifest.problems import CODES
from generate.markdown import code, table, text

ABOUT = """# Problem codes

What `aigc-zoo doctor` can say of a manifest. Each problem comes with its file and line, a JSON pointer to the place,
what a right value looks like, and one of these codes. A code keeps its meaning from one version to the next.
"""


def page() -> str:
    """Return the page, one row for each code; the code is the row's anchor."""
    rows = [[f'<a id="{name}"></a>{code(name)}', text(words)] for name, words in CODES.items()]
    return f"{ABOUT}\n{table(['code', 'what it means'], rows)}"
