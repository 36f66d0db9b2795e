"""One way to encode and decode, in a process of its own: ``python -m benchmarks.autoencoders_workers WAY FOLDER SIZE``.

Says how long it took to import and to load; then answers each line with the seconds of one image, or its peak memory.
With ``make`` as WAY it writes random weights of a model's shapes, and its config, into the folder.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIGS: dict[str, dict[str, Any]] = {
    "sd-vae": {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "layers_per_block": 2,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    },
    "taesd": {"_class_name": "AutoencoderTiny"},
}
"""The shapes of sd-vae-ft-mse and sdxl-vae, and of taesd."""
Coding = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[], float]]
"""Encode an image, decode its latents, and touch every page of the weights."""


def ours(folder: Path) -> Callable[[], Coding]:
    """Import the plugin; return what loads the model."""
    import safetensors.torch  # noqa: F401 (the clock runs for loading, not for imports)
    import torch

    from aigc_vae.hub import generators

    kinds: dict[str, Any] = {"AutoencoderKL": generators.AutoencoderKl, "AutoencoderTiny": generators.AutoencoderTiny}

    def load() -> Coding:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        model: Any = kinds[config["_class_name"]].open(config, {WEIGHTS: folder / WEIGHTS}, "cpu")

        def decode(latents: Any) -> Any:
            with torch.inference_mode():  # without the cut to the range, as the peer
                return model.network.decode(torch.tensor(latents[0].transpose(1, 2, 0))).permute(2, 0, 1)[None].numpy()

        return lambda image: model.encode(image, {}).values, decode, lambda: _touch(model.network)

    return load


def diffusers(folder: Path) -> Callable[[], Coding]:
    """Import diffusers' classes; return what loads the model."""
    import safetensors.torch  # noqa: F401
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny

    kinds = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}

    def load() -> Coding:
        name = json.loads((folder / "config.json").read_text("utf-8"))["_class_name"]
        model = kinds[name].from_pretrained(folder, local_files_only=True).eval()

        @torch.inference_mode()
        def encode(image: Any) -> Any:
            found = model.encode(torch.from_numpy(image))
            return (found.latent_dist.mean if name == "AutoencoderKL" else found.latents).numpy()

        @torch.inference_mode()
        def decode(latents: Any) -> Any:
            return model.decode(torch.from_numpy(latents)).sample.numpy()

        return encode, decode, lambda: _touch(model)

    return load


WAYS = {"ours": ours, "diffusers": diffusers}


def _touch(network: Any) -> float:
    return sum(float(value.reshape(-1)[::1024].sum()) for value in network.state_dict().values())


def _peak() -> float:
    """Return the peak memory in MB. Not ru_maxrss, which a process inherits from the one that started it."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def make(folder: Path, name: str) -> None:
    """Write random weights under which outputs vary, and the config."""
    import torch
    from safetensors.torch import save_file

    from aigc_vae.hub import config
    from aigc_vae.hub.kl import KlNetwork
    from aigc_vae.hub.tiny import TinyNetwork

    torch.manual_seed(0)
    given = CONFIGS[name]
    with torch.device("meta"):
        network = TinyNetwork(config.tiny(given)) if name == "taesd" else KlNetwork(config.kl(given))
    tensors = {}
    for key, value in network.state_dict().items():
        drawn = torch.randn(value.shape)
        scaled = drawn * (2 / drawn[0].numel()) ** 0.5 if drawn.ndim > 1 else 0.1 * drawn
        tensors[key] = 1 + scaled if "norm" in key and key.endswith("weight") else scaled
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(given), "utf-8")


def main(way: str, folder: str, size: str) -> None:
    """Open, say so, and answer until the input ends."""
    if way == "make":
        return make(Path(folder), size)
    began = time.perf_counter()
    import numpy as np
    import torch

    torch.set_num_threads(THREADS)
    load = WAYS[way](Path(folder))
    imported = time.perf_counter()
    encode, decode, touch = load()
    touch()
    _say(imports=imported - began, load=time.perf_counter() - imported, peak=_peak())
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, int(size), int(size))).astype(np.float32)
    for line in sys.stdin:
        if line.strip() == "peak":
            _say(peak=_peak())
            continue
        start = time.perf_counter()
        latents = encode(image)
        given = np.random.default_rng(1).standard_normal(latents.shape, np.float32)  # the same for every way
        middle = time.perf_counter()
        found = decode(given)
        _say(encode=middle - start, decode=time.perf_counter() - middle)
        np.save(Path(folder, f"{way}-latents.npy"), latents)
        np.save(Path(folder, f"{way}-image.npy"), found)
    return None


def _say(**figures: float) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
