"""Chat templates: a conversation as the text that an instruct model goes on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.interfaces.language_model import Message
from aigc_core.manifest.read import Malformed, read_text
from aigc_text.tokens.beside import AGAIN, read_beside
from aigc_text.tokens.prices import CHARACTERS, TooMuch, spending

MAX_SOURCE = 256_000
"""Characters of a template; the longest known has 20,000."""
UNITS, EACH, PAIRS = 300_000, 100, 20
"""What a rendering may spend (see ``prices``): at all, for each unit of the messages, and for each two of them."""


class Template:
    """A model's chat template.

    What a message says is put into the text as it is, as transformers does by default. So a message that contains the
    text of a special token, such as ``<|im_end|>``, ends its turn and can speak in another role: whoever passes on what
    others wrote is open to that, and has to remove such texts first.
    """

    def __init__(self, source: str, origin: Path, specials: Mapping[str, str]) -> None:
        self._source, self._origin, self._specials = source, origin, dict(specials)
        self._compiled: Any = None

    @classmethod
    def open(cls, files: Mapping[str, Path], config: Mapping[str, Any] = MappingProxyType({})) -> Template | None:
        """Return the template of a model's files, None where it has none: chat_template.jinja, else what
        tokenizer_config.json says, of several the one that is named ``default``. ``config`` is the model's config.json.

        Raises ``Refused`` where a file is damaged.
        """
        beside = read_beside(files, config)
        origin, source = files.get("tokenizer_config.json"), beside.settings.get("chat_template")
        if "chat_template.jinja" in files:
            origin = files["chat_template.jinja"]
            try:
                source = read_text(str(origin), MAX_SOURCE)
            except Malformed as error:
                raise Refused(f"{error}.", AGAIN) from error
        if isinstance(source, list):
            named = {part.get("name"): part.get("template") for part in source if isinstance(part, dict)}
            source = named.get("default")
        if source is None or origin is None:
            return None
        if not isinstance(source, str) or len(source) > MAX_SOURCE:
            raise Refused(f"{origin}: its chat template is no text of at most {MAX_SOURCE:,} characters.", AGAIN)
        return cls(source, origin, {name: token.content for name, token in beside.named.items()})

    def render(self, messages: Sequence[Message]) -> str:
        """Return the conversation as text, up to where the assistant speaks next, as transformers'
        ``apply_chat_template`` with ``add_generation_prompt``.

        A template may write today's date, as Llama 3's does. Raises ``WrongUse`` where there are no messages or the
        template refuses them, ``Refused`` where it is no template or does what none should, ``NotAvailable`` without
        the library.
        """
        if not messages:
            raise WrongUse("A conversation needs at least one message.")
        try:
            from aigc_text.tokens.sandbox import Raised, environment, priced
        except ImportError as error:
            raise NotAvailable("Chat templates need the Jinja library.", "Try: pip install 'jinja2>=3.1.6'") from error
        chat = [{"role": message.role, "content": message.content} for message in messages]
        length = sum(len(message.role) + len(message.content) for message in messages)
        purse = UNITS + EACH * (length // CHARACTERS) + PAIRS * len(chat) ** 2

        def work() -> str:
            if self._compiled is None:
                self._compiled = environment().from_string(priced(environment().parse(self._source)))
            given: Any = {"messages": chat, "tools": None, "documents": None, "add_generation_prompt": True}
            return str(self._compiled.render(self._specials | given))

        try:
            return spending(purse, work)
        except Raised as error:
            text = f"The model's chat template refuses this conversation: {_said(error)}."
            raise WrongUse(text, "Change whose turns they are, or in which order.") from error
        except TooMuch as error:
            text = f"{self._origin}: its chat template does more than a conversation of this length can need."
            raise Refused(text, AGAIN) from error
        except Exception as error:  # whatever Python raises for a stranger's program
            raise Refused(f"{self._origin}: its chat template fails: {_said(error)}.", AGAIN) from error


def _said(error: Exception) -> str:
    return (" ".join(str(error).split())[:200] or type(error).__name__).rstrip(".")  # it may quote the template
