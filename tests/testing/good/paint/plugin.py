"""The entry point's module, with one hook."""

from aigc_core.hookspecs import hookimpl


@hookimpl
def zoo_event(event):
    """Hear of everything, and do nothing."""
