"""The residual GAN with spectral norm for 32 x 32 colour images (Miyato et al., arXiv 1802.05957, appendix B.4)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from aigc_gan.spectral import spectral
from aigc_gan.trunk import told


class ResnetGenerator32(nn.Module):
    """Latents (n, latent_dim) to images (n, 3, 32, 32) in [-1, 1]: 4 x 4, then three blocks that double it."""

    def __init__(self, latent_dim: int = 128, width: int = 256) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, width
        self.project = nn.Linear(latent_dim, 4 * 4 * width)
        self.blocks = nn.Sequential(*(_Doubling(width) for _ in range(3)))
        self.norm = nn.BatchNorm2d(width)
        self.colour = nn.Conv2d(width, 3, 3, padding=1)

    def initialise(self) -> None:
        """Draw the first weights of a training, as Glorot and Bengio do (2010)."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.blocks(self.project(latent).view(-1, self.width, 4, 4))
        images: Tensor = self.colour(self.norm(x).relu()).tanh()
        return images


class ResnetDiscriminator32(nn.Module):
    """Images (n, 3, 32, 32) to logits (n, 1): four blocks, the first two halve; features are summed over places."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Block(3, width, halved=True, first=True), _Block(width, width, halved=True)])
        self.blocks.extend(_Block(width, width) for _ in range(2))
        self.score = spectral(nn.Linear(width, 1))

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        x = images
        for block in self.blocks:
            x = block(x)
        features = x.relu().sum((2, 3))
        return told(self.score(features), heads, features=features)


class _Doubling(nn.Module):
    """A generator's block: norm, ReLU, doubled, convolution, twice; beside it, the image doubled."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.beside = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(interpolate(self.norm1(x).relu(), scale_factor=2.0))
        made: Tensor = self.conv2(self.norm2(inner).relu()) + self.beside(interpolate(x, scale_factor=2.0))
        return made


class _Block(nn.Module):
    """A discriminator's block: ReLU, convolution, twice, without any norm of what passes; ``halved`` by averaging."""

    def __init__(self, channels: int, width: int, halved: bool = False, first: bool = False) -> None:
        super().__init__()
        self.halved, self.first = halved, first
        self.conv1 = spectral(nn.Conv2d(channels, width, 3, padding=1))
        self.conv2 = spectral(nn.Conv2d(width, width, 3, padding=1))
        self.beside = spectral(nn.Conv2d(channels, width, 1)) if halved else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.conv2(self.conv1(x if self.first else x.relu()).relu())
        if not self.halved:
            return inner + x
        # Of an image the average is taken first, before it is many channels.
        beside: Tensor = self.beside(avg_pool2d(x, 2)) if self.first else avg_pool2d(self.beside(x), 2)
        return avg_pool2d(inner, 2) + beside
