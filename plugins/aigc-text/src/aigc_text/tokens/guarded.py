"""Calls into the ``tokenizers`` library on behalf of a stranger's file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from aigc_core.errors import NotAvailable, Refused, ZooError
from aigc_text.tokens.beside import AGAIN

MAX_BYTES = 64_000_000
"""The largest tokenizer.json of a Hub model has 33 MB."""


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn whatever the library raises inside the block into ``Refused`` with the file and the cause.

    Its panics are no ``Exception``: Rust's are raised as a class of ``BaseException`` that Python code cannot name.
    """
    try:
        yield
    except (ZooError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        said = " ".join(str(error).split())[:200].rstrip(".")  # it may quote the file
        raise Refused(f"{path} is no usable tokenizer: {said}.", AGAIN) from error


def sized(files: Mapping[str, Path], name: str) -> Path:
    """Return the path of a model's file. Raises ``Refused`` where it is too large to be what its name says."""
    path = files[name]
    try:
        size = path.stat().st_size
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", AGAIN) from error
    if not path.is_file() or size > MAX_BYTES:
        raise Refused(f"{path} is no tokenizer: it is larger than {MAX_BYTES:,} bytes, or no file.", AGAIN)
    return path
