"""Networks of a few weights with everything that the trainer can ask of one; random weights, no batch norm."""

import torch
from torch import nn

SHAPE = (2, 2, 3)
WIDTH = 12


class TinyGenerator(nn.Module):
    """Latents, with classes or codes where it has any, to images of ``SHAPE``."""

    def __init__(self, classes=0, code_classes=0, code_values=0, norm=False):
        super().__init__()
        self.latent_dim, self.classes = 3, classes
        self.code_classes, self.code_values = code_classes, code_values
        self.given = []
        self.hidden = nn.Linear(3 + classes + code_classes + code_values, 8)
        self.norm = nn.BatchNorm1d(8) if norm else nn.Identity()
        self.out = nn.Linear(8, WIDTH)

    def forward(self, latent, *others):
        self.given.append((latent, *others))
        told = [latent]
        if self.classes:
            told.append(nn.functional.one_hot(others[0], self.classes).to(latent.dtype))
        if self.code_classes:
            told += [nn.functional.one_hot(others[0], self.code_classes).to(latent.dtype), others[1]]
        return torch.tanh(self.out(self.norm(self.hidden(torch.cat(told, 1))))).view(-1, *SHAPE)


class TinyDiscriminator(nn.Module):
    """Packs of images to logits; with classes it is told them, and its heads say everything that a loss may ask."""

    def __init__(self, classes=0, pac=1, heads=()):
        super().__init__()
        self.classes, self.heads, self.given = classes, heads, []
        self.hidden, self.score = nn.Linear(pac * WIDTH, 8), nn.Linear(8, 1)
        self.embed = nn.Embedding(classes, 8) if classes else None
        self.say = nn.ModuleDict({name: nn.Linear(8, size) for name, size in dict(heads).items()})

    def forward(self, images, labels=None, heads=False):
        self.given.append((images.detach(), labels))
        features = torch.tanh(self.hidden(images.flatten(1)))
        logits = self.score(features * self.embed(labels) if self.embed else features)
        said = {name: layer(features) for name, layer in self.say.items()}
        return (logits, {"features": features, **said}) if heads else logits
