"""``run --chat``: a conversation by pipe and by terminal, its commands, and what it refuses."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.interfaces.language_model import Message
from aigc_core.run.speak import pieces, requests

SETTINGS = {"max_new_tokens": 40, "temperature": 1, "overflow": "refuse"}


@pytest.fixture
def chat(talk):
    return lambda lines, *flags: talk("run", "bigram", "--chat", *flags, stdin="".join(f"{line}\n" for line in lines))


def answer(model, messages, turn=0, seed=0, **options):
    tokens = model.language.render(messages)
    return "".join(piece.text for piece in pieces(model, requests(model, tokens, seed, [turn], SETTINGS | options)))


def conversation(model, lines, system="", first=0, **how):
    messages = [Message("system", system)] if system else []
    for turn, line in enumerate(lines):
        messages.append(Message("user", line))
        messages.append(Message("assistant", answer(model, messages, turn + first, **how)))
    return messages


def answers(messages):
    return "".join(f"{message.content}\n" for message in messages if message.role == "assistant")


def test_every_turn_sees_the_ones_before_and_has_its_own_noise(chat):
    code, out, err = chat(["Hello", "How are you?", "", "  ", "Hello"], "-q")
    assert (code, err) == (0, "")
    assert out == answers(conversation(load("bigram"), ["Hello", "How are you?", "Hello"]))


def test_options_and_seed_hold_for_every_turn(chat):
    how = {"max_new_tokens": 5, "stop": ["x", "y"]}
    flags = ["--max-new-tokens", 5, "--stop", "x", "--stop", "y", "--seed", 4]
    assert chat(["a", "b"], *flags)[1] == answers(conversation(load("bigram"), ["a", "b"], seed=4, **how))


def test_a_conversation_can_be_saved(chat):
    code, _, err = chat(["/system Be kind.", "Hello", "/save a.jsonl", "/quit", "never said"])
    assert code == 0
    assert err.splitlines()[-1] == "a.jsonl: 3 messages."
    saved = [Message(**json.loads(line)) for line in Path("a.jsonl").read_text("utf-8").splitlines()]
    assert saved == conversation(load("bigram"), ["Hello"], "Be kind.")


def test_a_turn_can_be_undone_and_asked_again_with_other_noise(chat):
    out = chat(["a", "b", "/undo", "b", "/save a.jsonl"])[1]
    model = load("bigram")
    first = conversation(model, ["a"])
    again = [*first, Message("user", "b")]
    assert out == answers(conversation(model, ["a", "b"])) + answer(model, again, 2) + "\n"
    assert len(Path("a.jsonl").read_text("utf-8").splitlines()) == 4


def test_clear_keeps_what_the_assistant_is_told_to_be(chat):
    out = chat(["/system Be kind.", "a", "/clear", "b", "/system", "/clear", "c"])[1]
    model = load("bigram")
    told = conversation(model, ["a"], "Be kind.") + conversation(model, ["b"], "Be kind.", first=1)
    assert out == answers(told + conversation(model, ["c"], first=2))


def test_help_names_every_command(chat):
    err = chat(["/help"])[2]
    for command in ("/system", "/save", "/undo", "/clear", "/quit", "Ctrl-C", "Ctrl-D"):
        assert command in err


def test_a_path_is_no_command(chat):
    assert chat(["/etc/passwd says what?"])[1] == answers(conversation(load("bigram"), ["/etc/passwd says what?"]))


def test_an_answer_that_is_cut_says_why(chat):
    assert "(The answer was cut: as long as --max-new-tokens allows.)" in chat(["a"], "--temperature", "0")[2]
    long = ["b" * 90, "b" * 90]
    assert "the model can hold no more; try /clear" in chat(long, "--max-new-tokens", 200)[2]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["/undo"], "There is nothing to undo."),
        (["/system x", "/undo"], "There is nothing to undo."),
        (["/save"], "/save takes the name of a file."),
        (["/save gone/a.jsonl"], "Cannot write"),
        (["/sav a"], "There is no command /sav in a chat. See: /help"),
        (["图"], "a character that this model has not seen"),
        (["b" * 400], "The prompt has"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_in_a_pipe_is_one_sentence(chat, tmp_path, lines, sentence):
    code, out, err = chat([*lines, "never said"])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["bigram-base"], "This model has no chat template."),
        (["bigram-whole"], "bigram-whole cannot chat: it makes its texts whole"),
        (["dcgan-digits"], "dcgan-digits cannot chat: it is a gan model that makes images"),
        (["bigram", "Hello"], "A chat takes its prompts one after another, and shows what comes: leave out PROMPT."),
        (["bigram", "--prompt", "a"], "leave out --prompt."),
        (["bigram", "--prompt-file", "a"], "leave out --prompt-file."),
        (["bigram", "-n", "2"], "leave out --count."),
        (["bigram", "-o", "a.txt"], "leave out --output."),
        (["bigram", "--json"], "leave out --json."),
        (["bigram", "--stream"], "leave out --stream."),
        (["bigram", "--start", "1"], "leave out --start."),
        (["bigram", "--again", "a.txt"], "leave out"),
        (["bigram", "--temperature", "-1"], "it takes at least 0"),
        (["bigram", "--seed", "-1"], "seed is -1"),
        (["bigram", "--engine", "gguf"], "computed in one way only"),
        ([], "Which model?"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_no_chat_can_be_is_one_sentence(talk, words, sentence):
    code, out, err = talk("run", *words, "--chat", stdin="Hello\n")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_a_line_that_is_no_text_is_one_sentence(talk):
    code, _, err = talk("run", "bigram", "--chat", "-q", stdin=b"\xff\xfe\n")
    assert (code, err.count("\n")) == (2, 1)
    assert "The standard input is no UTF-8 text" in err


class Person:
    """A conversation with somebody who can press Ctrl-C, and mend mistakes."""

    def __init__(self, monkeypatch, capsys):
        from aigc_core.cli import chat

        said = []
        self.chat = chat.Chat(load("bigram"), 0, SETTINGS | {"max_new_tokens": 200}, said.append)
        self.chat.person, self.typed, self.said, self.capsys = True, [], said, capsys
        monkeypatch.setattr("builtins.input", self.input)

    def input(self, prompt):
        assert prompt == "> "
        if not self.typed:
            raise EOFError
        line = self.typed.pop(0)
        if isinstance(line, BaseException):
            raise line
        return line

    def talk(self, *lines):
        self.typed = list(lines)
        self.chat.talk()
        return self.capsys.readouterr()


@pytest.fixture
def person(talk, monkeypatch, capsys):
    return Person(monkeypatch, capsys)


def test_who_errs_can_go_on(person):
    shown = person.talk("/undo", "图", "a")
    assert "There is nothing to undo." in shown.err
    assert "a character that this model has not seen" in shown.err
    assert [message.role for message in person.chat.messages] == ["user", "assistant"]


def test_ctrl_c_at_the_prompt_says_how_to_leave(person):
    assert "Ctrl-D or /quit ends the chat." in person.talk(KeyboardInterrupt()).err


@pytest.mark.parametrize("after", [0, 1, 30])
def test_ctrl_c_stops_an_answer_and_keeps_what_was_said(person, monkeypatch, after):
    import bigram_zoo.generators as generators

    closed, step = [], generators.Desk.step

    def speak(self, asked):
        desk = self.desk(1)
        desk.add(asked[0])
        try:
            for _ in range(after):
                yield from step(desk)
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    whole = answer(person.chat.model, [Message("user", "a")], max_new_tokens=200)
    with monkeypatch.context() as patch:
        patch.setattr(generators.Bigram, "speak", speak)
        shown = person.talk("a")
    assert closed == [True]
    assert shown.out == whole[:after] + "\n\n"
    kept = [Message("user", "a"), Message("assistant", whole[:after])] if after else []
    assert person.chat.messages == kept


def test_a_person_at_a_terminal(bigrams, tmp_path):
    """The whole of it: the prompt sign, an answer, Ctrl-C at the prompt, Ctrl-D."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    own = {"PYTHONPATH": str(bigrams.packages), "AIGC_ZOO_HOME": str(bigrams.home), "TERM": "dumb"}
    command = [sys.executable, "-m", "aigc_core", "run", "bigram", "--chat", "--max-new-tokens", "9"]
    how = {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
    process = subprocess.Popen(command, env={**os.environ, **own}, cwd=bigrams.work, **how)
    os.close(slave)
    seen = ""

    def until(text, nudge=lambda: None):
        """Read up to a text; ask again where nothing comes, as a person presses Ctrl-C again."""
        nonlocal seen
        while text not in seen:
            if select.select([master], [], [], 1)[0]:
                seen += os.read(master, 4096).decode()
            else:
                nudge()
        seen = seen.partition(text)[2]

    try:
        until("> ")
        os.write(master, b"Hello\n")
        until("(The answer was cut")
        until("> ")
        process.send_signal(signal.SIGINT)
        until("Ctrl-D or /quit ends the chat.", lambda: process.send_signal(signal.SIGINT))
        until("> ")
        os.write(master, b"\x04")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_template_that_fails_is_the_plugins(talk, monkeypatch):
    load("bigram")
    import bigram_zoo.generators as generators

    def render(self, messages):
        raise (WrongUse("roles must alternate") if len(messages) > 1 else ValueError("no such role"))

    monkeypatch.setattr(generators.Bigram, "render", render)
    code, _, err = talk("run", "bigram", "--chat", stdin="a\n")
    assert (code, err.count("\n")) == (3, 1)
    assert "bigram-zoo 1.0 failed to render the chat for bigram: ValueError: no such role" in err
