"""The critic of WGAN-GP for 28 x 28 grey images (Gulrajani et al., arXiv 1704.00028), without classes and with."""

from __future__ import annotations

from torch import Tensor, nn

from aigc_gan.trunk import draw_kaiming, labelled, told

LEAK = 0.2


class Critic28(nn.Module):
    """Images (n, 1, 28, 28) in [-1, 1] to scores (n, 1), without bounds.

    No norm and no dropout: the penalty is on the gradient by each image alone (section 4), and a mask would be another
    critic in each pass.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(1, width, 5, stride=2, padding=2)
        self.down2 = nn.Conv2d(width, 2 * width, 5, stride=2, padding=2)
        self.down3 = nn.Conv2d(2 * width, 4 * width, 5, stride=2, padding=2)
        self.score = nn.Linear(4 * 4 * 4 * width, 1)

    def initialise(self) -> None:
        """Draw the first weights of a training so that scores move at all: weights of 0.02 make slopes of almost 0."""
        draw_kaiming(self, LEAK)

    def features(self, images: Tensor) -> Tensor:
        """Return what the score is made of, (n, 64 * width)."""
        x = images
        for layer in (self.down1, self.down2, self.down3):
            x = nn.functional.leaky_relu(layer(x), LEAK)
        return x.flatten(1)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.features(images)
        return told(self.score(features), heads, features=features)


class ProjectionCritic28(Critic28):
    """Images (n, 1, 28, 28) and labels (n,) to scores (n, 1): score(f) + <embed(y), f> (arXiv 1802.05637)."""

    def __init__(self, width: int = 64, classes: int = 10) -> None:
        super().__init__(width)
        self.classes = classes
        self.embed = nn.Embedding(classes, self.score.in_features)

    def initialise(self) -> None:
        """Draw the first weights of a training; at first, no class is preferred."""
        super().initialise()
        nn.init.zeros_(self.embed.weight)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.features(images)
        projected = (self.embed(labelled(labels, self.classes)) * features).sum(1, keepdim=True)
        return told(self.score(features) + projected, heads, features=features)


class ClassifyingCritic28(Critic28):
    """Images (n, 1, 28, 28) to scores (n, 1), and to ``class_logits`` (n, classes), which are not penalised.

    AC-GAN's head (arXiv 1610.09585) on the critic, as the labelled runs of WGAN-GP have it (section 5.4).
    """

    def __init__(self, width: int = 64, classes: int = 10) -> None:
        super().__init__(width)
        self.classify = nn.Linear(self.score.in_features, classes)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, heads: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        features = self.features(images)
        return told(self.score(features), heads, features=features, class_logits=self.classify(features))
