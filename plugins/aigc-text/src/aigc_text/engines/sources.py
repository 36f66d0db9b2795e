"""What a model's verified files are to an engine: a decoder that we know, a GGUF file, or something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_text.architecture.configs import FAMILIES, shape_of
from aigc_text.architecture.layouts import LAYOUTS
from aigc_text.architecture.shape import Shape

if TYPE_CHECKING:
    from aigc_text.architecture.tensors import Tensors


class Source(NamedTuple):
    """A model's files, and what its config says that they are."""

    config: Mapping[str, Any]
    weights: Mapping[str, Path]
    shape: Shape | None
    """The decoder that the files hold; None where ``transformers`` or llama.cpp alone knows what they are."""

    @classmethod
    def of(cls, config: Mapping[str, Any], weights: Mapping[str, Path]) -> Source:
        """Raise ``Refused`` or ``NotAvailable`` as ``architecture.shape_of`` does, where the family is one of ours."""
        ours = config.get("model_type") in FAMILIES and not any(name.endswith(".gguf") for name in weights)
        return cls(config, weights, shape_of(config) if ours else None)

    @property
    def gguf(self) -> Path | None:
        """The GGUF file among the files."""
        return next((path for name, path in self.weights.items() if name.endswith(".gguf")), None)

    def tensors(self) -> Tensors:
        """Map the decoder's tensors. Raises ``Refused`` where the files do not fit the config."""
        from aigc_text.architecture.tensors import Tensors

        assert self.shape is not None
        files = {name: path for name, path in self.weights.items() if name.endswith((".safetensors", ".index.json"))}
        return Tensors(self.shape, LAYOUTS[self.config["model_type"]], files)
