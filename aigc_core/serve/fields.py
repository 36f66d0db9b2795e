"""The fields of OpenAI's requests: which are met, which change nothing here, and why the others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_core.errors import did_you_mean
from aigc_core.serve.faults import Fault

_BOTH = {
    "model", "max_tokens", "temperature", "top_p", "n", "stream", "stream_options", "stop", "presence_penalty",
    "frequency_penalty", "logit_bias", "logprobs", "seed",
}  # fmt: skip
COMPLETION = frozenset(_BOTH | {"prompt", "echo"})
CHAT = frozenset(_BOTH | {"messages", "max_completion_tokens", "top_logprobs"})

HARMLESS = frozenset(
    {
        "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "prompt_cache_options",
    }
)  # fmt: skip
"""What concerns OpenAI's own service and not the text: read past."""

_NO_TOOLS = "no model here is asked to call tools"
_TEXT_ONLY = "the models here write text and nothing else"
REFUSED = {
    "tools": _NO_TOOLS,
    "tool_choice": _NO_TOOLS,
    "functions": _NO_TOOLS,
    "function_call": _NO_TOOLS,
    "response_format": "what a model writes is not forced into a form",
    "audio": _TEXT_ONLY,
    "modalities": _TEXT_ONLY,
    "prediction": "a text is not written from a prediction",
    "reasoning_effort": "the models here are not asked how long to think",
    "verbosity": "say it in the messages",
    "web_search_options": "nothing is looked up",
    "moderation": "texts are not moderated",
    "best_of": "all texts are returned; use n, and choose",
    "suffix": "a text is only written forwards",
}
"""OpenAI's fields that the server does not meet, with the reason."""

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "best_of": (1,),
    "suffix": ("",),
}
"""Values of those fields that ask for what happens anyway."""

_OWN_NAMES = {"max_new_tokens": "max_tokens", "prompt": "messages"}


def check(body: Mapping[str, Any], known: frozenset[str], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that mean something: those ``known`` to the endpoint, and options of the model's ``own``.

    A field that is null counts as not given, as it does with OpenAI. Raises ``Fault`` 400 with the first field that
    nobody knows, or that is not met here.
    """
    given = {}
    for name, value in body.items():
        if value is None or name in HARMLESS or value in _NEUTRAL.get(name, ()):
            continue
        if name in REFUSED:
            raise Fault(400, f"{name} is not supported: {REFUSED[name]}.", param=name, code="unsupported_parameter")
        if name not in known and (name not in own or name in _OWN_NAMES):
            raise _unknown(name, known, own)
        given[name] = value
    return given


def _unknown(name: str, known: frozenset[str], own: Mapping[str, Any]) -> Fault:
    shown, names = name[:100], sorted(known | own.keys() - _OWN_NAMES.keys())
    near = f" Did you mean {_OWN_NAMES[name]}?" if name in _OWN_NAMES else did_you_mean(shown, names)
    return Fault(400, f"There is no field {shown}.{near}", param=shown, code="unknown_parameter")
