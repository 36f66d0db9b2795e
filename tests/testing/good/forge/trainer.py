"""The alternating update of a generator and a discriminator."""

from aigc_core.interfaces import NoiseSpec, Trainer


class Alternating(Trainer):
    roles = {"generator": "networks", "discriminator": "discriminators"}  # noqa: RUF012

    def __init__(self, networks, losses):
        super().__init__(networks, losses)
        self.loss = losses["adversarial"]
        self.noise = {"latent": NoiseSpec((networks["generator"].latent_dim,), "normal")}

    def step(self, batch, noise):
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        images, latent = batch["images"], noise["latent"]
        if len(latent) == 1:  # batch norm has no statistics of one row
            latent = latent.repeat(2, 1)
        fake = generator(latent)
        yield {
            "discriminator": self.loss(
                "discriminator", {"real_logits": discriminator(images), "fake_logits": discriminator(fake.detach())}
            )
        }
        yield {"generator": self.loss("generator", {"fake_logits": discriminator(fake)})}
