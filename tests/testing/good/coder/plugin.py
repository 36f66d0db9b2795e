"""The entry point's module."""
