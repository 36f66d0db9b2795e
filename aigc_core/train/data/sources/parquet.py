"""Images or texts in parquet files, as data sets on the Hub have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.train.data.extra import extra
from aigc_core.train.data.fields import choice, field, only
from aigc_core.train.data.sources.decode import Decoded
from aigc_core.train.data.sources.found import Images, Texts, located, numbered

_WHERE = "data.source"
_HUB = ["repo_id", "revision"]


def images(source: Mapping[str, Any], folder: str | None, data: str) -> Images:
    """Read ``{"files": [...], "image": COLUMN, "label": COLUMN, "mode": "L" | "RGB", "lazy": false}``.

    A cell of the image column is the encoded bytes, or a struct with a field ``bytes``. The label may be left out.
    Raises ``NotAvailable`` where a file is missing, is no parquet file, or has no such column.
    """
    only(source, ["kind", "files", "image", "label", "mode", "lazy", *_HUB], _WHERE)
    column = field(source, "image", str, _WHERE, "image")
    label = field(source, "label", str, _WHERE, "")
    mode = choice(source, "mode", ["L", "RGB"], _WHERE)
    lazy = field(source, "lazy", bool, _WHERE, False)
    encoded: list[Any] = []
    values: list[object] = []
    names: list[str] = []
    paths = _paths(source, folder, data)
    for path in paths:
        table = _table(path, [column, *([label] if label else [])])
        encoded += [_bytes(cell, column, path) for cell in table[column].to_pylist()]
        if label:
            values += table[label].to_pylist()
            names = names or _class_names(table.schema.metadata, label)
    rows = Decoded(encoded, mode, lambda index: f"image {index:,} of {paths[0].name}")
    if not label:
        return Images(rows, lazy=lazy)
    labels, classes = numbered(values, str(paths[0]))
    return Images(rows, labels, names if len(names) >= len(classes) else classes, lazy=lazy)


def texts(source: Mapping[str, Any], folder: str | None, data: str) -> Texts:
    """Read ``{"files": [...], "text": COLUMN}``. Raises as ``images`` does."""
    only(source, ["kind", "files", "text", *_HUB], _WHERE)
    column = field(source, "text", str, _WHERE)
    rows: list[str] = []
    content = hashlib.sha256()
    for path in _paths(source, folder, data):
        for row, cell in enumerate(_table(path, [column])[column].to_pylist()):
            if not isinstance(cell, str):
                raise NotAvailable(f"{path}, row {row:,} has no text in column {column!r}.")
            rows.append(cell)
        content.update(path.read_bytes())
    return Texts(rows, content.hexdigest())


def _paths(source: Mapping[str, Any], folder: str | None, data: str) -> list[Path]:
    files = field(source, "files", list, _WHERE)
    if not files:
        raise WrongUse("data.source.files in the recipe is empty; it names the parquet files.")
    if "repo_id" not in source:
        return [located(folder, field({"files[]": name}, "files[]", str, _WHERE), data) for name in files]
    return _from_hub(source, files)


def _from_hub(source: Mapping[str, Any], files: list[Any]) -> list[Path]:
    """Return verified local files of ``{"repo_id", "revision", "files": [{"path", "size", "sha256"}]}``."""
    from aigc_core.hub.pull import pull
    from aigc_core.manifest.model import WeightFile, is_commit, is_repo_id

    repo_id, revision = field(source, "repo_id", str, _WHERE), field(source, "revision", str, _WHERE)
    if not is_repo_id(repo_id) or not is_commit(revision):
        raise WrongUse(
            f"data.source in the recipe names {repo_id}@{revision}, which is no ORGANISATION/NAME at a commit."
        )
    wanted = []
    for file in files:
        where = f"{_WHERE}.files[]"
        field({where: file}, where, dict, _WHERE)
        path, size, sha256 = (
            field(file, "path", str, where),
            field(file, "size", int, where),
            field(file, "sha256", str, where),
        )
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise WrongUse(f"{where}.path in the recipe is {path!r}, which leaves the repository.")
        wanted.append(WeightFile(path, size, sha256, "parquet"))
    # The Hub's own addresses for data sets start so, and a repository's files are asked for below its address.
    found = pull(f"datasets/{repo_id}", revision, wanted)
    return [found[file.path] for file in wanted]


def _table(path: Path, columns: list[str]) -> Any:
    parquet = extra("pyarrow.parquet", "parquet", "A parquet file")
    try:
        with parquet.ParquetFile(path) as file:
            known = file.schema_arrow.names
            if missing := [column for column in columns if column not in known]:
                raise NotAvailable(f"{path} has no column {missing[0]!r}; it has {', '.join(map(repr, known[:8]))}.")
            return file.read(columns=columns)
    except (OSError, ValueError) as error:  # what Arrow raises is one of these, or both
        text = " ".join(str(error).split())[:200].rstrip(".")
        raise NotAvailable(f"{path} is no readable parquet file: {text}.", "Fetch the file again.") from error


def _bytes(cell: Any, column: str, path: Path) -> bytes | None:
    if isinstance(cell, dict):
        cell = cell.get("bytes")
    if cell is not None and not isinstance(cell, bytes):
        raise NotAvailable(f"{path} has a column {column!r} of {type(cell).__name__}, not of encoded images.")
    return cell


def _class_names(metadata: Mapping[bytes, bytes] | None, label: str) -> list[str]:
    """Return the names that the Hub's library writes into a file's metadata for the numbers in a column."""
    try:
        names = json.loads((metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
