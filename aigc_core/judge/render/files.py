"""A result in files, each in its own format."""

from __future__ import annotations

import json
import os

from aigc_core.errors import WrongUse
from aigc_core.files import whole_file
from aigc_core.judge.render import as_json, junit, markdown, page
from aigc_core.judge.result import Result

SCHEMA = "aigc-zoo/ci/1"


def write(result: Result, folder: str) -> None:
    """Write ``report.json``, ``junit.xml``, ``report.md`` and ``report.html`` into a folder, which is made.

    Raises as ``whole_file`` does, and ``WrongUse`` where the folder cannot be made.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"{folder} cannot be made: {(error.strerror or str(error)).lower()}.") from error
    document = {"schema": SCHEMA, **as_json.document(result)}
    files = {
        "report.json": json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace"),
        "junit.xml": junit.xml(result),
        "report.md": markdown.text(result).encode("utf-8", "replace"),
        "report.html": page.html(result).encode("utf-8", "replace"),
    }
    for name, data in files.items():
        with whole_file(os.path.join(folder, name)) as stream:
            stream.write(data)
