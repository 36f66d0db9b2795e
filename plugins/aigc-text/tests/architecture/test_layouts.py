"""One test a trap of the Hub's layouts, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from aigc_core.errors import NotAvailable, Refused
from aigc_text.architecture.configs import FAMILIES, shape_of
from aigc_text.engines.sources import Source

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402


@pytest.fixture
def gpt2(models):
    return models("gpt2")


@pytest.fixture
def llama(models):
    return models("llama")


@pytest.fixture
def changed(tmp_path):
    """Return a function that saves a model's tensors again, changed, and returns what its files are."""

    def change(model, work):
        tensors = load_file(model.folder / "model.safetensors")
        save_file({name: value.contiguous() for name, value in work(tensors).items()}, tmp_path / "model.safetensors")
        return Source.of(model.config, {"model.safetensors": tmp_path / "model.safetensors"})

    return change


def equal(source, model):
    from aigc_text.engines.native import Native

    text = [1, 5, 250, 9]
    found = np.concatenate(list(Native(source.tensors(), "float32").logits(text)))
    np.testing.assert_allclose(found, model.logits(text), rtol=0, atol=1e-4)


def test_gpt2_with_the_prefix(gpt2):
    assert any(name.startswith("transformer.") for name in load_file(gpt2.folder / "model.safetensors"))
    equal(Source.of(gpt2.config, gpt2.weights), gpt2)


def test_gpt2_without_the_prefix_and_with_masks_as_on_the_hub(gpt2, changed):
    def hub(tensors):
        bare = {name.removeprefix("transformer."): value for name, value in tensors.items()}
        masks = {f"h.{index}.attn.bias": torch.ones(1, 1, 8, 8).tril() for index in range(3)}
        return bare | masks | {"h.0.attn.masked_bias": torch.tensor(-1e4)}

    equal(changed(gpt2, hub), gpt2)


def test_gpt2_with_masks_of_bytes_and_a_repeated_head(gpt2, changed):
    def hub(tensors):
        masks = {f"transformer.h.{index}.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool) for index in range(3)}
        return tensors | masks | {"lm_head.weight": tensors["transformer.wte.weight"].clone()}

    equal(changed(gpt2, hub), gpt2)


def test_the_linear_layers_of_gpt2_are_transposed(gpt2):
    file = load_file(gpt2.folder / "model.safetensors")["transformer.h.0.attn.c_attn.weight"]
    assert tuple(file.shape) == (64, 192)
    found = Source.of(gpt2.config, gpt2.weights).tensors().float32("blocks.0.attend.weight")
    np.testing.assert_array_equal(found, file.numpy().T)


def test_rotary_frequencies_of_old_files_are_skipped(llama, changed):
    old = {f"model.layers.{index}.self_attn.rotary_emb.inv_freq": torch.ones(4) for index in range(3)}
    equal(changed(llama, lambda tensors: tensors | old), llama)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_16_bits(llama, changed, dtype):
    source = changed(llama, lambda tensors: {name: value.to(dtype) for name, value in tensors.items()})
    name = "blocks.1.down.weight"
    wanted = load_file(llama.folder / "model.safetensors")["model.layers.1.mlp.down_proj.weight"].to(dtype).float()
    np.testing.assert_array_equal(source.tensors().float32(name), wanted.numpy())


def test_shards(save, architectures, tmp_path):
    model = save(tmp_path, *architectures["llama"], max_shard_size="100KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    equal(Source.of(model.config, model.weights), model)


def test_queries_keys_and_values_of_neox_lie_by_head(save, architectures, tmp_path):
    model = save(tmp_path, *architectures["neox"])
    stored = load_file(tmp_path / "model.safetensors")["gpt_neox.layers.0.attention.query_key_value.weight"]
    found = Source.of(model.config, model.weights).tensors().float32("blocks.0.attend.weight")
    head = 64 // 8
    np.testing.assert_array_equal(found[:head], stored[:head].numpy())  # queries of head 0
    np.testing.assert_array_equal(found[head : 2 * head], stored[3 * head : 4 * head].numpy())  # queries of head 1
    np.testing.assert_array_equal(found[64 : 64 + head], stored[head : 2 * head].numpy())  # keys of head 0


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            lambda tensors: {n: v for n, v in tensors.items() if "norm.weight" not in n or "layers" in n},
            "lacks model.norm",
        ),
        (lambda tensors: tensors | {"model.extra": torch.ones(2)}, "has model.extra, which is no part"),
        (
            lambda tensors: tensors | {"lm_head.weight": torch.ones(300, 65)},
            r"make \[300, 65\], the config says \[300, 64\]",
        ),
        (
            lambda tensors: tensors | {"model.layers.0.self_attn.q_proj.weight": torch.ones(64, 65)},
            r"q_proj.weight and .*make \[\]",
        ),
        (lambda tensors: tensors | {"model.norm.weight": torch.ones(64, dtype=torch.int32)}, "lacks model.norm.weight"),
    ],
)
def test_what_does_not_fit_is_refused(llama, changed, work, said):
    with pytest.raises(Refused, match=said):
        changed(llama, work).tensors()


