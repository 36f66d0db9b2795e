"""What computes the logits: one interface, and an engine a module behind it."""
