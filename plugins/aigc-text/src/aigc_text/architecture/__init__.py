"""The one decoder, described by a config, and where each family of the Hub keeps its tensors."""
