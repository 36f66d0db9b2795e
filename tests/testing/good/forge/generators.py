"""The generator as the core runs it."""

import torch
from PACKAGE.networks import Net

from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module


class Forged:
    engine, dtype = "torch", "float32"

    def __init__(self, network, device):
        self.network, self.device = network, device
        self.noise = {"latent": NoiseSpec((network.latent_dim,), "normal")}

    @classmethod
    def open(cls, config, weights, device):
        network = load_module(lambda: Net(config["latent_dim"]), weights, device)
        return cls(network, device)

    @torch.inference_mode()
    def generate(self, noise, options):
        latent = torch.tensor(noise["latent"], device=self.device)
        # Each row by itself, so that no kernel for many rows adds in another order.
        images = torch.cat([self.network(row.unsqueeze(0)) for row in latent])
        return Samples("image", images.cpu().numpy(), (-1.0, 1.0))
