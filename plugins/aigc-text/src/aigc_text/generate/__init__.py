"""From logits to text: what is chosen, when it ends, and how it is shown."""
