"""The engine ``ct2``: CTranslate2, which writes whole texts by itself, greedily, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.architecture.shape import Shape
from aigc_text.engines.gguf_tensors import context


def library() -> Any:
    """Return CTranslate2. Raises ``NotAvailable`` where it is not installed."""
    try:
        import ctranslate2
    except ImportError as error:
        text = "The engine ct2 needs CTranslate2, the package ctranslate2."
        raise NotAvailable(text, 'Try: pip install "aigc-text[ct2]"') from error
    return ctranslate2


class Ct2:
    """A model that CTranslate2 computes. It has the attributes of an ``engines.engine.Engine``, ``logits``, and the
    ``write`` of a ``Writer``, but no cache to step."""

    name = "ct2"

    def __init__(self, generator: Any, context: int, vocabulary: int, threads: int) -> None:
        self.dtype = str(generator.compute_type).removesuffix("_float32")  # what is not quantised is float32
        self.context, self.vocabulary, self.threads = context, vocabulary, threads
        self._generator = generator

    @classmethod
    def open(cls, folder: str | Path, shape: Shape, threads: int) -> Ct2:
        """Open a folder that ``ct2_write`` wrote, to compute in what its weights are stored in.

        Raises ``Refused`` where CTranslate2 cannot run it, ``NotAvailable`` where CTranslate2 is not installed.
        """
        try:
            generator = library().Generator(str(folder), device="cpu", inter_threads=1, intra_threads=threads)
        except (RuntimeError, ValueError) as error:
            said = " ".join(str(error).split())[:200].rstrip(".")
            raise Refused(f"{folder} is no model that CTranslate2 can run: {said}.") from error
        return cls(generator, context(shape), shape.vocabulary, threads)

    def cache(self, rows: int, length: int) -> NoReturn:
        """Raise ``NotAvailable``: there is nothing to step."""
        text = "CTranslate2 writes whole texts, greedily."
        raise NotAvailable(text, "Set the temperature to 0, or use --engine native or gguf.")

    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        self._check(len(tokens))
        yield np.array(self._generator.forward_batch([list(tokens)]))[0]

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        new: int,
        ends: frozenset[int],
        each: Callable[[int, int, float], bool] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return each prompt's greedy continuation: up to ``new`` tokens with their log-probabilities.

        A text ends after the first of ``ends``, which is in it. ``each`` is called with a prompt's place, a token and
        its log-probability as soon as that is known, in another thread; where it returns True, that text ends. Raises
        ``WrongUse`` where the model cannot hold the longest prompt and ``new`` tokens.
        """
        self._check(max(map(len, prompts)) + new)
        written: list[list[tuple[int, float]]] = [[] for _ in prompts]
        # Beside a prompt of one token, CTranslate2 takes the rest of longer ones for what it has written.
        for single in (True, False):
            places = [place for place, prompt in enumerate(prompts) if (len(prompt) == 1) is single]

            def hear(step: Any, places: list[int] = places) -> bool:
                place = places[step.batch_id]
                written[place].append((step.token_id, step.log_prob))
                return bool(each and each(place, step.token_id, step.log_prob))

            if places:
                self._generator.generate_batch(
                    [[str(token) for token in prompts[place]] for place in places],
                    max_length=new,
                    end_token=sorted(ends),
                    return_end_token=True,
                    return_scores=True,
                    include_prompt_in_result=False,
                    callback=hear,
                )
        return written

    def environment(self) -> dict[str, str | int]:
        return {"ctranslate2": library().__version__, "threads": self.threads}

    def _check(self, length: int) -> None:
        if length > self.context:
            raise WrongUse(f"The model holds {self.context:,} tokens, not {length:,}.")
