"""Two small networks for images of 4 x 4."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, latent_dim=4):
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden, self.norm, self.spare = nn.Linear(latent_dim, 8), nn.BatchNorm1d(8), nn.Dropout(0.0)
        self.last = nn.Linear(8, 16)

    def forward(self, latent):
        hidden = torch.relu(self.norm(self.hidden(latent)))
        return torch.tanh(self.last(self.spare(hidden))).view(-1, 1, 4, 4)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))

    def forward(self, images):
        return self.layers(images)
