"""VQ-VAE: images as codes of a learned codebook, and an autoregressive prior over them (arXiv 1711.00937)."""
