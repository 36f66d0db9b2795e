"""The sheets of a run's samples, one after another, as one GIF: how the same noise came to look what it looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.errors import WrongUse
from aigc_core.files import whole_file
from aigc_core.run.write_gif import write_gif
from aigc_core.train.export import template
from aigc_core.train.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

NAME = "samples.gif"
"""The file's name in the run's folder."""
FRAMES = 200
"""The most frames: of more sheets, so many are taken, evenly, with the first and the last."""


def check(recipe: Recipe) -> None:
    """Raise ``WrongUse`` where a training takes no sheets that could be animated."""
    role = next(iter(recipe["networks"]))
    kind = template(recipe, role)[1]["use"]["output"]["kind"]
    if kind != "image":
        raise WrongUse(f"{recipe['name']} makes {kind}s, of which there is no GIF.", "Leave out --gif.")
    if not recipe["samples"]["every"]:
        raise WrongUse(f"{recipe['name']} looks at no samples, so there is nothing to animate.", _HINT)


_HINT = "Such as: --set samples.every=500"


def animate(folder: Path, step: int) -> Path | None:
    """Write the sheets of a run up to a step as a GIF, whole; None where there is none yet.

    They are read from the folder, where each sample interval leaves one, a sheet at a time: so it takes no more memory
    however long a training is, and a run that goes on after a stop has them all. Sheets of another size than the last,
    as after a change of ``samples.count``, are left out.
    """
    found = {int(name[1]): path for path in (folder / "samples").glob("step-*.png") if (name := _STEP.match(path.name))}
    sheets = [found[each] for each in sorted(found) if each <= step]
    if not sheets:
        return None
    size = _size(sheets[-1])
    kept = thinned([sheet for sheet in sheets if _size(sheet) == size], FRAMES)
    with whole_file(str(folder / NAME)) as stream:
        write_gif(stream, _frames(kept))
    return folder / NAME


def thinned(sheets: Sequence[Path], most: int) -> list[Path]:
    """Return at most so many of the sheets, evenly, the first and the last among them."""
    if len(sheets) <= most:
        return [*sheets]
    return [sheets[round(number * (len(sheets) - 1) / (most - 1))] for number in range(most)]


_STEP = re.compile(r"step-(\d{8,})\.png$")


def _size(sheet: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(sheet, formats=["PNG"]) as image:
        width, height = image.size
    return width, height


def _frames(sheets: Sequence[Path]) -> Iterator[np.ndarray]:
    import numpy as np
    from PIL import Image

    for sheet in sheets:
        with Image.open(sheet, formats=["PNG"]) as image:
            grey = image.mode == "L"
            pixels = np.asarray(image if grey else image.convert("RGB"))
        yield pixels[:, :, None] if grey else pixels
