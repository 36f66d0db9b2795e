"""Autoencoders of the Hub in diffusers' format, as own modules: AutoencoderKL, AutoencoderTiny and VQModel."""
