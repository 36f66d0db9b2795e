"""Generators of a third party's plugin, as ``conftest`` installs it: a character is chosen by the one before it.

The weights are random, and named as such. Nothing but numpy is used.
"""

import itertools

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.interfaces.language_model import Piece, Scores

CHARACTERS = "\n" + "".join(map(chr, range(32, 127))) + "é"
END = len(CHARACTERS)
"""The token that ends a text, and that a text begins after."""


class Desk:
    """Texts side by side; a step adds a character to each."""

    def __init__(self, model, rows):
        self.model, self.free, self.rows = model, rows, {}

    def add(self, request, like=None):
        row = len(self.rows)
        most = request.options.get("max_new_tokens", 10)
        room = self.model.context - len(request.tokens)
        if room <= 0 and request.options["overflow"] == "refuse":
            raise WrongUse(f"The prompt has {len(request.tokens)} tokens, the model holds {self.model.context}.")
        self.rows[row] = [request, request.tokens[-1], 0, most, "" if request.options["overflow"] == "slide" else room]
        return row

    def step(self):
        made = []
        for row, state in list(self.rows.items()):
            request, last, count, most, room = state
            token, logprob = self.model.next(last, request.options["temperature"], request.uniform[count])
            if token == END:
                made.append(Piece(row, "", token, logprob, "stop"))
            else:
                finish = "length" if count + 1 == most else "context" if count + 1 == room else ""
                text = CHARACTERS[token]
                if text in request.options.get("stop", []):
                    text, finish = "", "stop"
                made.append(Piece(row, text, token, logprob, finish))
            if made[-1].finish:
                del self.rows[row]
            state[1:3] = token, count + 1
        return made

    def drop(self, row):
        self.rows.pop(row, None)


class Bigram:
    """A language model that no torch is needed for."""

    engine, dtype = "table", "float64"
    noise = {"uniform": NoiseSpec((512,), "uniform")}  # noqa: RUF012

    def __init__(self, config, device, engine="table", dtype="float64", threads=1):
        self.engine, self.dtype, self.threads, self.device = engine, dtype, threads, device
        self.context, self.begins, self.template = config["context"], config["begins"], config["template"]
        logits = np.random.default_rng(0).normal(size=(END + 1, END + 1)).astype(dtype) * 2
        logits[:, END] -= 4
        self.logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))

    @classmethod
    def open(cls, config, weights, device):
        return cls(config, device)

    def next(self, last, temperature, uniform):
        row = self.logprobs[last]
        if temperature == 0:
            token = int(row.argmax())
        else:
            cumulated = np.exp((row - row.max()) / temperature).cumsum()
            token = int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
        return token, float(row[token])

    def encode(self, prompt):
        if not prompt and not self.begins:
            raise WrongUse("The prompt is empty, and this model has nothing to begin with.")
        if unknown := [sign for sign in prompt if sign not in CHARACTERS]:
            raise WrongUse(f"The prompt has {unknown[0]!r}, a character that this model has not seen.")
        return (*((END,) if self.begins else ()), *map(CHARACTERS.index, prompt))

    def render(self, messages):
        if not self.template:
            raise WrongUse("This model has no chat template.")
        return self.encode("".join(f"{role}: {content}\n" for role, content in messages) + "assistant: ")

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
        return Scores(tokens, np.array([self.logprobs[pair] for pair in itertools.pairwise(tokens)], np.float32))

    def environment(self):
        return {"numpy": np.__version__, "threads": self.threads}

    def generate(self, noise, options):
        raise AssertionError("the core speaks with a language model, and asks it for nothing else")


class Choice(Bigram):
    """The same, computed by either of two engines."""

    engines = {"table": ("float64", "float32"), "loop": ("float64",)}  # noqa: RUF012

    @classmethod
    def open(cls, config, weights, device, engine="auto", dtype="auto", threads=0):
        if engine not in (*cls.engines, "auto"):
            raise WrongUse(f"There is no engine {engine}; there are {', '.join(cls.engines)}.")
        engine = "table" if engine == "auto" else engine
        if dtype not in (*cls.engines[engine], "auto"):
            raise NotAvailable(f"{engine} does not compute in {dtype}.")
        return cls(config, device, engine, "float64" if dtype == "auto" else dtype, threads or 2)


class Broken(Bigram):
    """Speaks what it should not."""

    def __init__(self, config, device, **how):
        super().__init__(config | {"begins": True, "template": True, "context": 9}, device, **how)
        self.fault = config["fault"]

    def speak(self, requests):
        yield Piece(0, "a", 1, -1.0, "")
        if self.fault == "raise":
            raise RuntimeError("it broke")
        half = Piece(0, "\ud800", 1, -1.0, "stop")
        yield {"row": Piece(1, "b", 1, -1.0, ""), "type": (0, "b"), "half": half}[self.fault]

    def environment(self):
        return {"threads": 0}


class Whole:
    """Makes whole texts, and nothing else is to be had of it."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((3,), "normal")}  # noqa: RUF012

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        texts = [f"{options.get('prompt', '')}{' '.join(f'{value:.3f}' for value in row)}" for row in noise["z"]]
        return Samples("text", np.array(texts, object), (0.0, 0.0))
