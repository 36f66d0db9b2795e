"""A data set of texts: cleaned, split, tokenised, as windows of one stream or as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from aigc_core.errors import WrongUse
from aigc_core.interfaces.parent import Tokens
from aigc_core.train.data.batches import check
from aigc_core.train.data.clean.steps import clean
from aigc_core.train.data.clean.texts import steps
from aigc_core.train.data.fields import choice, field, number, only
from aigc_core.train.data.identity import check_sha256, identity
from aigc_core.train.data.rows import DataSet, Document, DocumentRows, PackedRows, Rows, WindowRows
from aigc_core.train.data.sources.found import Texts
from aigc_core.train.data.split import PARTS, Split, digest
from aigc_core.train.data.tokenise import Tokenizer, tokenizer


class Cleaned(NamedTuple):
    """What is left of a source."""

    rows: list[str]
    labels: np.ndarray | None
    record: dict[str, Any]
    prompts: list[str] | None = None
    """What each row begins with that is given."""

    def some(self, indices: Sequence[int]) -> Cleaned:
        """Keep the rows at these places."""
        labels = None if self.labels is None else self.labels[list(indices)]
        prompts = None if self.prompts is None else [self.prompts[index] for index in indices]
        return Cleaned([self.rows[index] for index in indices], labels, self.record, prompts)


def text_set(spec: Mapping[str, Any], found: Mapping[str, Texts], place: str, model: Tokens | None = None) -> DataSet:
    """Clean, split and tokenise texts from the sources of ``train`` and of any other part.

    ``{"kind": "windows", "block": 64}``: the texts, joined by line feeds, are one stream of tokens; a split by position
    cuts the stream, one by hash sorts the texts. ``{"kind": "documents", "block": 16}``: a text is a row; empty ones
    are none. ``{"kind": "packed", "block": 256}``: documents one after another, cut into rows. Of a row with a prompt,
    only what follows it is learned. Characters are those of all parts together; ``model`` is the tokenizer of the model
    that the training begins with. Raises ``Refused`` where the source is not the one that the recipe pins,
    ``WrongUse`` and ``NotAvailable``.
    """
    check(spec, None)
    form = field(spec, "form", dict, "data")
    only(form, ["kind", "block"], "data.form")
    kind = choice(form, "kind", ["windows", "documents", "packed"], "data.form")
    block = number(form, "block", int, "data.form", 1, 1 << 20)
    check_sha256(spec, found["train"].sha256, "text", place)
    split = Split(field(spec, "split", dict, "data", {}))
    cleaned = {part: _cleaned(spec, each, kind) for part, each in found.items()}
    if kind == "windows" and any(each.prompts is not None for each in cleaned.values()):
        raise WrongUse("Prompts are of documents.", "Declare data.form.kind documents or packed in the recipe.")
    if kind != "windows":
        _leave_out_held_out(cleaned)
    stream_cut = kind == "windows" and split.by == "position"
    parts = cleaned if stream_cut else _split(cleaned, split)
    if not parts.get("train") or not parts["train"].rows:
        raise WrongUse(f"No text of {place} is left to train on.", "See data.clean and data.split in the recipe.")
    if kind == "windows":
        rows, tokens, counts = _windows(spec, parts, split if stream_cut else None, block, model)
    else:
        rows, tokens, counts = _documents(spec, parts, kind == "packed", block, model)
    facts: dict[str, Any] = {"block": block, "tokenizer": spec["tokenizer"]["kind"]}
    facts |= {} if tokens.vocabulary is None else {"vocabulary": tokens.vocabulary}
    if (classes := found["train"].classes) is not None:
        facts["classes"] = classes
    said = identity(spec, {part: each.record for part, each in cleaned.items()}, {p: len(r) for p, r in rows.items()})
    return DataSet(rows["train"], rows.get("validation"), rows.get("test"), {**said, "tokens": counts}, facts)


def texts_by_part(spec: Mapping[str, Any], found: Mapping[str, Texts], place: str) -> dict[str, list[str]]:
    """Return the texts of each part as a training would have them, before they are tokens; of windows, one text each.

    A stream that is split by position is cut at characters, which are its tokens where the recipe says so, and near the
    border of its tokens elsewhere. Raises as ``text_set`` does.
    """
    check_sha256(spec, found["train"].sha256, "text", place)
    kind = spec["form"]["kind"]
    split = Split(field(spec, "split", dict, "data", {}))
    cleaned = {part: _cleaned(spec, each, kind) for part, each in found.items()}
    if kind != "windows":
        _leave_out_held_out(cleaned)
        return {part: each.rows for part, each in _split(cleaned, split).items()}
    if split.by != "position" or split.whole:
        return {part: ["\n".join(each.rows)] for part, each in _split(cleaned, split).items()}
    whole = "\n".join(cleaned["train"].rows)
    places = {part: each for part, each in split.by_position(len(whole)).items() if len(each)}
    others = {part: ["\n".join(each.rows)] for part, each in cleaned.items() if part != "train"}
    return {part: [whole[each.start : each.stop]] for part, each in places.items()} | others


def _cleaned(spec: Mapping[str, Any], found: Texts, kind: str) -> Cleaned:
    todo = steps(field(spec, "clean", list, "data", []))
    places = [place for place, text in enumerate(found.rows) if text or kind == "windows"]
    kept = list(clean((found.rows[place] for place in places), todo))
    labels = None if found.labels is None else found.labels[[places[index] for index, _ in kept]]
    record = {"sha256": found.sha256, "source_rows": len(places), "clean": [step.record() for step in todo]}
    if found.prompts is None:
        return Cleaned([text for _, text in kept], labels, record)
    forms = [step for step in todo if step.declared["step"] == "normalise"]
    prompts, rows = [], []
    for place in (places[index] for index, _ in kept):  # each side by itself, so that the border stays where it is
        prompt, completion = found.prompts[place], found.rows[place][len(found.prompts[place]) :]
        for step in forms:
            prompt, completion = str(step.work(prompt)), str(step.work(completion))
        prompts.append(prompt)
        rows.append(prompt + completion)
    return Cleaned(rows, labels, record, prompts)


def _leave_out_held_out(cleaned: dict[str, Cleaned]) -> None:
    """Leave out of each part what one that is held out has: the test comes first, then the validation."""
    known: set[str] = set()
    for part in [part for part in reversed(PARTS) if part in cleaned]:
        each = cleaned[part]
        if known:
            left = [row for row, text in enumerate(each.rows) if text not in known]
            each.record["clean"].append({"step": "held out elsewhere", "before": len(each.rows), "after": len(left)})
            cleaned[part] = each.some(left)
        known.update(cleaned[part].rows)


def _split(cleaned: Mapping[str, Cleaned], split: Split) -> dict[str, Cleaned]:
    if split.whole:
        return dict(cleaned)
    train = cleaned["train"]
    places: Mapping[str, Sequence[int]]
    places = split.by_position(len(train.rows)) if split.by == "position" else split.by_hash([*map(digest, train.rows)])
    others = {part: each for part, each in cleaned.items() if part != "train"}
    return {part: train.some(indices) for part, indices in places.items() if len(indices)} | others


Made = tuple[dict[str, Rows], Tokenizer, dict[str, int]]
"""The rows of each part, what made them of text, and the tokens of each part."""


def _windows(
    spec: Mapping[str, Any], parts: Mapping[str, Cleaned], cut: Split | None, block: int, model: Tokens | None
) -> Made:
    texts = {part: "\n".join(each.rows) for part, each in parts.items()}
    tokens = tokenizer(field(spec, "tokenizer", dict, "data"), texts.values(), model)
    streams = {part: tokens.encode(text) for part, text in texts.items()}
    if cut is not None and not cut.whole:
        whole = streams["train"]
        places = {part: each for part, each in cut.by_position(len(whole)).items() if len(each)}
        streams = {part: whole[each.start : each.stop] for part, each in places.items()} | {
            part: each for part, each in streams.items() if part != "train"
        }
    rows: dict[str, Rows] = {part: WindowRows(torch.from_numpy(each), block) for part, each in streams.items()}
    return rows, tokens, {part: len(each) for part, each in streams.items()}


def _documents(
    spec: Mapping[str, Any], parts: Mapping[str, Cleaned], packed: bool, block: int, model: Tokens | None
) -> Made:
    texts = (text for each in parts.values() for text in each.rows)
    tokens = tokenizer(field(spec, "tokenizer", dict, "data"), texts, model)
    rows: dict[str, Rows] = {}
    counts = {}
    for part, each in parts.items():
        prompts = each.prompts or [""] * len(each.rows)
        found = [_document(tokens, text, prompt) for text, prompt in zip(each.rows, prompts, strict=True)]
        labels = None if each.labels is None else torch.from_numpy(each.labels)
        rows[part] = PackedRows(found, block) if packed else DocumentRows(found, block, labels)
        counts[part] = sum(len(document.tokens) - document.given for document in found)
    return rows, tokens, counts


def _document(tokens: Tokenizer, text: str, prompt: str) -> Document:
    """Return a text as tokens; its prompt is encoded by itself, as it will be when the model is asked."""
    marks = tokens.marks()
    sides = [tokens.encode(side).astype(np.int32) + marks.shift for side in (prompt, text[len(prompt) :])]
    start = np.array(marks.start, np.int32)
    return Document(np.concatenate([start, *sides, np.array([marks.end], np.int32)]), len(start) + len(sides[0]))
