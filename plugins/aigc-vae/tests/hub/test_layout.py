"""The layouts of the real models as facts: their tensors, and the sizes and hashes that the registry states."""

import hashlib
import json
from pathlib import Path

import pytest

import aigc_core
from aigc_vae.hub.blocks import NEW_NAMES, OLD_NAMES

REGISTRY = Path(aigc_core.__file__).parents[1] / "registry"
FACTS = [("sd", 248, 83_653_863), ("sdxl", 248, 83_653_863), ("taesd", 134, 2_445_063)]
FILES = [
    ("sd", OLD_NAMES, 334_643_276, "sd-vae-ft-mse"),
    ("sdxl", NEW_NAMES, 334_643_268, "sdxl-vae"),
    ("taesd", NEW_NAMES, 9_793_292, "taesd"),
]


def numbers(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def file_size(shapes):
    """The bytes of a safetensors file of float32 tensors, as diffusers writes it."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes):
        begin, end = end, end + 4 * numbers(shapes[name])
        header[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [begin, end]}
    text = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-text // 8) * 8 + end


@pytest.mark.parametrize(("name", "tensors", "parameters"), FACTS)
def test_a_model_has_so_many_tensors_and_parameters(configs, layout, name, tensors, parameters):
    shapes = layout(configs[name])
    assert len(shapes) == tensors
    assert sum(map(numbers, shapes.values())) == parameters


@pytest.mark.parametrize(("name", "names", "size", "model"), FILES)
def test_the_names_and_shapes_make_a_file_of_the_real_models_size_to_the_byte(
    configs, layout, name, names, size, model
):
    """So every name has the length that it has there: of sd-vae-ft-mse, only the old names fit."""
    assert file_size(layout(configs[name], names)) == size
    if not REGISTRY.exists():
        pytest.skip("the registry is not beside the package")
    files = json.loads((REGISTRY / f"{model}.json").read_text())["weights"]["files"]
    assert files[0]["size"] == size


def test_the_other_names_make_a_file_of_another_size(configs, layout):
    assert file_size(layout(configs["sd"], NEW_NAMES)) == 334_643_268


def test_the_config_that_is_tested_is_that_of_sd_vae_ft_mse(configs):
    text = json.dumps(configs["sd"], indent=2, sort_keys=True) + "\n"
    stated = "92d3dfb746fca211a2c9e019e285f8597412211728dce3c5bcf4eda0f2d62e7e"
    assert hashlib.sha256(text.encode()).hexdigest() == stated


NAMES = {
    "encoder.conv_in.weight": (128, 3, 3, 3),
    "encoder.down_blocks.0.downsamplers.0.conv.bias": (128,),
    "encoder.down_blocks.1.resnets.0.conv_shortcut.weight": (256, 128, 1, 1),
    "encoder.mid_block.attentions.0.group_norm.weight": (512,),
    "encoder.mid_block.attentions.0.to_q.weight": (512, 512),
    "encoder.mid_block.attentions.0.to_out.0.bias": (512,),
    "encoder.conv_out.weight": (8, 512, 3, 3),
    "quant_conv.weight": (8, 8, 1, 1),
    "post_quant_conv.bias": (4,),
    "decoder.conv_in.weight": (512, 4, 3, 3),
    "decoder.up_blocks.0.upsamplers.0.conv.weight": (512, 512, 3, 3),
    "decoder.up_blocks.2.resnets.0.norm1.weight": (512,),
    "decoder.up_blocks.3.resnets.2.conv2.weight": (128, 128, 3, 3),
    "decoder.conv_norm_out.bias": (128,),
}


def test_names_are_those_of_diffusers(configs, layout):
    shapes = layout(configs["sd"])
    assert {name: shapes.get(name) for name in NAMES} == NAMES
    old = {name.partition("attentions.0.")[2] for name in layout(configs["sd"], OLD_NAMES) if "attentions" in name}
    assert {name.rpartition(".")[0] for name in old} == {"group_norm", "query", "key", "value", "proj_attn"}
    tiny = layout(configs["taesd"])
    assert tiny["encoder.layers.2.weight"] == (64, 64, 3, 3)
    assert "encoder.layers.2.bias" not in tiny
    assert tiny["decoder.layers.6.weight"] == (64, 64, 3, 3)
    assert tiny["decoder.layers.18.bias"] == (3,)
    vq = layout(configs["small-vq"])
    assert vq["quantize.embedding.weight"] == (37, 5)
    assert vq["quant_conv.weight"] == (5, 3, 1, 1)
