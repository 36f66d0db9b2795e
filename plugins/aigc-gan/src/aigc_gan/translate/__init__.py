"""Images to other images: pix2pix from pairs (arXiv 1611.07004), CycleGAN without them (arXiv 1703.10593)."""
