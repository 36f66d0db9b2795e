"""What a training takes from a model: tokens that are the model's own, and weights that compute what they did."""

import json

import pytest
import torch
from safetensors.torch import save_file

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.networks import CharTransformer, Decoder
from aigc_text.parents import CharacterParent, DecoderParent
from aigc_text.recurrent import Recurrent

CHARACTERS = {"vocabulary": "abc", "layers": 1, "width": 8, "dropout": 0.0, "document": True}
KINDS = {
    "char-transformer": (CharTransformer, CHARACTERS | {"block": 8, "heads": 2, "bias": True, "tied": False}),
    "recurrent": (Recurrent, CHARACTERS | {"cell": "gru"}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_model_over_characters_is_taken_whole(tmp_path, name):
    kind, config = KINDS[name]
    torch.manual_seed(0)
    network, path = kind(**config), tmp_path / "model.safetensors"
    save_file(network.state_dict(), path)
    stated = {"model_type": name, "library_name": "aigc-zoo", **config}
    parent = CharacterParent.open(stated, {"model.safetensors": path})
    assert (parent.config, tuple(parent.beside)) == (config, ())
    loaded = parent.load(lambda: kind(**parent.config))
    row = torch.tensor([[0, 1, 2, 3]])
    assert torch.equal(loaded(row), network.eval()(row))
    with pytest.raises(Refused, match="does not fit its architecture"):
        parent.load(lambda: kind(**parent.config | {"width": 4}))


@pytest.mark.parametrize(("document", "first", "end"), [(True, 1, 0), (False, 0, None)])
def test_characters_are_the_models_own(document, first, end):
    tokens = CharacterParent.open({"vocabulary": "abc", "document": document}, {}).tokens
    assert (tokens.start, tokens.end, tokens.size, tokens.vocabulary) == ((0,), end, 3 + document, "abc")
    assert list(tokens.encode("ab")) == [first, first + 1]
    assert tokens.decode([first, first + 1]) == "ab"
    with pytest.raises(WrongUse, match=r"The data have 'é', a character that the model does not know\.") as error:
        tokens.encode("aé")
    assert error.value.hint.endswith("step characters. It has: abc")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Tiny models as transformers writes them, with random weights and a tokenizer of words."""
    transformers = pytest.importorskip("transformers", reason="transformers, the oracle, is not installed here")
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed here")

    def make(kind):
        folder = tmp_path_factory.mktemp(kind)
        torch.manual_seed(0)
        sizes = {
            "gpt2": {"n_positions": 16, "n_embd": 8, "n_layer": 2, "n_head": 2},
            "llama": {
                "max_position_embeddings": 16, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
                "num_key_value_heads": 2, "intermediate_size": 12,
            },
        }  # fmt: skip
        config = transformers.AutoConfig.for_model(kind, vocab_size=6, eos_token_id=5, bos_token_id=4, **sizes[kind])
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        model.save_pretrained(folder)
        words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "c": 2, "[UNK]": 3}, "[UNK]"))
        words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        words.add_special_tokens(["<s>", "</s>"])
        words.post_processor = tokenizers.processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 4)])
        words.save(str(folder / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        return model, {path.name: path for path in folder.iterdir()}

    return make


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_decoder_of_the_hub_computes_what_transformers_does(hub, kind):
    model, files = hub(kind)
    parent = DecoderParent.open(json.loads(files["config.json"].read_text()), files)
    assert (parent.tokens.start, parent.tokens.end) == ((4,), 5)
    assert list(parent.tokens.encode("b a")) == [1, 0]
    assert {"tokenizer.json", "tokenizer_config.json"} <= set(parent.beside)
    assert "config.json" not in parent.beside
    assert "model.safetensors" not in parent.beside
    json.dumps(parent.config)  # it is kept in a recipe
    network = parent.load(lambda: Decoder(**parent.config))
    row = torch.tensor([[4, 0, 1, 2, 5, 4, 1]])
    with torch.no_grad():
        torch.testing.assert_close(network(row), model(row).logits, rtol=0, atol=1e-5)
    with pytest.raises(Refused, match="does not fit its architecture"):
        parent.load(lambda: Decoder(**parent.config | {"layers": 1}))


def test_what_cannot_be_trained_is_told(tmp_path):
    with pytest.raises(NotAvailable, match="it is of model_type mamba"):
        DecoderParent.open({"model_type": "mamba"}, {})
    with pytest.raises(NotAvailable, match="it is a GGUF file"):
        DecoderParent.open({}, {"model.gguf": tmp_path / "model.gguf"})
