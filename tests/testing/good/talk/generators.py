"""A language model of pairs of characters, with numpy alone; the last character begins and ends a text."""

import itertools

import numpy as np
from safetensors.numpy import load_file

from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import NoiseSpec
from aigc_core.interfaces.language_model import Piece, Scores

CHARACTERS = "abcdefghijklmnopqrstuvwxyz "
END = len(CHARACTERS)


class Desk:
    def __init__(self, model, rows):
        self.model, self.most, self.rows, self.next = model, rows, {}, 0
        self.steps = 0

    @property
    def free(self):
        return self.most - len(self.rows)

    def add(self, request, like=None):
        row, self.next = self.next, self.next + 1
        self.rows[row] = [request, request.tokens[-1], 0]
        return row

    def step(self):
        made = []
        for row, (request, last, count) in list(self.rows.items()):
            at = count
            token, logprob = self.model.choose(last, request.options["temperature"], request.uniform, at)
            count += 1
            most = request.options["max_new_tokens"]
            finish = "stop" if token == END else "length" if count == most else ""
            made.append(Piece(row, "" if token == END else CHARACTERS[token], token, logprob, finish))
            self.rows[row][1:] = token, count
            if finish:
                del self.rows[row]
        self.steps += 1
        return made

    def drop(self, row):
        self.rows.pop(row, None)


class Talker:
    engine, dtype, context = "numpy", "float64", 0
    noise = {"uniform": NoiseSpec((64,), "uniform")}  # noqa: RUF012

    def __init__(self, tensors):
        logits = tensors["logits"].astype(np.float64)
        self.logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))

    @classmethod
    def open(cls, config, weights, device):
        (path,) = weights.values()
        tensors = load_file(path)
        if {name: values.shape for name, values in tensors.items()} != {"logits": (28, 28)}:
            raise Refused(f"{path} does not fit.")
        return cls(tensors)

    def choose(self, last, temperature, uniform, at):
        row, number = self.logprobs[last], uniform[at]
        if temperature == 0:
            token = int(row.argmax())
        else:
            cumulated = np.exp((row - row.max()) / temperature).cumsum()
            token = min(int(np.searchsorted(cumulated, number * cumulated[-1], side="right")), END)
        return token, float(row[token])

    def encode(self, prompt):
        if unknown := [sign for sign in prompt if sign not in CHARACTERS]:
            raise WrongUse(f"There is no character {unknown[0]!r}.")
        return (END, *map(CHARACTERS.index, prompt))

    def render(self, messages):
        raise WrongUse("This model has no chat template.")

    def speak(self, requests):
        desk = self.desk(len(requests))
        for request in requests:
            desk.add(request)
        while desk.rows:
            yield from desk.step()

    def desk(self, rows):
        return Desk(self, rows)

    def score(self, text):
        tokens = self.encode(text)
        logprobs = np.array([self.logprobs[pair] for pair in itertools.pairwise(tokens)], np.float32)
        return Scores(tokens, logprobs)

    def environment(self):
        return {"numpy": np.__version__, "threads": 1}

    def generate(self, noise, options):
        raise AssertionError("the core speaks with a language model")
