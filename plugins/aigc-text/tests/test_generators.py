"""Models over characters through the generator: each token is where its uniform falls, and nothing else decides it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import aigc_text
from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import Generator
from aigc_core.interfaces.language_model import LanguageModel
from aigc_core.manifest.validate import validate_plugin
from aigc_core.train import recipe as recipes
from aigc_core.train.build import build
from aigc_core.weights import load_module
from aigc_text.generators import MAX_NEW_TOKENS, CharTransformer
from aigc_text.networks import CharTransformer as Network

ZOO = Path(aigc_text.__file__).parent / "zoo"
RECIPES = sorted(path.stem for path in (ZOO / "recipes").glob("*.json"))
CONFIG = {"block": 40, "layers": 2, "heads": 2, "width": 8, "dropout": 0.3, "bias": True, "document": False}
LETTERS = "\nabcé"


def file_of(folder):
    return folder / "model.safetensors"


def opened(folder, vocabulary=LETTERS, **changes):
    torch.manual_seed(0)
    config = CONFIG | {"vocabulary": vocabulary} | changes
    network = Network(**config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    save_file(network.state_dict(), folder / "model.safetensors")
    weights = {"model.safetensors": folder / "model.safetensors"}
    return CharTransformer.open(config | {"model_type": "char-transformer"}, weights, "cpu")


def uniform(count=8):
    return {"uniform": np.random.default_rng(0).random((count, MAX_NEW_TOKENS), np.float32)}


def texts(generator, count=8, noise=None, **options):
    samples = generator.generate(
        noise or uniform(count), {"max_new_tokens": 20, "temperature": 1, "prompt": ""} | options
    )
    assert (samples.kind, samples.range, samples.values.dtype) == ("text", (0, 0), object)
    assert samples.values.shape == (count,)
    return samples.values.tolist()


def test_the_plugin_manifest_and_its_templates_are_sound():
    assert validate_plugin(str(ZOO / "plugin.json")) == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_sound_and_builds(name):
    recipe = recipes.read(str(ZOO / "recipes" / f"{name}.json"))
    assert recipe["name"] == name
    facts = {"vocabulary": LETTERS, "block": recipe["data"]["form"]["block"]}
    network = build(recipe, facts, "meta").networks["decoder"]
    documents = recipe["data"]["form"]["kind"] == "documents"
    assert network.tokens.num_embeddings == len(LETTERS) + documents


def test_keeps_the_contract(tmp_path):
    generator = opened(tmp_path)
    assert isinstance(generator, Generator)
    assert isinstance(generator, LanguageModel)
    assert (generator.engine, generator.dtype, generator.context) == ("native", "float32", 40)


@pytest.mark.parametrize("document", [False, True])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("prompt", ["", "ab", "abcabcabcabc"])
def test_each_token_is_where_its_uniform_falls(tmp_path, document, temperature, prompt):
    """Replayed from the texts alone, one token at a time, with numpy."""
    generator = opened(tmp_path, document=document)
    network = load_module(lambda: Network(**CONFIG | {"vocabulary": LETTERS, "document": document}), file_of(tmp_path))
    noise = uniform()
    for row, text in enumerate(texts(generator, noise=noise, temperature=temperature, prompt=prompt)):
        assert text.startswith(prompt)
        made = [LETTERS.index(letter) + document for letter in text[len(prompt) :]]
        made += [0] if document and len(made) < 20 else []  # its end
        assert len(made) == 20 or document
        context = [LETTERS.index(letter) + document for letter in prompt]
        context = [0, *context] if document or not prompt else context  # 0 is the start, or the new line
        for place, token in enumerate(made):
            with torch.no_grad():
                logits = network(torch.tensor([context]))[0, -1].double().numpy() / temperature
            weights = np.exp(logits - logits.max())
            bounds = np.concatenate([[0], np.cumsum(weights / weights.sum())])
            assert bounds[token] - 1e-6 <= noise["uniform"][row, place] <= bounds[token + 1] + 1e-6
            context.append(token)


def test_a_text_depends_on_its_own_noise_alone(tmp_path):
    generator, noise = opened(tmp_path), uniform()
    whole = texts(generator, noise=noise)
    other = noise["uniform"].copy()
    other[1:] = other[1:][::-1]
    assert texts(generator, noise={"uniform": other}) == [whole[0], *whole[1:][::-1]]
    assert len(set(whole)) == 8


@pytest.mark.parametrize("document", [False, True])
def test_fewer_tokens_are_the_beginning_of_more(tmp_path, document):
    generator = opened(tmp_path, document=document)
    short, long = (texts(generator, max_new_tokens=count) for count in (7, 30))
    assert short == [text[:7] for text in long]


def test_later_noise_is_not_used(tmp_path):
    generator, noise = opened(tmp_path), uniform()
    other = noise["uniform"].copy()
    other[:, 20:] = 0.5
    assert texts(generator, noise=noise) == texts(generator, noise={"uniform": other})


def test_documents_end(tmp_path):
    generator = opened(tmp_path, document=True)
    found = texts(generator, max_new_tokens=1000)
    assert len({len(text) for text in found}) > 1
    assert all(len(text) < 1000 for text in found)


def test_a_text_goes_on_beyond_the_context_by_letting_its_beginning_go(tmp_path):
    generator = opened(tmp_path)
    assert {len(text) for text in texts(generator, max_new_tokens=100)} == {100}
    with pytest.raises(WrongUse, match="40"):
        texts(generator, prompt="ab" * 30, overflow="refuse")


def test_touches_no_global_state(tmp_path):
    generator = opened(tmp_path)
    before = torch.random.get_rng_state()
    assert texts(generator) == texts(generator)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("prompt", ["x", "abx", "A", "ab\r"])
def test_an_unknown_character_of_the_prompt_is_named(tmp_path, prompt):
    with pytest.raises(WrongUse, match=f"has {prompt[-1]!r}".replace("\\", "\\\\")) as refusal:
        texts(opened(tmp_path), prompt=prompt)
    assert refusal.value.hint == "It has: abcé"


def test_weights_of_another_vocabulary_are_refused(tmp_path):
    opened(tmp_path)
    config = CONFIG | {"vocabulary": LETTERS + "z"}
    with pytest.raises(Refused, match="does not fit its config"):
        CharTransformer.open(config, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")
