"""From the fields of a request to the options of a model, checked by the model's own schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_core.errors import WrongUse
from aigc_core.interfaces.language_model import GREEDY
from aigc_core.manifest import options as manifest_options
from aigc_core.serve.faults import Fault

STOPS, STOP_CHARACTERS = 16, 200
BIASES = 1024
_NEUTRAL = {"top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""What clients send without meaning anything by it, also to models that have no such option."""
_FILTERS = ("top_k", "top_p", "min_p", "typical_p")
_ELSEWHERE = ("prompt", "max_new_tokens")


def read_options(given: Mapping[str, Any], schema: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return a model's options from a request's fields, with the schema's defaults, without the prompt and the length.

    ``temperature`` is 1 where it is not given, as OpenAI has it. Where it is 0 the likeliest token is taken and what
    filters the others is left out: clients send ``top_p`` beside it and mean nothing. Raises ``Fault`` 400 that names
    the field.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    wanted = {name: given[name] for name in properties if name in given and name not in _ELSEWHERE}
    for name in ("temperature", *_NEUTRAL):
        if name in given and not _is_neutral(name, given[name]):
            wanted[name] = given[name]  # also where the model has no such option: the check says so
        elif name in wanted:
            del wanted[name]
    for name, read in (("stop", _stops), ("logit_bias", _biases)):
        wanted.pop(name, None)
        if given.get(name) and (read_value := read(given[name])):
            wanted[name] = read_value
    if "temperature" in properties:
        wanted.setdefault("temperature", 1.0)
    for name, value in wanted.items():
        _check({name: value}, schema, model, name)
    checked = _check(wanted, schema, model, None)
    left_out = _FILTERS if checked.get("temperature") == GREEDY else ()
    return {name: value for name, value in checked.items() if name not in (*left_out, *_ELSEWHERE)}


def _check(options: dict[str, Any], schema: Mapping[str, Any], model: str, param: str | None) -> dict[str, Any]:
    try:
        return manifest_options.check(options, schema, model)
    except WrongUse as error:
        raise Fault(400, str(error), param=param, code="invalid_value") from None


def _is_neutral(name: str, value: Any) -> bool:
    return name in _NEUTRAL and not isinstance(value, bool) and value == _NEUTRAL[name]


def _stops(value: Any) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise Fault(400, "stop is a string or a list of strings.", param="stop", code="invalid_type")
    if len(stops) > STOPS:
        raise Fault(400, f"stop has {len(stops):,} strings, it takes at most {STOPS}.", param="stop")
    if not all(0 < len(stop) <= STOP_CHARACTERS for stop in stops):
        raise Fault(400, f"A stop string has 1 to {STOP_CHARACTERS} characters.", param="stop")
    return list(dict.fromkeys(stops))


def _biases(value: Any) -> list[str]:
    """Return OpenAI's ``{"TOKEN": BIAS}`` as the option has it: a list of ``TOKEN=BIAS``."""
    if not isinstance(value, dict) or len(value) > BIASES:
        raise Fault(400, f"logit_bias is an object of at most {BIASES:,} tokens.", param="logit_bias")
    for token, bias in value.items():
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise Fault(400, "logit_bias maps a token's number to its bias, such as 50256.", param="logit_bias")
        if isinstance(bias, bool) or not isinstance(bias, (int, float)) or not -100 <= bias <= 100:
            raise Fault(400, f"The bias of token {token} is no number from -100 to 100.", param="logit_bias")
    return [f"{int(token)}={bias}" for token, bias in value.items()]
