"""Autoregressive text models for aigc-zoo."""

__version__ = "0.1.0"
