"""The nanoGPT recipe as a plain loop, torch alone: what our run of the same recipe is measured against.

Printed as JSON: the loss of every validation token once. ``python -m benchmarks.recipes`` runs it as a process.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.training_nets import Gpt

BATCH, BLOCK, WARMUP, DECAYS = 12, 64, 100, 2000


def rate(step: int) -> float:
    """Return the learning rate: a linear rise, then half a cosine down to a tenth."""
    if step < WARMUP:
        return 1e-3 * (step + 1) / (WARMUP + 1)
    done = min(1.0, (step - WARMUP) / (DECAYS - WARMUP))
    return 1e-4 + 9e-4 * 0.5 * (1 + math.cos(math.pi * done))


def validation(net: nn.Module, tokens: Tensor) -> float:
    """Return the mean loss of every token but the first, in windows that do not overlap."""
    net.eval()
    total, whole = 0.0, (len(tokens) - 1) // BLOCK
    inputs, targets = tokens[: whole * BLOCK].view(whole, BLOCK), tokens[1 : whole * BLOCK + 1].view(whole, BLOCK)
    with torch.no_grad():
        for first in range(0, whole, BATCH):
            part = slice(first, first + BATCH)
            total += float(net(inputs[part], targets[part])) * targets[part].numel()
        if left := len(tokens) - 1 - whole * BLOCK:  # with the context that the last window has
            logits_of = tokens[-BLOCK - 1 : -1][None]
            known = torch.full((1, BLOCK), -100)
            known[0, -left:] = tokens[-left:]
            total += float(net(logits_of, known)) * left
    return total / (len(tokens) - 1)


def main() -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes_plain", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=DECAYS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    text = Path(given.data).read_text(encoding="utf-8")
    places = {character: place for place, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([places[character] for character in text])
    cut = int(len(tokens) * 0.9)
    train, held_out = tokens[:cut], tokens[cut:]
    net = Gpt(bias=False, tokens=len(places))
    each = list(net.parameters())
    groups = [
        {"params": [one for one in each if one.dim() >= 2], "weight_decay": 0.1},
        {"params": [one for one in each if one.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
    for step in range(given.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        windows = train[torch.randint(len(train) - BLOCK, (BATCH,))[:, None] + torch.arange(BLOCK + 1)]
        loss = net(windows[:, :-1], windows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(each, 1.0)
        optimizer.step()
    print(json.dumps({"steps": given.steps, "loss": validation(net, held_out)}))


if __name__ == "__main__":
    main()
