"""GANs that are told a class: 28 x 28 grey images, by embedding and by projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aigc_gan.networks import DcganGenerator, draw_weights
from aigc_gan.trunk import Headed28, labelled, told

SIDE = 28


class ConditionalGenerator28(nn.Module):
    """Latents (n, latent_dim) and labels (n,) to images (n, 1, 28, 28) in [-1, 1] (arXiv 1411.1784, section 3.2).

    It is the DCGAN of ``networks.py`` on the latent and a vector that is learned for each class, side by side.
    """

    def __init__(self, latent_dim: int = 100, width: int = 64, classes: int = 10, embedding: int = 20) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        self.embed = nn.Embedding(classes, embedding)
        self.body = DcganGenerator(latent_dim + embedding, width)

    def initialise(self) -> None:
        """Draw the first weights of a training; a class's vector is normal, as a latent is."""
        nn.init.normal_(self.embed.weight)
        draw_weights(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        embedded = self.embed(labelled(labels, self.classes))
        images: Tensor = self.body(torch.cat([latent, embedded], 1))
        return images


class ProjectionDiscriminator28(Headed28):
    """Images (n, 1, 28, 28) and labels (n,) to logits (n, 1): score(f) + <embed(y), f> (arXiv 1802.05637).

    f are the features: the paper sums them over places, these are of every place.
    """

    def __init__(self, width: int = 64, dropout: float = 0.3, classes: int = 10) -> None:
        super().__init__(width, dropout)
        self.classes = classes
        self.embed = nn.Embedding(classes, self.trunk.features)

    def initialise(self) -> None:
        """Draw the first weights of a training; at first, no class is preferred."""
        nn.init.zeros_(self.embed.weight)
        draw_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.trunk(images)
        projected = (self.embed(labelled(labels, self.classes)) * features).sum(1, keepdim=True)
        return told(self.score(features) + projected, heads, features=features)


class EmbeddingDiscriminator28(Headed28):
    """Images (n, 1, 28, 28) and labels (n,) to logits (n, 1): a class is an image beside it (arXiv 1411.1784)."""

    def __init__(self, width: int = 64, dropout: float = 0.3, classes: int = 10) -> None:
        super().__init__(width, dropout, channels=2)
        self.classes = classes
        self.embed = nn.Embedding(classes, SIDE * SIDE)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        nn.init.normal_(self.embed.weight)
        draw_weights(self)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        embedded = self.embed(labelled(labels, self.classes)).view(-1, 1, SIDE, SIDE)
        features = self.trunk(torch.cat([images, embedded], 1))
        return told(self.score(features), heads, features=features)


class ClassifyingDiscriminator28(Headed28):
    """Images (n, 1, 28, 28) to logits (n, 1), and to ``class_logits`` (n, classes): AC-GAN's (arXiv 1610.09585)."""

    def __init__(self, width: int = 64, dropout: float = 0.3, classes: int = 10) -> None:
        super().__init__(width, dropout)
        self.classify = nn.Linear(self.trunk.features, classes)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.trunk(images)
        return told(self.score(features), heads, features=features, class_logits=self.classify(features))
