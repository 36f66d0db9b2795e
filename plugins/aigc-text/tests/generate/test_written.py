"""Texts that an engine writes whole end where a desk would have ended them, with the same pieces' text."""

import numpy as np
import pytest

from aigc_core.errors import WrongUse
from aigc_core.interfaces.language_model import Request
from aigc_text.generate.speak import speak
from aigc_text.generate.written import written

from .conftest import END, ToyEngine, ToyTokenizer, toy_logits


class ToyWriter(ToyEngine):
    """Writes what a greedy desk over the same logits writes."""

    def write(self, prompts, new, ends):
        texts = []
        for prompt in prompts:
            tokens, found = list(prompt), []
            while len(found) < new and not (found and found[-1][0] in ends):
                logits = self.answer(tokens).astype(np.float64)
                token = int(logits.argmax())
                found.append((token, float(logits[token] - np.log(np.exp(logits).sum()))))
                tokens.append(token)
            texts.append(found)
        return texts


def ending(tokens):
    logits = toy_logits(tokens, 20)
    logits[END] += 3 * (len(tokens) > 8)
    return logits


def requests(**options):
    none = np.zeros(0, np.float32)
    return [
        Request(prompt, {"temperature": 0, "max_new_tokens": 12} | options, none) for prompt in [(1, 2), (3,), (1, 2)]
    ]


def told(pieces):
    texts = {}
    for piece in pieces:
        text, tokens, _ = texts.get(piece.row, ("", [], ""))
        texts[piece.row] = (text + piece.text, [*tokens, (piece.token, round(piece.logprob, 5))], piece.finish)
    return texts


@pytest.mark.parametrize("options", [{}, {"stop": ["b", "cd"]}, {"stop": ["zz"]}, {"max_new_tokens": 1}])
@pytest.mark.parametrize("answer", [None, ending])
@pytest.mark.parametrize("context", [64, 8])
def test_as_a_desk_writes(options, answer, context):
    engine = ToyWriter(context, answer=answer)
    alone = told(written(engine, engine, ToyTokenizer(), requests(**options)))
    desk = told(speak(ToyEngine(context, answer=answer), ToyTokenizer(), requests(**options)))
    for row, (text, tokens, finish) in desk.items():
        assert alone[row][0] == text
        assert alone[row][2] == finish
        # A desk looks at a text one token later, when it knows that no mark follows its last letter.
        assert alone[row][1] == tokens[: len(alone[row][1])]


def test_a_request_that_cannot_be_met_is_refused_before_anything_is_computed():
    engine = ToyWriter(4)
    with pytest.raises(WrongUse, match="4"):
        written(engine, engine, ToyTokenizer(), [Request((1,) * 9, {"temperature": 0}, np.zeros(0, np.float32))])