def test_a_file_cut_off_is_refused(llama, tmp_path):
    path = tmp_path / "model.safetensors"
    shutil.copy(llama.folder / "model.safetensors", path)
    with open(path, "r+b") as stream:
        stream.truncate(5000)
    with pytest.raises(Refused, match="no valid safetensors file"):
        Source.of(llama.config, {"model.safetensors": path}).tensors()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"hidden_size": "64"}, Refused, "hidden_size is '64'"),
        ({"hidden_size": 10**12}, Refused, "hidden_size"),
        ({"num_hidden_layers": -1}, Refused, "num_hidden_layers"),
        ({"num_key_value_heads": 3}, Refused, "3 of keys"),
        ({"rms_norm_eps": float("nan")}, Refused, "rms_norm_eps"),
        ({"tie_word_embeddings": "no"}, Refused, "tie_word_embeddings"),
        ({"rope_parameters": [1]}, Refused, "rope_parameters is no object"),
        ({"hidden_act": "mish"}, NotAvailable, "no hidden_act mish"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, NotAvailable, "no rope_type yarn"),
        ({"model_type": "bert"}, NotAvailable, "does not know model_type 'bert'"),
    ],
)
def test_configs_that_cannot_be(llama, change, error, said):
    with pytest.raises(error, match=said):
        shape_of(llama.config | change)


def test_old_and_new_ways_to_say_the_base_of_the_rotation(llama):
    config = {name: value for name, value in llama.config.items() if name != "rope_parameters"}
    assert shape_of(config | {"rope_theta": 1e6}).theta == 1e6
    assert shape_of(config | {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}).theta == 1e6
    scaled = {"type": "linear", "factor": 2.0}
    assert dict(shape_of(config | {"rope_scaling": scaled}).scaling) == {"rope_type": "linear", "factor": 2.0}


@pytest.mark.parametrize(
    ("stated", "window"),
    [
        ({"sliding_window": 8}, 0),  # Qwen writes a window that is not used
        ({"sliding_window": 8, "use_sliding_window": True, "layer_types": ["sliding_attention"] * 3}, 8),
        ({"sliding_window": None, "use_sliding_window": True}, 0),
    ],
)
def test_windows_of_qwen(llama, stated, window):
    assert shape_of(llama.config | {"model_type": "qwen2"} | stated).window == window


def test_windows_of_two_kinds_are_not_ours(llama):
    stated = {"sliding_window": 8, "use_sliding_window": True, "layer_types": ["full_attention", "sliding_attention"]}
    with pytest.raises(NotAvailable, match="layer_types"):
        shape_of(llama.config | {"model_type": "qwen2"} | stated)


def test_a_shape_comes_back_from_json(llama):
    shape = shape_of(llama.config)
    again = json.loads(json.dumps({"model_type": "decoder", **shape._asdict()}))
    assert shape_of(again) == shape
    assert "decoder" in FAMILIES
