"""A language model of random weights: bytes in, printable ASCII out, each from the one before. Numpy alone."""

import time
from collections import deque

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.interfaces.language_model import Message, Piece, Request, Scores

END, FIRST, LAST = 256, 32, 127
NUMBER, SHARE = {"type": "number"}, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
OPTIONS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "prompt": {"type": "string"},
        "max_new_tokens": {"type": "integer", "minimum": 1, "default": 200},
        "temperature": {"type": "number", "minimum": 0, "default": 1},
        "top_k": {"type": "integer", "minimum": 1},
        "top_p": SHARE,
        "min_p": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "stop": {"type": "array", "items": {"type": "string"}},
        "logit_bias": {"type": "array", "items": {"type": "string"}},
        "overflow": {"type": "string", "enum": ["refuse", "slide"], "default": "refuse"},
    },
}


class Bigram:
    """Texts that contain FAULT, EXIT, FAULTADD or REFUSE make the model misbehave, as a plugin's code can."""

    engine, dtype = "numpy", "float64"
    context = 512

    def __init__(self, delay=0.0):
        self.noise = {"uniform": NoiseSpec((512,), "uniform")}
        self.delay = delay
        """Seconds that a step takes, however many rows it has."""
        self.fed, self.desks, self.seen = 0, [], deque(maxlen=20)  # bounded: tests look for leaks
        self.logits = np.random.default_rng(0).normal(size=(END + 1, END + 1)) * 2
        self.logits[:, :FIRST] = self.logits[:, LAST:END] = -np.inf
        self.logits[:, END] = -3

    @classmethod
    def open(cls, config, weights, device):
        return cls(config.get("delay", 0.0))

    def encode(self, prompt):
        if "CANNOT" in prompt:
            raise RuntimeError("the tokenizer broke")
        return tuple(prompt.encode())

    def render(self, messages):
        assert all(isinstance(message, Message) for message in messages)
        if messages[0].role == "assistant":
            raise WrongUse("The template wants a user first.")
        return self.encode("".join(f"{role}: {content}\n" for role, content in messages) + "assistant: ")

    def desk(self, rows):
        self.desks.append(Desk(self, rows))
        return self.desks[-1]

    def speak(self, requests):
        desk = self.desk(len(requests))
        for request in requests:
            desk.add(request)
        while desk.free < len(requests):
            yield from desk.step()

    def generate(self, noise, options):
        asked = [Request(self.encode(options["prompt"]), options, row) for row in noise["uniform"]]
        texts = [options["prompt"]] * len(asked)
        for piece in self.speak(asked):
            texts[piece.row] += piece.text
        return Samples("text", np.array(texts, object), (0.0, 0.0))

    def score(self, text):
        return Scores(tuple(text.encode()), np.zeros(len(text.encode()) - 1, np.float32))

    def environment(self):
        return {"threads": 1}

    def next(self, token, options, uniform):
        raw = self.logits[token]
        logits = raw.copy()
        for entry in options.get("logit_bias", []):
            number, _, bias = entry.partition("=")
            logits[int(number)] += float(bias)
        if options["temperature"] == 0:
            chosen = int(logits.argmax())
        else:
            weights = np.exp((logits - logits.max()) / options["temperature"]).cumsum()
            chosen = int(np.searchsorted(weights, float(uniform) * weights[-1], side="right"))
        return chosen, float(raw[chosen] - np.log(np.exp(raw).sum()))


class Row:
    def __init__(self, request):
        self.request, self.last, self.text, self.shown, self.new = request, request.tokens[-1], "", 0, 0


class Desk:
    def __init__(self, model, rows):
        self.model, self.all, self.rows = model, rows, {}

    @property
    def free(self):
        return self.all - len(self.rows)

    def add(self, request, like=None):
        said = bytes(token for token in request.tokens if token < END)
        if max(request.tokens) >= END or b"REFUSE" in said:
            raise WrongUse("The prompt has a token that the model does not know.")
        if b"FAULTADD" in said:
            raise RuntimeError("the prompt broke it")
        self.model.seen.append(request)
        if like is None:
            self.model.fed += 1
        else:
            assert self.rows[like].request.tokens == request.tokens
            assert self.rows[like].new == 0
        row = min(set(range(self.all)) - self.rows.keys())
        self.rows[row] = Row(request)
        return row

    def step(self):
        time.sleep(self.model.delay)
        return [self._next(number) for number in sorted(self.rows)]

    def _next(self, number):
        row = self.rows[number]
        request, options = row.request, row.request.options
        said = bytes(token for token in request.tokens)
        if row.new == 2 and b"FAULT" in said:
            raise ValueError("the step broke")
        if row.new == 2 and b"EXIT" in said:
            raise SystemExit(3)
        token, logprob = self.model.next(row.last, options, request.uniform[row.new])
        row.last, row.new = token, row.new + 1
        if token != END:
            row.text += chr(token)
        stops = options.get("stop", [])
        at = min((place for stop in stops if (place := row.text.find(stop)) >= 0), default=-1)
        finish = "stop" if token == END or at >= 0 else ""
        finish = finish or ("length" if row.new == options["max_new_tokens"] else "")
        finish = finish or ("context" if len(request.tokens) + row.new == self.model.context else "")
        kept = 0 if finish else max(map(len, stops), default=1) - 1
        upto = at if at >= 0 else max(row.shown, len(row.text) - kept)
        text, row.shown = row.text[row.shown : upto], upto
        if finish:
            del self.rows[number]
        return Piece(number, text, token, logprob, finish)

    def drop(self, row):
        del self.rows[row]
