"""InfoGAN for 28 x 28 grey images (Chen et al., arXiv 1606.03657, appendix C.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aigc_gan.networks import draw_weights
from aigc_gan.trunk import told
from aigc_gan.warp import warped

LEAK = 0.1
"""The slope of the paper's leaky rectifiers."""


class InfoGenerator28(nn.Module):
    """Latents and codes to images (n, 1, 28, 28) in [-1, 1].

    The codes are a class out of ``code_classes`` and ``code_values`` numbers in [-1, 1]. ``hidden`` is 1,024 in the
    paper; nearly all of the weights are in the layer behind it.
    """

    def __init__(
        self, latent_dim: int = 62, code_classes: int = 10, code_values: int = 2, width: int = 64, hidden: int = 1024
    ) -> None:
        super().__init__()
        self.latent_dim, self.code_classes, self.code_values = latent_dim, code_classes, code_values
        self.width = width
        self.project = nn.Linear(latent_dim + code_classes + code_values, hidden, bias=False)
        self.norm0 = nn.BatchNorm1d(hidden)
        self.spread = nn.Linear(hidden, 7 * 7 * 2 * width, bias=False)
        self.norm1 = nn.BatchNorm1d(7 * 7 * 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.up2 = nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(self, latent: Tensor, code_class: Tensor, code_values: Tensor) -> Tensor:
        """Take latents (n, latent_dim), ``code_class`` (n,) int64 and ``code_values`` (n, code_values)."""
        chosen = nn.functional.one_hot(code_class, self.code_classes).to(latent.dtype)
        x = self.norm0(self.project(torch.cat([latent, chosen, code_values], 1))).relu()
        x = self.norm1(self.spread(x)).relu().view(-1, 2 * self.width, 7, 7)
        x = self.norm2(self.up1(x)).relu()
        return torch.tanh(self.up2(x))


class InfoDiscriminator28(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 1); its heads read off them the codes that they were made with.

    The paper has batch norm here; this one has layer norm in its places but the convolutions, so no layer mixes rows.
    ``warp`` (0 to 1) is how strongly the images are warped while it trains, so that no code can stand for slant.
    Raises ``ValueError`` for another.
    """

    def __init__(
        self, code_classes: int = 10, code_values: int = 2, width: int = 64, hidden: int = 1024, warp: float = 0.0
    ) -> None:
        super().__init__()
        if not 0 <= warp <= 1:
            raise ValueError(f"warp is {warp}; it takes 0 to 1")
        self.code_values, self.warp = code_values, warp
        self.down1 = nn.Conv2d(1, width, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.gather = nn.Linear(7 * 7 * 2 * width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.score = nn.Linear(hidden, 1)
        self.read = nn.Linear(hidden, 128)
        self.read_norm = nn.LayerNorm(128)
        self.read_class = nn.Linear(128, code_classes)
        self.read_values = nn.Linear(128, 2 * code_values)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Return logits; ``heads``: ``code_class_logits`` (n, k), ``code_mean``, ``code_log_variance`` (n, c) too."""
        leaky = nn.functional.leaky_relu
        if self.training and self.warp:
            images = warped(images, self.warp)
        x = leaky(self.down2(leaky(self.down1(images), LEAK)), LEAK)
        features = leaky(self.norm(self.gather(x.flatten(1))), LEAK)
        if not heads:
            logits: Tensor = self.score(features)
            return logits
        read = leaky(self.read_norm(self.read(features)), LEAK)
        mean, log_variance = self.read_values(read).split(self.code_values, 1)
        codes = {"code_class_logits": self.read_class(read), "code_mean": mean, "code_log_variance": log_variance}
        return told(self.score(features), heads, features=features, **codes)
