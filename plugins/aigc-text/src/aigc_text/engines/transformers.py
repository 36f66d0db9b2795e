"""The engine ``transformers``: any architecture that it knows, from verified files; none of their code runs."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, Refused

if TYPE_CHECKING:
    import numpy as np

_CHUNK = 512
"""How many tokens of a text are computed at once."""


class Transformers:
    """A model that transformers computes in float32. See ``engines.engine.Engine``."""

    name, dtype = "transformers", "float32"

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()
        self.model = model
        self.context = int(getattr(config, "max_position_embeddings", None) or 0)
        self.vocabulary = int(config.vocab_size)

    @classmethod
    def open(cls, config: Mapping[str, Any], files: Mapping[str, Path], threads: int) -> Transformers:
        """Open a model from verified files, by their names in its folder; nothing else is seen or fetched.

        Raises ``NotAvailable`` where transformers is not installed or does not know the architecture, ``Refused``
        where the config names code of its own, or the weights do not fill the model.
        """
        try:
            import torch
            import transformers
        except ImportError as error:
            text = "The engine transformers needs the package transformers."
            raise NotAvailable(text, 'Try: pip install "aigc-text[transformers]"') from error
        if "config.json" not in files:
            raise Refused("The model has no config.json, so that transformers cannot know its architecture.")
        if "auto_map" in config:
            raise Refused("The model's config.json names code of its own (auto_map), which the zoo never runs.")
        print("This architecture is none of the zoo's own: transformers computes it.", file=sys.stderr)
        torch.set_num_threads(threads)
        with _folder(files) as folder:
            return cls(_loaded(transformers, folder))

    def cache(self, rows: int, length: int) -> TransformersCache:
        return TransformersCache(self.model, rows)

    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        row = _Row(self.model)
        for start in range(0, len(tokens), _CHUNK):
            yield row.extend(tokens[start : start + _CHUNK])

    def environment(self) -> dict[str, str | int]:
        import torch
        import transformers

        return {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }


class TransformersCache:
    """See ``engines.engine.Cache``. Each row is computed by itself, so that no padding can show in its numbers."""

    def __init__(self, model: Any, rows: int) -> None:
        self._model, self._rows = model, [_Row(model) for _ in range(rows)]

    def feed(self, row: int, tokens: Sequence[int]) -> np.ndarray:
        for start in range(0, len(tokens), _CHUNK):
            found: np.ndarray = self._rows[row].extend(tokens[start : start + _CHUNK])[-1]
        return found

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
        import numpy as np

        return np.stack([self._rows[row].extend([token])[-1] for row, token in zip(rows, tokens, strict=True)])

    def share(self, source: int, target: int) -> None:
        self._rows[target].past = copy.deepcopy(self._rows[source].past)
        self._rows[target].tokens = list(self._rows[source].tokens)

    def clear(self, row: int) -> None:
        self._rows[row] = _Row(self._model)

    def length(self, row: int) -> int:
        return len(self._rows[row].tokens)


class _Row:
    """A text, and what the model remembers of it: a model that gives no such thing reads the whole text each time."""

    def __init__(self, model: Any) -> None:
        self.model, self.past, self.tokens = model, None, []  # type: Any, Any, list[int]

    def extend(self, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens; return the logits (n, vocabulary) of their successors."""
        import numpy as np
        import torch

        self.tokens += tokens
        new = self.tokens if self.past is None else tokens
        with torch.inference_mode():
            ids = torch.tensor([list(new)])
            found = self.model(input_ids=ids, past_key_values=self.past, use_cache=True)
        self.past = found.get("past_key_values")
        return np.asarray(found.logits[0, -len(tokens) :].float().cpu().numpy())


@contextlib.contextmanager
def _folder(files: Mapping[str, Path]) -> Iterator[str]:
    """Make a folder of links to exactly these files, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="aigc-zoo-") as folder:
        for name, path in files.items():
            place = os.path.join(folder, name)
            if os.path.relpath(place, folder).startswith(".."):
                raise Refused(f"{name[:100]} lies outside the model's folder.")
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.symlink(os.path.realpath(path), place)
        yield folder


def _loaded(transformers: Any, folder: str) -> Any:
    """Return the model, every weight of it from the files."""
    import torch

    quiet = transformers.logging
    before = quiet.get_verbosity(), quiet.is_progress_bar_enabled()
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    try:
        model, told = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # whatever a stranger's files make it raise
        said = " ".join(str(error).replace(folder, "the model").split())[:300].rstrip(".")
        raise NotAvailable(f"transformers cannot open the model: {said}.") from error
    finally:
        quiet.set_verbosity(before[0])
        if before[1]:
            quiet.enable_progress_bar()
    if missing := sorted(told["missing_keys"]):
        raise Refused(f"The weights do not fit the model's config: {missing[0][:100]} is missing.")
    return model.eval()
