"""A model of ours onto the Hub: its layout, its card, and the push."""
