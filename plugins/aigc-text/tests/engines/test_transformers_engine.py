"""The engine of every other architecture: what transformers computes itself, through the engine's border."""

import socket

import numpy as np
import pytest
import torch

from aigc_core.errors import NotAvailable, Refused
from aigc_text.engines.transformers import Transformers

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

VOCABULARY = 101
OTHERS = {
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "gemma2": ("Gemma2", {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "intermediate_size": 48, "sliding_window": 8,
    }),
    "opt": ("OPT", {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 48, "word_embed_proj_dim": 32,
        "max_position_embeddings": 700,
    }),
}  # fmt: skip


def tokens(count, seed=0):
    return np.random.default_rng(seed).integers(VOCABULARY, size=count).tolist()


@pytest.fixture(scope="module", params=list(OTHERS))
def saved(request, tmp_path_factory):
    """Return a network of random weights, its config and its files."""
    kind, sizes = OTHERS[request.param]
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(vocab_size=VOCABULARY, **sizes)
    network = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    folder = tmp_path_factory.mktemp(kind)
    network.save_pretrained(folder)
    return network, config.to_dict(), {path.name: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_it_computes_what_transformers_does_by_any_route(saved, capsys):
    network, config, files = saved
    engine = Transformers.open(config, files, 1)
    assert capsys.readouterr().err == "This architecture is none of the zoo's own: transformers computes it.\n"
    text = tokens(600)
    with torch.inference_mode():
        wanted = network(torch.tensor([text])).logits[0].numpy()
    assert np.abs(np.concatenate(list(engine.logits(text))) - wanted).max() <= 1e-5
    cache = engine.cache(3, 640)
    assert np.abs(cache.feed(1, text[:590]) - wanted[589]).max() <= 1e-5
    cache.share(1, 2)
    cache.feed(0, text[:4])
    assert [cache.length(row) for row in range(3)] == [4, 590, 590]
    found = cache.step([2, 0, 1], [text[590], text[4], text[590]])
    assert np.abs(found - wanted[[590, 4, 590]]).max() <= 1e-5
    cache.clear(2)
    assert cache.length(2) == 0
    assert np.abs(cache.feed(2, text[:1]) - wanted[0]).max() <= 1e-5
    assert np.abs(cache.step([1], [text[591]])[0] - wanted[591]).max() <= 1e-5  # what was shared is the source's still
    assert (engine.name, engine.dtype, engine.vocabulary) == ("transformers", "float32", VOCABULARY)
    assert engine.context == (config.get("max_position_embeddings") or 0)
    assert engine.environment()["threads"] == 1


def test_code_of_the_model_s_own_is_refused(saved):
    _, config, files = saved
    with pytest.raises(Refused, match="auto_map"):
        Transformers.open(config | {"auto_map": {"AutoModelForCausalLM": "modeling.Model"}}, files, 1)


def test_weights_that_do_not_fill_the_model_are_refused(saved, tmp_path):
    from safetensors.torch import load_file, save_file

    _, config, files = saved
    state = load_file(files["model.safetensors"])
    lost = next(name for name in state if "layers" in name or "h.0" in name)
    state.pop(lost)
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=r"do not fit the model's config: .* is missing"):
        Transformers.open(config, files | {"model.safetensors": tmp_path / "model.safetensors"}, 1)


def test_only_the_files_that_are_given_are_seen_and_never_a_pickle(saved):
    _, config, files = saved
    pickled = files["model.safetensors"].with_name("pytorch_model.bin")
    pickled.write_bytes(b"a pickle")
    alone = {name: path for name, path in files.items() if name != "model.safetensors"}
    for given in (alone, alone | {"pytorch_model.bin": pickled}):
        with pytest.raises(NotAvailable, match="cannot open the model"):
            Transformers.open(config, given, 1)
    with pytest.raises(Refused, match=r"no config\.json"):
        Transformers.open(config, {"model.safetensors": files["model.safetensors"]}, 1)


def test_an_architecture_that_nobody_knows_is_one_sentence(saved, tmp_path):
    _, _, files = saved
    (tmp_path / "config.json").write_text('{"model_type": "nobodys"}')
    with pytest.raises(NotAvailable, match="nobodys"):
        Transformers.open({}, files | {"config.json": tmp_path / "config.json"}, 1)


def test_a_name_that_leaves_the_folder_is_refused(saved):
    _, config, files = saved
    with pytest.raises(Refused, match="lies outside"):
        Transformers.open(config, files | {"../escaped.json": files["config.json"]}, 1)
