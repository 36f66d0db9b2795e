"""W: weights are loaded strictly, by name, shape and number."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from aigc_core.testing.inside import outermost
from aigc_core.testing.safetensors_file import Stored, read, write
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.using import apart, differing, samples
from aigc_core.testing.verdict import Broken, Skipped

_MOST = 400_000_000
_STRICT = "Load with aigc_core.weights.load_module, or compare names and shapes yourself."


def missing(subject: ModelSubject) -> None:
    """W1: a tensor from the middle of the file is left out."""
    gone = _middle(_stored(subject)[1])
    _refused(subject, lambda all_: [each for each in all_ if each != gone], f"lack {gone.name}")


def extra(subject: ModelSubject) -> None:
    """W2: a tensor of a name that nobody knows is added."""
    stranger = Stored("aigc_zoo.stranger", "F32", [2], bytes(8))
    _refused(subject, lambda all_: [*all_, stranger], "have a tensor aigc_zoo.stranger beside the model's own")


def shapes(subject: ModelSubject) -> None:
    """W3: a tensor from the middle of the file has its first row twice."""
    old = _middle(_stored(subject)[1])
    row = len(old.data) // old.shape[0]
    new = Stored(old.name, old.dtype, [old.shape[0] + 1, *old.shape[1:]], old.data[:row] + old.data)
    changed = f"have {old.name} of shape {new.shape} and not {old.shape}"
    _refused(subject, lambda all_: [new if each == old else each for each in all_], changed)


def same_numbers(subject: ModelSubject) -> None:
    """W4: of each torch module that has the file's names, every tensor is the stored one, cast."""
    import torch
    from safetensors.torch import load_file

    path, _ = _stored(subject)
    stored = load_file(subject.files[path])
    for _, module in outermost(subject.model.generator):
        own = module.state_dict()
        if own.keys() != stored.keys():
            continue
        for name, tensor in own.items():
            if not torch.equal(stored[name].to(tensor.dtype), tensor.cpu()):
                raise Broken(f"{name} in the opened model differs from {path}.", "Load the numbers as they are.")
        return
    raise Skipped("no torch module of the opened model has the names of the file's tensors")


def order(subject: ModelSubject) -> None:
    """W5: the same tensors, written last to first, make the same samples."""
    first = samples(subject.model)
    with tempfile.TemporaryDirectory() as folder:
        files = _changed(subject, lambda all_: all_[::-1], Path(folder))
        try:
            again = samples(subject.opened(files))
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise Broken(
                f"With the tensors in another order, the file is refused: {reason}.", "Look tensors up by name."
            ) from error
    if wrong := differing(first, again):
        at = wrong[0]
        raise Broken(
            f"With the tensors in another order, sample {at} is another one: {apart(first[at], again[at])}.",
            "Look tensors up by name.",
        )


def _refused(subject: ModelSubject, change: Callable[[list[Stored]], list[Stored]], what: str) -> None:
    """Raise where a model opens from changed weights and makes samples of them."""
    with tempfile.TemporaryDirectory() as folder:
        files = _changed(subject, change, Path(folder))
        try:
            model = subject.opened(files)
            if "generate" in model.manifest.capabilities:
                samples(model, range(1))  # an engine may load no earlier
        except Exception:
            return
    raise Broken(f"The model opens from weights that {what}, as if nothing were wrong.", _STRICT)


def _changed(subject: ModelSubject, change: Callable[[list[Stored]], list[Stored]], folder: Path) -> dict[str, Path]:
    name, tensors = _stored(subject)
    path = folder / Path(name).name
    write(path, change(tensors))
    return {**subject.files, name: path}


def _stored(subject: ModelSubject) -> tuple[str, list[Stored]]:
    """Return the name and the tensors of the model's first safetensors file."""
    manifest = subject.entry.manifest
    assert manifest is not None
    name = next(file.path for file in manifest.files if file.format == "safetensors")
    if (size := subject.files[name].stat().st_size) > _MOST:
        raise Skipped(f"{name} has {size:,} bytes, which are too many to write changed copies of")
    return name, read(subject.files[name])


def _middle(tensors: list[Stored]) -> Stored:
    shaped = [each for each in tensors if each.shape and each.shape[0]]
    if not shaped:
        raise Skipped("the file has no tensor with a shape")
    return shaped[len(shaped) // 2]
