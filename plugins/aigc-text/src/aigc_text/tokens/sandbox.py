"""Jinja for a stranger's chat template: what it can reach, and how much it can do.

Jinja's own sandbox keeps a template from Python's internals and from changing what it is given. It bounds neither time
nor memory: loops inside loops, a string that doubles, ``"x" * 10**9`` or a list that holds itself twice, thirty levels
deep, end in no time that anyone waits for. Here each iteration, call and value has a price, and a rendering a purse.

Jinja is imported here, and this module where a template is rendered.
"""

from __future__ import annotations

import functools
import json
from datetime import datetime
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from aigc_text.tokens.prices import BITS, CHARACTERS, TICK, TooMuch, checked_format, metered, paid, room, spend, units

PAID, SPEND = "price of a value", "price of a turn"
"""Filters of our own, under names that no template can write."""


class Raised(Exception):
    """A template says by ``raise_exception`` that it refuses the messages."""


def _raise_exception(message: Any) -> None:
    raise Raised(str(paid(message)))


def _tojson(
    x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class _Dict:
    """``dict`` without what hangs on the class."""

    def __call__(self, *arguments: Any, **named: Any) -> dict[Any, Any]:
        return dict(*arguments, **named)

    def fromkeys(self, *arguments: Any) -> dict[Any, Any]:
        return dict.fromkeys(*arguments)


class _Generation(Extension):
    """``{% generation %}``, which marks the assistant's words for training, and shows them."""

    tags = {"generation"}  # noqa: RUF012 (as Jinja declares it)

    def parse(self, parser: Any) -> list[nodes.Node]:
        next(parser.stream)
        found: list[nodes.Node] = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return found


class _Plain(Namespace):
    """A namespace without names that begin with an underscore."""

    def __init__(*arguments: Any, **named: Any) -> None:
        for name in (values := dict(*arguments[1:], **named)):
            _Plain._check(name)
        Namespace.__init__(arguments[0], values)

    def __setitem__(self, name: str, value: Any) -> None:
        _Plain._check(name)
        super().__setitem__(name, value)

    @staticmethod
    def _check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise SecurityError(f"the name {name[:40]!r} begins with an underscore")


class _Metered(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > BITS:
                raise TooMuch
        elif operator == "*":
            room([left, right], growing=True)
        elif operator == "%":
            checked_format(left)
            room([left, *right] if isinstance(right, tuple) else [left, right], growing=isinstance(left, str))
        spend(units(left) + units(right))
        return paid(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *arguments: Any, **named: Any) -> Any:
        spend(TICK)
        owner = getattr(__obj, "__self__", None)
        text = isinstance(owner, (str, bytes, int))
        room([owner, *arguments, *named.values()] if text else [*arguments, *named.values()], growing=text)
        if text:
            paid([owner, arguments, named])
        return paid(super().call(__context, __obj, *arguments, **named))

    def wrap_str_format(self, value: Any) -> Any:
        if (wrapped := super().wrap_str_format(value)) is None:
            return None
        text = value.__self__

        @functools.wraps(wrapped)
        def run(*arguments: Any, **named: Any) -> Any:
            checked_format(text)
            room([text, *arguments, *named.values()], growing=True)
            return wrapped(*arguments, **named)

        return run


@functools.cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return Jinja, metered, as transformers sets it up for chat templates (utils/chat_template_utils.py, 5.23)."""
    made = _Metered(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    made.filters["tojson"] = _tojson
    made.filters |= {name: metered(function, name) for name, function in made.filters.items()}
    tests: dict[str, Any] = {name: made.tests[name] for name in ("in", "eq", "==", "equalto", "ne", "!=")}
    made.tests |= {name: metered(test, name) for name, test in tests.items()}
    made.filters |= {PAID: pass_context(lambda _, value: paid(value)), SPEND: pass_context(lambda _, n: spend(n))}
    made.globals |= {"raise_exception": _raise_exception, "dict": _Dict(), "namespace": _Plain}
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    del made.globals["lipsum"]
    return made


class _Prices(NodeTransformer):
    def generic_visit(self, node: nodes.Node, *arguments: Any, **named: Any) -> nodes.Node:
        node = super().generic_visit(node, *arguments, **named)
        if isinstance(node, (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)):
            node.body.insert(0, nodes.ExprStmt(_filtered(_price(node), SPEND), lineno=node.lineno))
        elif isinstance(node, nodes.Output):
            node.nodes = [
                part if isinstance(part, nodes.TemplateData) else _filtered(part, PAID) for part in node.nodes
            ]
        elif isinstance(node, nodes.Compare):
            node.expr = _filtered(node.expr, PAID)
            for operand in node.ops:
                operand.expr = _filtered(operand.expr, PAID)
        elif (
            isinstance(node, (nodes.List, nodes.Dict, nodes.Concat))
            or (isinstance(node, nodes.Tuple) and node.ctx == "load")
            or (isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice))
        ):
            return _filtered(node, PAID)
        return node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _price(node: nodes.Node) -> nodes.Const:
    text = sum(len(part.data) for part in node.find_all(nodes.TemplateData))
    return nodes.Const(TICK + text // CHARACTERS, lineno=node.lineno)


def priced(tree: nodes.Template) -> nodes.Template:
    """Put the prices of what runs past the environment into a parsed template: loops, literals, comparisons."""
    found: nodes.Template = _Prices().visit(tree)
    found.set_environment(environment())
    return found
