"""A model that is served: its name, its options, its batcher, and the way from what is asked to texts."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aigc_core.interfaces.language_model import LanguageModel, Message
from aigc_core.serve.batcher import Batcher, Wanted
from aigc_core.serve.faults import Fault, from_error, reported
from aigc_core.serve.limits import Limits
from aigc_core.serve.requests import MAX_SEED, Asked, Prompt


class Served:
    """One model under its name."""

    def __init__(
        self,
        name: str,
        model: LanguageModel,
        schema: Mapping[str, Any],
        weights: Mapping[str, str],
        rows: int,
        queue: int,
        report: Callable[[str], None],
    ) -> None:
        """``schema`` is that of the model's options; ``weights`` maps its files to their sha256."""
        self.name, self.model, self.schema, self.report = name, model, schema, report
        self.batcher = Batcher(model, rows, queue, lambda text: report(f"{name}: {text}"))
        self.created = int(time.time())
        facts = [weights, model.engine, model.dtype, model.environment()]
        self.fingerprint = "fp_" + hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
        """Equal where seeds give equal texts: a digest of the weights and of what computes them."""
        self._reader = ThreadPoolExecutor(1, "reader")  # beside the event loop, which a long prompt would hold up

    async def read(self, asked: Asked, limits: Limits) -> tuple[int, list[tuple[int, ...]], list[Wanted]]:
        """Return the seed, the tokens of each prompt, and the texts that are wanted of them, in OpenAI's order.

        Raises ``Fault`` where a prompt has no tokens or too many, or the model cannot read it.
        """
        loop = asyncio.get_running_loop()
        prompts = [await loop.run_in_executor(self._reader, self._tokens, prompt) for prompt in asked.prompts]
        seed = secrets.randbelow(MAX_SEED) if asked.seed is None else asked.seed
        wanted = []
        for tokens in prompts:
            options = {**asked.options, "max_new_tokens": self._new(asked, tokens, limits)}
            wanted += [Wanted(tokens, options, seed, sample) for sample in range(asked.samples)]
        return seed, prompts, wanted

    def _tokens(self, prompt: Prompt) -> tuple[int, ...]:
        try:
            if isinstance(prompt, str):
                return tuple(self.model.encode(prompt))
            turns = [part for part in prompt if isinstance(part, Message)]
            return tuple(self.model.render(turns)) if turns else tuple(part for part in prompt if isinstance(part, int))
        except Exception as error:
            fault = from_error(error)
            if fault.status >= 500:
                self.report(f"{self.name}: a prompt could not be read: {reported(error)}")
            raise fault from None

    def _new(self, asked: Asked, tokens: tuple[int, ...], limits: Limits) -> int:
        """Return how many new tokens a prompt may have."""
        context, field = self.model.context, "messages" if asked.chat else "prompt"
        if not tokens:
            raise Fault(400, f"{field} has no tokens, and {self.name} has nothing to begin with.", param=field)
        slides = asked.options.get("overflow") == "slide"
        if context and not slides and len(tokens) >= context:
            text = f"{field} has {len(tokens):,} tokens; {self.name} holds {context:,}, with what it writes."
            raise Fault(400, text, param=field, code="context_length_exceeded")
        room = context - len(tokens) if context and not slides else limits.tokens
        return min(limits.tokens, room) if asked.new is None else asked.new

    def describe(self) -> dict[str, Any]:
        """Return the model as OpenAI lists it, with how much it can hold."""
        own = {"context_length": self.model.context} if self.model.context else {}
        return {"id": self.name, "object": "model", "created": self.created, "owned_by": "aigc-zoo", **own}

    def close(self, seconds: float) -> None:
        """Wait for the threads to end, after the batcher's ``stop``."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        self.batcher.join(seconds)
