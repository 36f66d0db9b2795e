"""A new plugin as a whole package: templates, filled in; nothing here imports torch."""
