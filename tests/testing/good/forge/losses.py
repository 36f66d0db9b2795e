"""The non-saturating loss of logits."""

from torch.nn.functional import softplus


class NonSaturating:
    cross_entropy = bounded = True
    networks = {"discriminator": ("real_logits", "fake_logits"), "generator": ("fake_logits",)}  # noqa: RUF012

    def __call__(self, network, inputs):
        if network == "generator":
            return {"loss": softplus(-inputs["fake_logits"]).mean()}
        real, fake = softplus(-inputs["real_logits"]).mean(), softplus(inputs["fake_logits"]).mean()
        return {"loss": real + fake, "real": real, "fake": fake}
