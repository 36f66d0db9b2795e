"""The Hugging Face Hub: models' files into the standard cache, verified; and models of ours onto it."""
