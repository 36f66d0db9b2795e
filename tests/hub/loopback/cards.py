"""Checks a card's front matter as ``/api/validate-yaml`` does, and with its messages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from .card_fields import FIELDS
from .vocabulary import PIPELINE_TAGS

if TYPE_CHECKING:
    from .handler import Handler

BLOCK = re.compile(r"^\ufeff?\s*---(?:\r\n|\r|\n)([\S\s]*?)(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")
BOOLEAN = "tag:yaml.org,2002:bool"
HELP = "https://huggingface.co/docs/hub/model-cards#model-card-metadata"

Verdict = dict[str, list[dict[str, str]]]


def front_matter(text: str) -> str | None:
    """Return the YAML between the two lines of dashes at the start of a card, or None."""
    match = BLOCK.search(text)
    return match[1] if match else None


def validate(call: Handler) -> None:
    """Answer 200 with the warnings, or 400 with the errors."""
    asked = json.loads(call.body)
    verdict = check(asked["content"], asked.get("repoType") or "model")
    call.json(verdict, 400 if verdict["errors"] else 200)


def check(text: str, kind: str = "model") -> Verdict:
    """Return the errors and warnings of a card; only a model's fields are looked at."""
    block = front_matter(text)
    if block is None:
        return {"errors": [], "warnings": [_row("empty or missing yaml metadata in repo card")]}
    try:
        card = yaml.load(block, Loader) if block.strip() else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {"errors": [_row(f"Invalid YAML in README.md: {error}")], "warnings": []}
    if isinstance(card, list):
        return {"errors": [_row('"value" must be of type object')], "warnings": []}
    if not isinstance(card, dict):
        return {"errors": [_row("The YAML metadata of your README.md is invalid.")], "warnings": []}
    if kind != "model":
        return {"errors": [], "warnings": []}
    errors = [message for field, rule in FIELDS.items() if field in card for message in rule(card[field], field)]
    if card.get("license") == "other" and "license_name" not in card:
        # The Hub's documentation asks for it; whether its check insists is not known.
        errors.append('"license_name" is required where "license" is [other]')
    tag, warnings = card.get("pipeline_tag"), []
    if isinstance(tag, str) and tag not in PIPELINE_TAGS:
        warnings.append(f'The pipeline tag "{tag}" is not in the official list: {", ".join(sorted(PIPELINE_TAGS))}')
    return {"errors": [_row(message) for message in errors], "warnings": [_row(message) for message in warnings]}


def _row(message: str) -> dict[str, str]:
    return {"message": message, "help": HELP}


class Loader(yaml.SafeLoader):
    """Reads YAML as the Hub's parser does: ``no`` is Norwegian and not false, and a key may be there only once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "duplicated mapping key", node.start_mark)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != BOOLEAN]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
