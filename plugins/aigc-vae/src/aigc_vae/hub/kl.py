"""AutoencoderKL: a variational autoencoder whose latents are small images (arXiv 2112.10752)."""

from __future__ import annotations

from torch import Tensor, nn

from aigc_vae.hub.blocks import NEW_NAMES, mixed
from aigc_vae.hub.coders import Decoder, Encoder
from aigc_vae.hub.config import Kl
from aigc_vae.hub.layers import Conv


class KlNetwork(nn.Module):
    """Encoder and decoder, each with a mixing of the latents' channels."""

    def __init__(self, config: Kl, names: tuple[str, ...] = NEW_NAMES) -> None:
        super().__init__()
        coder = config.coder
        used, latent = names if coder.attention else None, coder.latent_channels
        self.encoder = Encoder(coder, 2 * latent, used)
        self.decoder = Decoder(coder, used)
        self.quant_conv = Conv(2 * latent, 2 * latent, 1) if config.quant_conv else None
        self.post_quant_conv = Conv(latent, latent, 1) if config.post_quant_conv else None

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation (h / f, w / f, latent channels) of the posterior of an image (h, w, channels)."""
        mean, log_variance = mixed(self.quant_conv, self.encoder(image)).chunk(2, -1)
        return mean, (0.5 * log_variance.clamp(-30, 20)).exp()

    def decode(self, latent: Tensor) -> Tensor:
        """Return the image (f * h, f * w, channels) of a latent (h, w, latent channels), around [-1, 1]."""
        image: Tensor = self.decoder(mixed(self.post_quant_conv, latent))
        return image
