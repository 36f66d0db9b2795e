"""The module that the entry point names. Hook implementations would stand here; this plugin needs none."""
