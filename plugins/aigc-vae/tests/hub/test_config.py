"""Configs: what changes the mathematics is refused by its name, before anything is allocated."""

import pytest

from aigc_core.errors import NotAvailable, Refused
from aigc_vae.hub import config

KL = {"block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D"] * 2} | {
    "up_block_types": ["UpDecoderBlock2D"] * 2
}
OTHER_MATHEMATICS = [
    (config.kl, KL, "_class_name", "AsymmetricAutoencoderKL"),
    (config.kl, KL, "act_fn", "relu"),
    (config.kl, KL, "down_block_types", ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]),
    (config.kl, KL, "up_block_types", ["AttnUpDecoderBlock2D"] * 2),
    (config.kl, KL, "use_tiling", True),
    (config.kl, KL, "norm_type", "group"),
    (config.vq, KL, "norm_type", "spatial"),
    (config.vq, KL, "_class_name", "AutoencoderKL"),
    (config.tiny, {}, "act_fn", "silu"),
    (config.tiny, {}, "upsample_fn", "bilinear"),
    (config.tiny, {}, "upsampling_scaling_factor", 4),
    (config.tiny, {}, "norm_num_groups", 32),
]
IMPOSSIBLE = [
    (config.kl, KL, "block_out_channels", [32, 10**9]),
    (config.kl, KL, "block_out_channels", []),
    (config.kl, KL, "block_out_channels", [32] * 1000),
    (config.kl, KL, "block_out_channels", "32"),
    (config.kl, KL, "block_out_channels", [32, 33]),
    (config.kl, KL, "block_out_channels", [32]),
    (config.kl, KL, "down_block_types", "DownEncoderBlock2D"),
    (config.kl, KL, "layers_per_block", 10**6),
    (config.kl, KL, "layers_per_block", True),
    (config.kl, KL, "latent_channels", 0),
    (config.kl, KL, "norm_num_groups", -1),
    (config.kl, KL, "use_quant_conv", 1),
    (config.vq, KL, "num_vq_embeddings", 10**12),
    (config.vq, KL, "vq_embed_dim", 1.5),
    (config.tiny, {}, "encoder_block_out_channels", [64, 64, 64, 32]),
    (config.tiny, {}, "num_decoder_blocks", [3, 3, 1]),
    (config.tiny, {}, "num_encoder_blocks", [1, 3, 3, -1]),
]


@pytest.mark.parametrize(("read", "base", "field", "value"), OTHER_MATHEMATICS)
def test_other_mathematics_is_refused_by_name(read, base, field, value):
    read(base)
    with pytest.raises(NotAvailable, match=rf"is not computed here with {field} ") as error:
        read(base | {field: value})
    assert error.value.hint


@pytest.mark.parametrize(("read", "base", "field", "value"), IMPOSSIBLE)
def test_what_cannot_be_is_refused(read, base, field, value):
    with pytest.raises(Refused, match="The config cannot be: ") as error:
        read(base | {field: value})
    assert len(str(error.value)) < 400


def test_fields_that_leave_the_mathematics_as_it_is_are_taken():
    more = {
        "scaling_factor": 0.13025, "shift_factor": None, "force_upcast": True, "sample_size": 1024, "act_fn": "swish",
        "latents_mean": None, "latents_std": None, "_name_or_path": "../sdxl-vae/", "_diffusers_version": "0.20.0",
    }  # fmt: skip
    assert config.kl(KL | more) == config.kl(KL)
    assert config.vq(KL | {"lookup_from_codebook": True, "force_upcast": True}) == config.vq(KL)
    assert config.tiny({"latent_magnitude": 3, "latent_shift": 0.5, "block_out_channels": [64] * 4}) == config.tiny({})


def test_what_a_config_leaves_out_is_as_diffusers_has_it():
    shape = config.kl(KL)
    assert shape.coder == config.Coder(3, 3, (32, 64), 1, 4, 32, True)
    assert shape.coder.factor == 2
    assert config.vq(KL)[1:] == (256, 3)
    assert config.tiny({}) == config.Tiny(3, 3, 64, 64, 4, (1, 3, 3, 3), (3, 3, 3, 1))
    assert config.tiny({}).factor == 8
