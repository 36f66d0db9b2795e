"""The loops of libraries for one family: pythae's for autoencoders, transformers' for language models."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.training_nets import Vae
from benchmarks.training_subjects import BLOCK, TOKENS, Clock, Run, Subject, Windows, check, tensors


def pythae(subject: Subject, folder: str) -> Run:
    """Its ``BaseTrainer`` over one epoch."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    values = tensors(subject)
    dataset = BaseDataset(values, torch.zeros(len(values)))

    def run(clock: Clock) -> None:
        class Times(TrainingCallback):  # type: ignore[misc]
            def on_epoch_begin(self, *_: Any, **__: Any) -> None:
                clock.start()

            def on_epoch_end(self, *_: Any, **__: Any) -> None:
                clock.stop()

        net = Vae()
        settings = VAEConfig(input_dim=(784,), latent_dim=20, reconstruction_loss="bce")
        model = VAE(settings, *pythae_parts(net))
        check(subject, model)
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1,
            learning_rate=1e-3,
            per_device_train_batch_size=subject.batch,
            no_cuda=True,
        )
        BaseTrainer(model, dataset, training_config=config, callbacks=[Times()]).train()

    return run


def pythae_parts(net: Vae) -> tuple[Any, Any]:
    """Return pythae's encoder and decoder around a net's layers."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self, net: Vae) -> None:
            super().__init__()
            self.first, self.second = net.encoder, net.posterior

        def forward(self, x: torch.Tensor) -> Any:
            mean, log_variance = self.second(torch.relu(self.first(x.reshape(-1, 784)))).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self, net: Vae) -> None:
            super().__init__()
            self.first, self.second = net.decoder, net.pixels

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.second(torch.relu(self.first(z)))))

    return Encoder(net), Decoder(net)


def transformers(subject: Subject, folder: str) -> Run:
    """``Trainer`` around its own GPT-2 of the same size, without clipping, logs and checkpoints."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    config = GPT2Config(
        vocab_size=TOKENS, n_positions=BLOCK, n_embd=128, n_layer=4, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    )
    model, dataset = GPT2LMHeadModel(config), Windows(tensors(subject), named=True)
    check(subject, model)
    settings = TrainingArguments(
        folder,
        per_device_train_batch_size=subject.batch,
        max_steps=subject.steps,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )

    def run(clock: Clock) -> None:
        class Times(TrainerCallback):  # type: ignore[misc]
            def on_epoch_begin(self, *_: Any, **__: Any) -> None:
                clock.start()

            def on_epoch_end(self, *_: Any, **__: Any) -> None:
                clock.stop()

        Trainer(model=model, args=settings, train_dataset=dataset, callbacks=[Times()]).train()

    return run
