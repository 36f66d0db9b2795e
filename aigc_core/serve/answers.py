"""What is sent back: OpenAI's objects of completions and chats, whole and in chunks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from aigc_core.interfaces.language_model import Piece
from aigc_core.serve.requests import Asked

LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON has not; OpenAI's own word for it."""
_FINISH = {"context": "length"}
"""A text that the model can hold no more of is cut off, as one that is as long as asked."""


class Answer:
    """One request's answer while it grows."""

    def __init__(self, asked: Asked, model: str, fingerprint: str, seed: int, prompts: Sequence[Sequence[int]]) -> None:
        self.asked = asked
        self.head: dict[str, Any] = {
            "id": f"{'chatcmpl' if asked.chat else 'cmpl'}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
            "seed": seed,
        }
        self._prompt_tokens, self._new_tokens = sum(map(len, prompts)), 0
        self._texts = [[self._echo(choice)] for choice in range(asked.texts)]
        self._logprobs: list[list[dict[str, Any]]] = [[] for _ in range(asked.texts)]
        self._finish = [""] * asked.texts
        self._offsets = [len(text[0]) for text in self._texts]

    def _echo(self, choice: int) -> str:
        prompt = self.asked.prompts[choice // self.asked.samples]
        return prompt if self.asked.echo and isinstance(prompt, str) else ""

    @property
    def is_done(self) -> bool:
        """Say whether every text has ended."""
        return all(self._finish)

    def add(self, choice: int, piece: Piece) -> dict[str, Any] | None:
        """Take a piece; return the chunk that a stream has for it, or nothing where it has nothing to show."""
        self._new_tokens += piece.token >= 0
        self._finish[choice] = _FINISH.get(piece.finish, piece.finish)
        logprob = self._logprob(choice, piece)
        self._offsets[choice] += len(piece.text)
        if not self.asked.stream:
            self._texts[choice].append(piece.text)
            self._logprobs[choice] += [logprob] if logprob else []
            return None
        if not (piece.text or piece.finish or logprob):
            return None
        return self._chunk(choice, piece.text, [logprob] if logprob else [], self._finish[choice] or None)

    def _logprob(self, choice: int, piece: Piece) -> dict[str, Any] | None:
        if not self.asked.logprobs or piece.token < 0:
            return None
        value = piece.logprob if piece.logprob > LOWEST_LOGPROB else LOWEST_LOGPROB
        return {"token": piece.text, "logprob": value, "offset": self._offsets[choice]}

    def first(self) -> list[dict[str, Any]]:
        """Return the chunks that a stream begins with: who speaks, or the prompt where it is echoed."""
        if self.asked.chat:
            return [self._wrap({"index": i, **_delta({"role": "assistant", "content": ""})}) for i in self._choices()]
        return [self._chunk(i, self._texts[i][0], [], None) for i in self._choices() if self._texts[i][0]]

    def _choices(self) -> range:
        return range(self.asked.texts)

    def _chunk(self, choice: int, text: str, logprobs: list[dict[str, Any]], finish: str | None) -> dict[str, Any]:
        shown = self._shown(logprobs) if logprobs else None
        if not self.asked.chat:
            return self._wrap({"index": choice, "text": text, "logprobs": shown, "finish_reason": finish})
        delta = _delta({"content": text} if text else {}, finish)
        return self._wrap({"index": choice, **delta, **({"logprobs": shown} if shown else {})})

    def _wrap(self, choice: dict[str, Any]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self.asked.chat else "text_completion"
        return {**self.head, "object": kind, "choices": [choice], **({"usage": None} if self.asked.usage else {})}

    def usage_chunk(self) -> dict[str, Any]:
        """Return the last chunk of a stream that says how many tokens there were."""
        kind = "chat.completion.chunk" if self.asked.chat else "text_completion"
        return {**self.head, "object": kind, "choices": [], "usage": self._usage()}

    def whole(self) -> dict[str, Any]:
        """Return the answer to a request without a stream."""
        kind = "chat.completion" if self.asked.chat else "text_completion"
        choices = [self._choice(choice) for choice in self._choices()]
        return {**self.head, "object": kind, "choices": choices, "usage": self._usage()}

    def _choice(self, choice: int) -> dict[str, Any]:
        text, finish = "".join(self._texts[choice]), self._finish[choice]
        logprobs = self._shown(self._logprobs[choice]) if self.asked.logprobs else None
        said = (
            {"message": {"role": "assistant", "content": text, "refusal": None}} if self.asked.chat else {"text": text}
        )
        return {"index": choice, **said, "logprobs": logprobs, "finish_reason": finish}

    def _shown(self, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return log-probabilities as the endpoint has them. A token's text is what could be shown with it."""
        if self.asked.chat:
            own = ({"token": each["token"], "logprob": each["logprob"]} for each in logprobs)
            content = [{**each, "bytes": [*each["token"].encode()], "top_logprobs": []} for each in own]
            return {"content": content, "refusal": None}
        columns = {"tokens": "token", "token_logprobs": "logprob", "text_offset": "offset"}
        return {name: [each[key] for each in logprobs] for name, key in columns.items()} | {"top_logprobs": None}

    def _usage(self) -> dict[str, int]:
        total = self._prompt_tokens + self._new_tokens
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._new_tokens,
            "total_tokens": total,
        }


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"delta": delta, "finish_reason": finish}
