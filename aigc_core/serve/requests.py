"""The bodies of /v1/completions and /v1/chat/completions, read into what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aigc_core.interfaces.language_model import Message
from aigc_core.serve import fields
from aigc_core.serve.faults import Fault
from aigc_core.serve.limits import Limits
from aigc_core.serve.messages import read_messages
from aigc_core.serve.options import read_options

COMPLETION_TOKENS = 16
"""How long a completion is where nobody says, as with OpenAI; a chat goes on to the end of the assistant's turn."""
MAX_SEED = 2**63
MAX_TOKEN = 2**31

Prompt = str | tuple[int, ...] | tuple[Message, ...]


class Asked(NamedTuple):
    """What a request asks for, checked as far as it can be without computing anything."""

    chat: bool
    prompts: tuple[Prompt, ...]
    """At least one; of a chat, its one conversation."""
    samples: int
    """How many texts for each prompt."""
    new: int | None
    """Up to how many new tokens; None: as many as there may be."""
    seed: int | None
    stream: bool
    usage: bool
    """The stream ends with how many tokens there were."""
    logprobs: bool
    echo: bool
    options: Mapping[str, Any]

    @property
    def texts(self) -> int:
        """How many texts are asked for."""
        return len(self.prompts) * self.samples


def model_of(body: Mapping[str, Any]) -> str:
    """Return the name of the model that a body asks for. Raises ``Fault`` 400 where it has none."""
    name = body.get("model")
    if not isinstance(name, str):
        raise Fault(400, "model is missing: the name of one of GET /v1/models.", param="model")
    return name


def completion(body: Mapping[str, Any], schema: Mapping[str, Any], limits: Limits) -> Asked:
    """Read the body of a completion for a model with that schema of options. Raises ``Fault`` 400."""
    given = fields.check(body, fields.COMPLETION, schema.get("properties", {}))
    prompts = _prompts(given.get("prompt"))
    echo, logprobs = _boolean(given, "echo"), given.get("logprobs")
    if logprobs is not None and (type(logprobs) is not int or logprobs not in (0, 1)):
        raise Fault(400, "logprobs takes 0 or 1: only the chosen token's is known.", param="logprobs")
    if echo and logprobs is not None:
        raise Fault(400, "echo has no logprobs of the prompt; `aigc-zoo score` has.", param="echo")
    if echo and not all(isinstance(prompt, str) for prompt in prompts):
        raise Fault(400, "echo takes prompts that are text, not tokens.", param="echo")
    new = _whole(given, "max_tokens", 1, limits.tokens)
    return _asked(False, prompts, COMPLETION_TOKENS if new is None else new, given, schema, logprobs is not None, echo)


def chat(body: Mapping[str, Any], schema: Mapping[str, Any], limits: Limits) -> Asked:
    """Read the body of a chat completion for a model with that schema of options. Raises ``Fault`` 400."""
    given = fields.check(body, fields.CHAT, schema.get("properties", {}))
    if given.get("top_logprobs", 0) != 0:
        raise Fault(400, "top_logprobs takes 0: only the chosen token's is known.", param="top_logprobs")
    lengths = [_whole(given, name, 1, limits.tokens) for name in ("max_completion_tokens", "max_tokens")]
    new = next((length for length in lengths if length is not None), None)
    conversation = read_messages(given.get("messages"))
    return _asked(True, (conversation,), new, given, schema, _boolean(given, "logprobs"), False)


def _asked(
    is_chat: bool,
    prompts: tuple[Prompt, ...],
    new: int | None,
    given: Mapping[str, Any],
    schema: Mapping[str, Any],
    logprobs: bool,
    echo: bool,
) -> Asked:
    count, seed = _whole(given, "n", 1, 2**31), _whole(given, "seed", 0, MAX_SEED - 1)
    stream, options = _boolean(given, "stream"), given.get("stream_options")
    if options is not None and not (stream and isinstance(options, dict)):
        raise Fault(400, "stream_options is an object, and only allowed with stream.", param="stream_options")
    usage = _boolean(options or {}, "include_usage")
    chosen = read_options(given, schema, model_of(given))
    return Asked(is_chat, prompts, count or 1, new, seed, stream, usage, logprobs, echo, chosen)


def _prompts(value: Any) -> tuple[Prompt, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value:
        if all(isinstance(part, str) for part in value):
            return tuple(value)
        if _are_tokens(value):
            return (tuple(value),)
        if all(isinstance(part, list) and part and _are_tokens(part) for part in value):
            return tuple(tuple(part) for part in value)
    text = "prompt is a string, a list of strings, a list of tokens or a list of such lists, and none is empty"
    raise Fault(400, f"{text}.", param="prompt", code="invalid_type")


def _are_tokens(values: Sequence[Any]) -> bool:
    return all(type(value) is int and 0 <= value < MAX_TOKEN for value in values)


def _boolean(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise Fault(400, f"{name} is true or false.", param=name, code="invalid_type")
    return bool(value)


def _whole(given: Mapping[str, Any], name: str, lowest: int, highest: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if type(value) is not int or not lowest <= value <= highest:
        raise Fault(400, f"{name} takes a whole number from {lowest:,} to {highest:,}.", param=name)
    return value
