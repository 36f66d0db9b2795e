"""Text to tokens and back: the Hub's tokenizers, characters, chat templates."""
