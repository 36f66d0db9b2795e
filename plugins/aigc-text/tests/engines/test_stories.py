"""A real model, karpathy's stories of 260,032 parameters, where the data beside the checkout has it."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from aigc_core.interfaces.language_model import Request
from aigc_text.generators import Decoder

FOLDER = Path(__file__).parents[5] / "shared" / "data" / "stories260K"
TOLD = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\nLily"
)
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/stories260K is not here")


@pytest.fixture(scope="module")
def stories():
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    return Decoder.open(config, {path.name: path for path in FOLDER.iterdir()}, "cpu")


def test_it_tells_the_story_that_it_is_known_for(stories):
    options = {"temperature": 0, "max_new_tokens": 60}
    (text,) = stories.complete([Request(stories.encode("Once upon a time"), options, np.zeros(60, np.float32))])
    assert text.startswith(TOLD)


def test_logits_are_those_of_transformers(stories):
    transformers = pytest.importorskip("transformers", reason="transformers, the oracle, is not installed")
    import torch

    network = transformers.LlamaForCausalLM.from_pretrained(FOLDER, local_files_only=True).eval()
    text = list(stories.encode("Once upon a time" + TOLD))
    with torch.inference_mode():
        wanted = network(torch.tensor([text])).logits[0].numpy()
    engine = stories._engines.engine()
    np.testing.assert_allclose(np.concatenate(list(engine.logits(text))), wanted, rtol=0, atol=1e-4)
