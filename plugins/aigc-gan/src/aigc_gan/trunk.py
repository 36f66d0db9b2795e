"""The convolutions that the discriminators for 28 x 28 grey images share."""

from __future__ import annotations

from torch import Tensor, nn

from aigc_gan.networks import SLOPE, draw_weights


class Trunk28(nn.Module):
    """Images (n, channels, 28, 28) to features (n, 98 * width), as in ``DcganDiscriminator``. No layer mixes rows."""

    def __init__(self, width: int = 64, dropout: float = 0.3, channels: int = 1) -> None:
        super().__init__()
        self.features = 7 * 7 * 2 * width
        self.down1 = nn.Conv2d(channels, width, 5, stride=2, padding=2)
        self.down2 = nn.Conv2d(width, 2 * width, 5, stride=2, padding=2)
        self.dropout = dropout

    def forward(self, images: Tensor) -> Tensor:
        leaky, drop = nn.functional.leaky_relu, nn.functional.dropout
        x = drop(leaky(self.down1(images), SLOPE), self.dropout, self.training)
        x = drop(leaky(self.down2(x), SLOPE), self.dropout, self.training)
        return x.flatten(1)


class Headed28(nn.Module):
    """A discriminator of one logit on that trunk; subclasses give it more heads, or classes to look at."""

    def __init__(self, width: int, dropout: float, channels: int = 1) -> None:
        super().__init__()
        self.trunk = Trunk28(width, dropout, channels)
        self.score = nn.Linear(self.trunk.features, 1)

    def initialise(self) -> None:
        """Draw the first weights of a training."""
        draw_weights(self)


def told(logits: Tensor, heads: bool, **said: Tensor) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
    """Return what a discriminator returns: its logits (n, 1), with what else it has to say where ``heads`` asks."""
    return (logits, said) if heads else logits


def labelled(labels: Tensor | None, classes: int) -> Tensor:
    """Return the labels. Raises ``ValueError`` where a network with classes was given none."""
    if labels is None:
        raise ValueError(f"a network with {classes} classes is given each image's label, and there are none")
    return labels


def draw_kaiming(network: nn.Module, leak: float) -> None:
    """Draw weights that keep the size of what passes where no norm does (He et al., arXiv 1502.01852); biases are 0."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(module.weight, a=leak)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
