"""Text i: the same for any start and order, with no side effect, for every registered model of text."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Generator
from aigc_core.interfaces.language_model import LanguageModel, Request

ENOUGH = {"max_new_tokens": 24}
TRIED = {
    "prompt": None, "max_new_tokens": 3, "temperature": 3.0, "top_k": 1, "top_p": 0.01, "min_p": 0.9, "typical_p": 0.01,
    "repetition_penalty": 3.0, "presence_penalty": 2.0, "frequency_penalty": 2.0, "no_repeat_ngram": 1, "stop": None,
    "logit_bias": ["1=100"], "overflow": None,
}  # fmt: skip
"""A value of each option that has to show; None for those that need a text, or a long one."""


@pytest.fixture
def texts(writer):
    return lambda count=8, **given: writer.generate(
        count, **{"seed": 3, "batch_size": 8} | ENOUGH | given
    ).values.tolist()


def test_keeps_the_contract(writer):
    assert isinstance(writer.generator, Generator)
    assert isinstance(writer.generator, LanguageModel)
    samples = writer.generate(3, **ENOUGH)
    assert (samples.kind, samples.values.shape, samples.values.dtype, samples.range) == ("text", (3,), object, (0, 0))


def test_texts_differ_from_one_another_and_from_those_of_another_seed(texts):
    found = texts(40) + texts(40, seed=4)
    assert len(set(found)) >= 70


def test_start_and_order_change_nothing(writer, texts):
    found = texts(24)
    assert texts(8, start=5) == found[5:13]
    order = np.random.default_rng(0).permutation(24).tolist()
    parts = writer.stream(order, seed=3, batch_size=8, **ENOUGH)
    assert [text for part in parts for text in part.values] == [found[index] for index in order]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_batch_that_is_not_full_changes_nothing(texts, count):
    assert texts(count) == texts(8)[:count]


def test_fewer_tokens_are_the_beginning_of_more(texts):
    assert all(long.startswith(short) for short, long in zip(texts(max_new_tokens=6), texts(), strict=True))


def test_a_fresh_process_gives_the_same(writer, texts, tmp_path):
    path = tmp_path / "fresh.jsonl"
    command = [sys.executable, "-m", "aigc_core", "run", writer.manifest.id, "-n", "8", "--seed", "3", "-o", str(path)]
    subprocess.run([*command, "--max-new-tokens", "24"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()] == texts()


def test_writing_leaves_no_trace(writer, texts):
    random, mode, threads = torch.random.get_rng_state(), torch.is_grad_enabled(), torch.get_num_threads()
    numpy_state = copy.deepcopy(np.random.get_state()[1])
    before = texts()
    assert torch.equal(random, torch.random.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    assert (mode, threads) == (torch.is_grad_enabled(), torch.get_num_threads())
    assert texts() == before


@pytest.mark.parametrize("name", [name for name, value in TRIED.items() if value is not None])
def test_every_option_has_an_effect(writer, texts, name):
    assert name in writer.manifest.options["properties"]
    assert texts(**{name: TRIED[name]}) != texts()


def test_a_prompt_begins_every_text_and_a_stop_string_ends_one(writer, texts):
    (first,) = texts(1)
    prompt = first.strip()[:3]
    continued = texts(prompt=prompt)
    assert all(text.startswith(prompt) for text in continued)
    stop = next(text for text in continued if len(text) > len(prompt) + 2)[len(prompt) + 1]
    assert all(stop not in text[len(prompt) :] for text in texts(prompt=prompt, stop=[stop]))


def test_there_are_no_options_that_nobody_tries(writer):
    no_context = {"overflow"} if writer.manifest.architecture == "recurrent" else set()
    assert set(writer.manifest.options["properties"]) == set(TRIED) - no_context


def test_scores_are_the_log_probabilities_of_what_was_written(writer, texts):
    generator = writer.generator
    prompt = generator.encode(texts(1)[0].strip()[:2])
    request = Request(prompt, {"temperature": 0, "max_new_tokens": 8}, np.zeros(0, np.float32))
    pieces = [piece for piece in generator.speak([request]) if piece.token >= 0]
    whole = generator.score("".join([texts(1)[0].strip()[:2], *(piece.text for piece in pieces)]))
    made = [piece for piece in pieces if piece.finish != "stop"]
    found = whole.logprobs[len(prompt) - 1 :][: len(made)]
    np.testing.assert_allclose(found, [piece.logprob for piece in made][: len(found)], atol=1e-4)


def test_a_text_that_cannot_be_taken_ends_in_one_sentence(writer):
    with pytest.raises(WrongUse, match=r"half|surrogate|character"):
        writer.generate(1, prompt="a\ud800")
