"""pythae 0.1.2 itself on the recipe of ``vae-binary-mnist``: its model, its trainer, its estimator, the same data.

``python -m benchmarks.nll_pythae --data PATH --out FILE [--epochs N] [--seed N]``: over an hour on one thread. What it
writes says what pythae's own code comes to on these data, which is what our number is to be held against.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.training_nets import Vae

MILESTONES, LATENT = [200, 350, 500], 40
"""Of its script ``examples/scripts/reproducibility/vae.py``."""


def main() -> None:
    """Train, score, and write what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nll_pythae", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=123)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")  # those of pythae
    found = trained(given)
    Path(given.out).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "curve"}))


def trained(given: argparse.Namespace) -> dict[str, Any]:
    """Train by pythae's trainer, keep its best on validation, and score that on the test images by its ``get_nll``."""
    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    from aigc_vae.datasets import binarized_mnist

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(given.seed)
    curve: list[dict[str, float]] = []

    class Told(TrainingCallback):  # type: ignore[misc]
        def on_log(self, config: Any, logs: dict[str, Any], **_: Any) -> None:
            curve.append({name: float(logs[f"{name}_epoch_loss"]) for name in ("train", "eval")})
            if len(curve) % 10 == 0:
                print(len(curve), curve[-1], flush=True)

    def images(part: str) -> torch.Tensor:
        return torch.from_numpy(binarized_mnist(Path(given.data, f"{part}.mat"))).float().div(255).reshape(-1, 784)

    sets = [BaseDataset(images(part), torch.zeros(len(images(part)))) for part in ("train", "valid")]
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=given.epochs,
            learning_rate=1e-4,
            per_device_train_batch_size=100,
            per_device_eval_batch_size=100,
            scheduler_cls="MultiStepLR",
            scheduler_params={"milestones": MILESTONES, "gamma": 10 ** (-1 / 5)},
            seed=given.seed,
            no_cuda=True,
        )
        begun, trainer = time.process_time(), BaseTrainer(model(), *sets, training_config=settings, callbacks=[Told()])
        trainer.train()
        spent = time.process_time() - begun
        best = model()
        best.load_state_dict(trainer._best_model.state_dict())
    test = images("test")
    with torch.no_grad():
        rounds = [-float(best.eval().get_nll(test, n_samples=200)) for _ in range(given.rounds)]
    return {
        "what": f"pythae {version('pythae')}, torch {torch.__version__}",
        "epochs": given.epochs,
        "seed": given.seed,
        "cpu_seconds": round(spent),
        "validation": min(each["eval"] for each in curve),
        "nll": statistics.mean(rounds),
        "rounds": rounds,
        "images": len(test),
        "curve": curve[:: max(1, len(curve) // 50)],
    }


def model() -> Any:
    """Return its ``VAE``, 784-400-40, with its script's layers."""
    from pythae.models import VAE, VAEConfig

    from benchmarks.training_family_peers import pythae_parts

    return VAE(VAEConfig(input_dim=(784,), latent_dim=LATENT, reconstruction_loss="bce"), *pythae_parts(Vae(LATENT)))


if __name__ == "__main__":
    main()
