"""WGAN-GP's double backward: the recipe ``wgan-gp-fashion`` against a bare loop with the same networks and settings.

``python -m benchmarks.wgan_gp [--rounds N] [--steps N]``. Both have fused Adam and denormals flushed, on one thread.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import torch
from torch import Tensor, nn

from aigc_core.train.recipe import Recipe, read
from aigc_gan.critic import Critic28
from aigc_gan.networks import DcganGenerator
from benchmarks import quiet, rounds, training_loops
from benchmarks.training_subjects import PLAIN, Clock, Run, Subject, batches, tensors

OURS, BARE = "aigc_core, the recipe as it ships", "bare loop with its settings"
BAR = 0.97


def bare(subject: Subject, recipe: Recipe) -> Run:
    """Return the loop of the paper's algorithm 1 (arXiv 1704.00028), as most code has it."""
    generator, critic = subject.nets()
    latent_dim: Any = generator.latent_dim
    config, weight = recipe["trainer"]["config"], recipe["losses"]["penalty"]["config"]["weight"]
    of_generator, of_critic = (
        torch.optim.Adam(net.parameters(), each["learning_rate"], each["betas"], fused=True)
        for net, each in zip((generator, critic), recipe["optimizers"].values(), strict=True)
    )
    values, taken = tensors(subject), 0

    def step(images: Tensor) -> None:
        nonlocal taken
        updates_both = taken % config["critic_steps"] == 0
        with torch.set_grad_enabled(updates_both):
            fake = generator(torch.randn(len(images), latent_dim))
        real_score, fake_score = critic(torch.cat([images, fake.detach()])).chunk(2)
        share = torch.rand(len(images), 1, 1, 1)
        mixed = (share * images + (1 - share) * fake.detach()).requires_grad_()
        (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        of_critic.zero_grad()
        (fake_score.mean() - real_score.mean() + weight * penalty).backward()
        of_critic.step()
        if updates_both:
            of_generator.zero_grad()
            (-critic(fake).mean()).backward()
            of_generator.step()
        taken += 1

    def run(clock: Clock) -> None:
        torch.set_flush_denormal(True)
        clock.start()
        for (images,) in batches(subject, values):
            step(images)
        clock.stop()
        torch.set_flush_denormal(False)

    return run


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wgan_gp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    parser.add_argument("--steps", type=int, default=30)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read("wgan-gp-fashion", [*PLAIN, "samples.every=0"])
    networks = {role: each["config"] for role, each in recipe["networks"].items()}

    def nets() -> list[nn.Module]:
        return [DcganGenerator(**networks["generator"]), Critic28(**networks["discriminator"])]

    subject = Subject("WGAN-GP", recipe["data"]["batch_size"], given.steps, "wgan-gp-fashion", (), lambda _: BAR, nets)
    runs = {OURS: training_loops.ours(subject, recipe), BARE: bare(subject, recipe)}

    def timed(name: str) -> float:
        quiet.wait()
        clock = Clock()
        runs[name](clock)
        return clock.wall

    wall = rounds.alternate({OURS: lambda: timed(OURS), BARE: lambda: timed(BARE)}, given.rounds)
    print(f"WGAN-GP, 28 x 28, batch {subject.batch}, {given.steps} steps a run, {given.rounds} rounds, 1 thread:\n")
    print("| loop | samples/s | the recipe is so many times as fast |\n|---|---|---|")
    for name, seconds in wall.items():
        speed = given.steps * subject.batch / statistics.median(seconds)
        print(f"| {name} | {speed:,.0f} | {rounds.ratio(seconds, wall[OURS])} |")
    print(f"\nThe bar is {BAR} x the bare loop.")


if __name__ == "__main__":
    main()
