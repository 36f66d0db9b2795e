"""The VQ-VAE of 28 x 28 grey images: 7 x 7 codes of one codebook, with its prior (arXiv 1711.00937)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import relu

from aigc_vae.likelihoods import Bernoulli
from aigc_vae.vq.codebook import Codebook, straight_through
from aigc_vae.vq.prior import CodePrior

SIDE, PLACES = 28, 7


class Reconstruction(NamedTuple):
    """What the first stage learns by."""

    encoded: Tensor
    """The encoder's vectors, (n, 7, 7, d)."""
    codes: Tensor
    """(n, 7, 7), int64."""
    entries: Tensor
    """The codebook's entries of these codes, (n, 7, 7, d)."""
    log_likelihood: Tensor
    """ln p(x | codes) in nats, (n,)."""


class VqVae28(nn.Module):
    """Images (n, 1, 28, 28) in [0, 1] to codes (n, 7, 7) and back, and p(codes). Pixels are Bernoulli.

    The layers are those of section 4.1, fewer and narrower: two strided convolutions, two residual blocks, and back.
    """

    def __init__(
        self,
        width: int = 64,
        codes: int = 256,
        code_dim: int = 32,
        prior_width: int = 96,
        prior_layers: int = 4,
        prior_heads: int = 4,
    ) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"width is {width}, it takes an even number from 2 up")
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width // 2, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, 2, 1),
            Residual(width), Residual(width), nn.ReLU(),
            nn.Conv2d(width, code_dim, 1),
        )  # fmt: skip
        self.codebook = Codebook(codes, code_dim)
        self.decoder = nn.Sequential(
            nn.Conv2d(code_dim, width, 3, padding=1),
            Residual(width), Residual(width), nn.ReLU(),
            nn.ConvTranspose2d(width, width // 2, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width // 2, 1, 4, 2, 1),
        )  # fmt: skip
        self.likelihood = Bernoulli()
        self.prior = CodePrior(codes, PLACES * PLACES, prior_width, prior_layers, prior_heads)

    def forward(self, images: Tensor, prior: bool = False) -> Reconstruction | Tensor:
        """Return the reconstruction; with ``prior``, ln p of each code of the images in nats, (n, 49), in its place.

        One method for both, because ranks and shards see a network's forward pass alone.
        """
        encoded = self.vectors(images)
        codes = self.codebook.nearest(encoded)
        if prior:
            # Vectors that are not finite have a nearest entry too: nobody would see it.
            return self.prior.log_prob(codes.flatten(1)) + 0 * encoded.sum()
        entries = self.codebook.look_up(codes)
        pixels = self.pixels(straight_through(encoded, entries))
        return Reconstruction(encoded, codes, entries, self.likelihood.log_prob(pixels, images))

    def vectors(self, images: Tensor) -> Tensor:
        """Return what the codebook is asked for, (n, 7, 7, d)."""
        made: Tensor = self.encoder(images)
        return made.permute(0, 2, 3, 1)

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes of images, (n, 7, 7), int64."""
        return self.codebook.nearest(self.vectors(images))

    def pixels(self, entries: Tensor) -> Tensor:
        """Return the likelihood's parameters (n, 1, 28, 28) of vectors (n, 7, 7, d)."""
        made: Tensor = self.decoder(entries.permute(0, 3, 1, 2))
        return made

    def decode(self, codes: Tensor) -> Tensor:
        """Return the mean images (n, 1, 28, 28) in [0, 1] of codes (n, 7, 7)."""
        return self.likelihood.mean(self.pixels(self.codebook.look_up(codes)))


class Residual(nn.Module):
    """ReLU, 3 x 3, ReLU, 1 x 1, added to what comes in (section 4.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width // 2, 3, padding=1)
        self.back = nn.Conv2d(width // 2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.back(relu(self.wide(relu(x))))
        return made
