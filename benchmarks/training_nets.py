"""The networks of the training benchmark in plain PyTorch: what a bare loop and every peer train.

They are written apart from the plugins' on purpose; the benchmark checks that both have equally many parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Generator(nn.Module):
    """The TensorFlow tutorial's DCGAN: latents (n, 100) to images (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.norm0 = nn.Linear(100, 7 * 7 * 256, bias=False), nn.BatchNorm1d(7 * 7 * 256)
        self.up1, self.norm1 = nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), nn.BatchNorm2d(128)
        self.up2, self.norm2 = nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False), nn.BatchNorm2d(64)
        self.up3 = nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False)

    def forward(self, latent: Tensor) -> Tensor:
        x = functional.leaky_relu(self.norm0(self.project(latent)), 0.3).view(-1, 256, 7, 7)
        x = functional.leaky_relu(self.norm1(self.up1(x)), 0.3)
        return torch.tanh(self.up3(functional.leaky_relu(self.norm2(self.up2(x)), 0.3)))


class Discriminator(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 64, 5, 2, 2), nn.Conv2d(64, 128, 5, 2, 2)
        self.score = nn.Linear(7 * 7 * 128, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = functional.dropout(functional.leaky_relu(self.down1(images), 0.3), 0.3, self.training)
        x = functional.dropout(functional.leaky_relu(self.down2(x), 0.3), 0.3, self.training)
        return self.score(x.flatten(1))  # type: ignore[no-any-return]


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the loss of logits of real and of fake images."""
    entropy = functional.binary_cross_entropy_with_logits
    return entropy(real, torch.ones_like(real)) + entropy(fake, torch.zeros_like(fake))


def generator_loss(fake: Tensor) -> Tensor:
    """Return the non-saturating loss of the logits of fake images."""
    return functional.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


class Vae(nn.Module):
    """784-400-20: pixels (n, 784) in [0, 1] to the mean negative bound, in nats an image."""

    def __init__(self, latent: int = 20) -> None:
        super().__init__()
        self.encoder, self.posterior = nn.Linear(784, 400), nn.Linear(400, 2 * latent)
        self.decoder, self.pixels = nn.Linear(latent, 400), nn.Linear(400, 784)

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.posterior(torch.relu(self.encoder(x))).chunk(2, 1)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        logits = self.pixels(torch.relu(self.decoder(latent)))
        entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean * mean - log_variance.exp()).sum()
        return (entropy + kl) / len(x)


class Gpt(nn.Module):
    """nanoGPT's setting for a CPU: tokens and targets (n, t) to the mean cross entropy; ``bias`` as in GPT-2."""

    def __init__(self, bias: bool = True, tokens: int = 65, width: int = 128, layers: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.tokens, self.places = heads, nn.Embedding(tokens, width), nn.Embedding(64, width)
        parts = (("norm1", 1, 0), ("attend", 1, 3), ("join", 1, 1), ("norm2", 1, 0), ("up", 1, 4), ("down", 4, 1))
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: nn.Linear(into * width, out * width, bias=bias) if out else nn.LayerNorm(width, bias=bias)
                    for name, into, out in parts
                }
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, bias=bias)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                residual = name.endswith(("join.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * layers) ** 0.5 if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        count, length = tokens.shape
        x = self.tokens(tokens) + self.places.weight[:length]
        for block in self.blocks:
            split = block["attend"](block["norm1"](x)).view(count, length, 3, self.heads, -1)  # type: ignore[index,operator]
            query, key, value = split.permute(2, 0, 3, 1, 4).unbind()
            found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + block["join"](found.transpose(1, 2).reshape(count, length, -1))  # type: ignore[index,operator]
            x = x + block["down"](functional.gelu(block["up"](block["norm2"](x)), approximate="tanh"))  # type: ignore[index,operator]
        logits = self.norm(x) @ self.tokens.weight.t()
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
