"""GANs of the Hub: networks with the names that their files have, and nothing of the code beside those files."""
