"""From diffusers' config.json to the shape of an autoencoder: every field is known by name, and bounded.

A field that is not known, or has a value that asks for other mathematics than what is here, is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, Refused

_WIDEST, _DEEPEST, _CODES = 8192, 16, 1_000_000
"""No autoencoder has more; a stranger's config must not make us ask for all memory."""
_ELSEWHERE = "For this model, use diffusers itself."

_PLAIN = {"sample_size", "force_upcast", "scaling_factor", "shift_factor"}
"""Fields that say how others train or store: what is computed here does not depend on them."""


class Coder(NamedTuple):
    """What encoder and decoder of AutoencoderKL and VQModel share."""

    channels_in: int
    channels_out: int
    widths: tuple[int, ...]
    """Channels at each resolution, from the highest to the lowest."""
    layers: int
    """Residual blocks a resolution of the encoder; the decoder has one more."""
    latent_channels: int
    groups: int
    attention: bool
    """Pixels attend to one another at the lowest resolution."""

    @property
    def factor(self) -> int:
        """How many times smaller the latent is, each way."""
        return int(2 ** (len(self.widths) - 1))


class Kl(NamedTuple):
    """The shape of an AutoencoderKL."""

    coder: Coder
    quant_conv: bool
    """The posterior's parameters go through a 1 x 1 convolution."""
    post_quant_conv: bool
    """The latents do."""


class Vq(NamedTuple):
    """The shape of a VQModel."""

    coder: Coder
    codes: int
    code_width: int


class Tiny(NamedTuple):
    """The shape of an AutoencoderTiny."""

    channels_in: int
    channels_out: int
    width: int
    decoder_width: int
    latent_channels: int
    encoder_blocks: tuple[int, ...]
    """Blocks at each resolution, from the highest to the lowest."""
    decoder_blocks: tuple[int, ...]
    """From the lowest to the highest."""

    @property
    def factor(self) -> int:
        """How many times smaller the latent is, each way."""
        return int(2 ** (len(self.encoder_blocks) - 1))


class _Fields:
    """The fields of a config, each asked for once; what nobody asked for is refused."""

    def __init__(self, config: Mapping[str, Any], kind: str) -> None:
        self.kind = kind
        if (named := config.get("_class_name", kind)) != kind:
            raise self._lacking("_class_name", named)
        self.left = {name: value for name, value in config.items() if name[:1] != "_" and name not in _PLAIN}

    def size(self, name: str, usual: int, most: int = _WIDEST) -> int:
        """Return a whole number from 1 to ``most``."""
        return self._whole(name, self._take(name, usual), 1, most)

    def sizes(self, name: str, usual: tuple[int, ...], least: int, most: int) -> tuple[int, ...]:
        """Return up to 16 whole numbers."""
        given = self._take(name, usual)
        if not isinstance(given, list | tuple) or not 1 <= len(given) <= _DEEPEST:
            raise self._impossible(name, given, f"1 to {_DEEPEST} whole numbers")
        return tuple(self._whole(name, value, least, most) for value in given)

    def flag(self, name: str, usual: bool) -> bool:
        """Return true or false."""
        given = self._take(name, usual)
        if type(given) is not bool:
            raise self._impossible(name, given, "true or false")
        return given

    def only(self, name: str, *known: Any) -> None:
        """Take a field that can only have one of these values, the first where it is not there."""
        if (given := self._take(name, known[0])) not in known:
            raise self._lacking(name, given)

    def blocks(self, name: str, kind: str, count: int) -> None:
        """Take a field that names a kind of block for each resolution: all the same, and as many as widths."""
        given = self._take(name, [kind])
        if not isinstance(given, list | tuple):
            raise self._impossible(name, given, "a list of names")
        for other in given:
            if other != kind:
                raise self._lacking(name, other)
        if len(given) != count:
            raise Refused(f"The config cannot be: {name} has {len(given)} entries, block_out_channels {count}.")

    def end(self) -> None:
        """Raise ``NotAvailable`` where a field is left."""
        for name, value in self.left.items():
            raise self._lacking(name, value)

    def _take(self, name: str, usual: Any) -> Any:
        value = self.left.pop(name, None)
        return usual if value is None else value

    def _whole(self, name: str, value: Any, least: int, most: int) -> int:
        if type(value) is not int or not least <= value <= most:
            raise self._impossible(name, value, f"a whole number from {least} to {most:,}")
        return value

    def _impossible(self, name: str, value: Any, takes: str) -> Refused:
        return Refused(f"The config cannot be: {name} is {str(value)[:100]!r}, it takes {takes}.")

    def _lacking(self, name: str, value: Any) -> NotAvailable:
        text = f"{self.kind} is not computed here with {name[:100]} {str(value)[:100]!r}, which the model's config has."
        return NotAvailable(text, _ELSEWHERE)


