"""How Sphinx builds the site; its reference pages are generated first, from the code and the schemas."""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generate import write_pages  # noqa: E402

from aigc_core import __version__  # noqa: E402

project = "aigc-zoo"
author = "The aigc-zoo authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "examples", "reference/generated/states.md"]

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "alabaster"
html_theme_options = {"description": "A zoo of generative models", "fixed_sidebar": True, "page_width": "1100px"}
html_copy_source = False
html_show_sphinx = False


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx looks which pages there are."""
    app.connect("builder-inited", lambda app: write_pages(HERE / "reference" / "generated"))
