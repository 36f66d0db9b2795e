"""``aigc-zoo run MODEL --chat``: a conversation with an instruct model, a line a turn."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from aigc_core.cli.opening import Opening
from aigc_core.cli.progress import hush, say
from aigc_core.cli.shown_text import to_stdout, write
from aigc_core.errors import WrongUse, ZooError, counted

if TYPE_CHECKING:
    from aigc_core.interfaces.language_model import Message
    from aigc_core.run.model import Model

HELP = """/system TEXT  Say how the assistant is to be; without TEXT, take that back.
/save FILE    Write the conversation, a JSON object a message and line.
/undo         Forget the last question and its answer.
/clear        Forget the conversation.
/quit         End, as Ctrl-D does. Ctrl-C stops an answer and keeps what was said."""
_COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?")


def run(name: str, opening: Opening, *, seed: int, quiet: bool, options: dict[str, Any]) -> None:
    """Talk until the user ends it. Raises ``WrongUse`` where the model cannot chat."""
    from aigc_core.manifest.options import check
    from aigc_core.run.numbers import whole_number
    from aigc_core.run.speak import no_language_model

    entry = opening.find(name)
    assert entry.manifest is not None
    if entry.manifest.output.get("kind") != "text":
        raise no_language_model(entry.manifest, "chat")
    checked = check(options, entry.manifest.options, entry.id)
    chat = Chat(opening.load(name, entry, quiet=quiet), whole_number(seed, "seed", 0), checked, hush if quiet else say)
    with _interruptible(), to_stdout():
        chat.talk()


class Chat:
    """A conversation: what was said, and the turns that the user takes."""

    def __init__(self, model: Model, seed: int, options: dict[str, Any], tell: Callable[[str], None]) -> None:
        from aigc_core.interfaces.language_model import Message

        self.model, self.seed, self.options, self.tell = model, seed, options, tell
        self.person = sys.stdin.isatty()
        self.messages: list[Message] = []
        self.turn = 0
        """How many answers were begun; the next has the noise of the sample with this index."""
        self._tokens([Message("user", "?")])  # a model without a template is refused before anybody types

    def talk(self) -> None:
        """Take turns until the input ends. A mistake ends the program where no person is there to mend it."""
        if self.person:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 (input() then has history and editing)
            self.tell("/help says what else can be typed.")
        for line in _lines(self.person):
            try:
                if not self._take(line):
                    return
            except ZooError as error:
                if not self.person:
                    raise
                say(f"{error} {error.hint}".rstrip())

    def _take(self, line: str) -> bool:
        """Do what a line asks for; False where it ends the conversation."""
        command = _COMMAND.fullmatch(line.strip())
        if command is None:
            if line.strip():
                self.answer(line)
            return True
        word, rest = command[1], (command[2] or "").strip()
        does = {
            "help": self._help,
            "system": self._system,
            "save": self._save,
            "undo": self._undo,
            "clear": self._clear,
        }
        if word == "quit":
            return False
        if word not in does:
            raise WrongUse(f"There is no command /{word} in a chat.", "See: /help")
        does[word](rest)
        return True

    def answer(self, text: str) -> None:
        """Ask, and show the answer as it comes. Where it is stopped or cut, what was said counts.

        Raises ``WrongUse``, with the question forgotten, where the conversation no longer fits.
        """
        from aigc_core.interfaces.language_model import Message
        from aigc_core.run.speak import pieces, requests

        asked = [*self.messages, Message("user", text)]
        request = requests(self.model, self._tokens(asked), self.seed, [self.turn], self.options)
        self.turn += 1
        said, finish = "", ""
        try:
            for piece in pieces(self.model, request):
                said, finish = said + piece.text, piece.finish
                write(piece.text)
        except KeyboardInterrupt:
            if not self.person:
                raise
        write("\n")
        if said:
            self.messages = [*asked, Message("assistant", said)]
        why = {"length": "as long as --max-new-tokens allows", "context": "the model can hold no more; try /clear"}
        if finish in why:
            self.tell(f"(The answer was cut: {why[finish]}.)")

    def _tokens(self, messages: list[Message]) -> tuple[int, ...]:
        from aigc_core.run.guarded import guarded
        from aigc_core.run.speak import language_model

        language = language_model(self.model, "chat")
        tokens: tuple[int, ...] = guarded(self.model.entry, "render the chat for", lambda: language.render(messages))
        return tokens

    def _help(self, rest: str) -> None:
        for line in HELP.splitlines():
            say(line)

    def _system(self, text: str) -> None:
        from aigc_core.interfaces.language_model import Message

        others = [message for message in self.messages if message.role != "system"]
        self.messages = [Message("system", text), *others] if text else others

    def _save(self, path: str) -> None:
        from aigc_core.files import whole_file

        if not path:
            raise WrongUse("/save takes the name of a file.", "Such as: /save chat.jsonl")
        with whole_file(path) as stream:
            for message in self.messages:
                stream.write(json.dumps(message._asdict(), ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self.tell(f"{path}: {counted(len(self.messages), 'message')}.")

    def _undo(self, rest: str) -> None:
        if not self.messages or self.messages[-1].role != "assistant":
            raise WrongUse("There is nothing to undo.")
        del self.messages[-2:]

    def _clear(self, rest: str) -> None:
        self.messages = [message for message in self.messages if message.role == "system"]


def _lines(person: bool) -> Iterator[str]:
    """Yield what is typed, or the lines of a pipe or file."""
    while True:
        try:
            line = input("> ") if person else sys.stdin.readline()
        except EOFError:
            write("\n")  # or the shell's prompt follows ours on one line
            return
        except KeyboardInterrupt:
            if not person:
                raise
            write("\n")
            say("Ctrl-D or /quit ends the chat.")
            continue
        except UnicodeDecodeError as error:
            raise WrongUse(f"The standard input is no UTF-8 text (byte {error.start:,}).") from error
        if not person and not line:
            return
        yield line.removesuffix("\n")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C stop an answer, and not the program."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
