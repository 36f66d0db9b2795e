import json

import pytest
import torch
from safetensors.torch import save_file

from aigc_vae.hub import config, generators
from aigc_vae.hub.blocks import NEW_NAMES
from aigc_vae.hub.kl import KlNetwork
from aigc_vae.hub.tiny import TinyNetwork
from aigc_vae.hub.vq import VqNetwork

WEIGHTS = "diffusion_pytorch_model.safetensors"
SMALL = {
    "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2,
    "block_out_channels": [8, 16], "norm_num_groups": 4,
}  # fmt: skip
SD = {
    "_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3,
    "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 256,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}  # fmt: skip
"""The config.json of sd-vae-ft-mse: written as it was written there, it has the sha256 that the registry states."""
CONFIGS = {
    "sd": SD,
    "sdxl": SD | {"force_upcast": True, "sample_size": 1024, "scaling_factor": 0.13025},
    "taesd": {"_class_name": "AutoencoderTiny", "latent_magnitude": 3, "latent_shift": 0.5, "scaling_factor": 1.0},
    "small-kl": SMALL | {"_class_name": "AutoencoderKL"},
    "small-vq": SMALL | {"_class_name": "VQModel", "num_vq_embeddings": 37, "vq_embed_dim": 5},
    "small-tiny": {
        "_class_name": "AutoencoderTiny", "encoder_block_out_channels": [8] * 2, "decoder_block_out_channels": [8] * 2,
        "num_encoder_blocks": [1, 2], "num_decoder_blocks": [2, 1],
    },
}  # fmt: skip
KINDS = {
    "AutoencoderKL": (generators.AutoencoderKl, lambda given, names: KlNetwork(config.kl(given), names)),
    "AutoencoderTiny": (generators.AutoencoderTiny, lambda given, names: TinyNetwork(config.tiny(given))),
    "VQModel": (generators.VqModel, lambda given, names: VqNetwork(config.vq(given), names)),
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def configs():
    return CONFIGS


@pytest.fixture(scope="session")
def layout():
    """The shape of every tensor of a config's model, by name."""

    def shapes(given, names=NEW_NAMES):
        with torch.device("meta"):
            state = KINDS[given["_class_name"]][1](given, names).state_dict()
        return {name: tuple(value.shape) for name, value in state.items()}

    return shapes


@pytest.fixture(scope="session")
def random_weights(layout):
    """Random weights of a config's shapes: outputs vary, and no tensor could be left out without a trace."""

    def tensors(given, seed=0, names=NEW_NAMES):
        draw = torch.Generator().manual_seed(seed)
        made = {}
        for name, shape in layout(given, names).items():
            value = torch.randn(shape, generator=draw)
            if len(shape) > 1:
                value /= (value[0].numel() / 2) ** 0.5 if "embedding" not in name else 1
            elif "norm" in name and name.endswith("weight"):
                value = 1 + 0.2 * value
            else:
                value *= 0.1
            made[name] = value
        return made

    return tensors


@pytest.fixture(scope="session")
def folder(tmp_path_factory, random_weights):
    """A folder as diffusers writes it, with random weights."""

    def write(given, tensors=None, **about):
        where = tmp_path_factory.mktemp("model")
        save_file(random_weights(given, **about) if tensors is None else tensors, where / WEIGHTS, {"format": "pt"})
        (where / "config.json").write_text(json.dumps(given))
        return where

    return write


@pytest.fixture(scope="session")
def load():
    """Load such a folder as the core does."""

    def opened(where, device="cpu"):
        given = json.loads((where / "config.json").read_text())
        return KINDS[given["_class_name"]][0].open(given, {WEIGHTS: where / WEIGHTS}, device)

    return opened


@pytest.fixture(scope="session")
def picture():
    """Random images (n, 3, height, width) in [-1, 1]."""

    def images(width, height, count=1, seed=0):
        return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)).mul(2).sub(1).numpy()

    return images