def kl(config: Mapping[str, Any]) -> Kl:
    """Return the shape of an AutoencoderKL. Raises ``NotAvailable`` or ``Refused`` with the field."""
    fields = _Fields(config, "AutoencoderKL")
    coder = _coder(fields, 4)
    shape = Kl(coder, fields.flag("use_quant_conv", True), fields.flag("use_post_quant_conv", True))
    for name in ("latents_mean", "latents_std"):  # they scale latents for a diffusion model, as scaling_factor does
        fields.left.pop(name, None)
    fields.end()
    return shape


def vq(config: Mapping[str, Any]) -> Vq:
    """Return the shape of a VQModel. Raises ``NotAvailable`` or ``Refused`` with the field."""
    fields = _Fields(config, "VQModel")
    coder = _coder(fields, 3)
    fields.only("norm_type", "group")
    fields.flag("lookup_from_codebook", False)  # what its decode is given there; here it is codes
    shape = Vq(coder, fields.size("num_vq_embeddings", 256, _CODES), fields.size("vq_embed_dim", coder.latent_channels))
    fields.end()
    return shape


def _coder(fields: _Fields, latent_channels: int) -> Coder:
    widths = fields.sizes("block_out_channels", (64,), 1, _WIDEST)
    fields.blocks("down_block_types", "DownEncoderBlock2D", len(widths))
    fields.blocks("up_block_types", "UpDecoderBlock2D", len(widths))
    fields.only("act_fn", "silu", "swish")
    coder = Coder(
        channels_in=fields.size("in_channels", 3),
        channels_out=fields.size("out_channels", 3),
        widths=widths,
        layers=fields.size("layers_per_block", 1, _DEEPEST),
        latent_channels=fields.size("latent_channels", latent_channels),
        groups=fields.size("norm_num_groups", 32),
        attention=fields.flag("mid_block_add_attention", True),
    )
    for width in widths:
        if width % coder.groups:
            raise Refused(f"The config cannot be: {width} channels cannot be shared by {coder.groups} groups.")
    return coder


def tiny(config: Mapping[str, Any]) -> Tiny:
    """Return the shape of an AutoencoderTiny. Raises ``NotAvailable`` or ``Refused`` with the field."""
    fields = _Fields(config, "AutoencoderTiny")
    fields.only("act_fn", "relu")
    fields.only("upsample_fn", "nearest")
    fields.only("upsampling_scaling_factor", 2)
    for name in ("latent_magnitude", "latent_shift", "block_out_channels"):  # of latents as bytes; a double of another
        fields.left.pop(name, None)
    shape = Tiny(
        channels_in=fields.size("in_channels", 3),
        channels_out=fields.size("out_channels", 3),
        width=_one_width(fields, "encoder_block_out_channels"),
        decoder_width=_one_width(fields, "decoder_block_out_channels"),
        latent_channels=fields.size("latent_channels", 4),
        encoder_blocks=fields.sizes("num_encoder_blocks", (1, 3, 3, 3), 0, _DEEPEST),
        decoder_blocks=fields.sizes("num_decoder_blocks", (3, 3, 3, 1), 0, _DEEPEST),
    )
    if len(shape.encoder_blocks) != len(shape.decoder_blocks):
        raise Refused("The config cannot be: num_encoder_blocks and num_decoder_blocks have different lengths.")
    fields.end()
    return shape


def _one_width(fields: _Fields, name: str) -> int:
    """Return the width that all resolutions share: a convolution between two of them has no other."""
    widths = fields.sizes(name, (64, 64, 64, 64), 1, _WIDEST)
    if len(set(widths)) > 1:
        raise Refused(f"The config cannot be: {name} has different widths, {', '.join(map(str, widths))}.")
    return widths[0]
