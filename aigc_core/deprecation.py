"""What goes away, said where it is used: with the file and the line of the code that uses it, not of ours."""

from __future__ import annotations

import os
import sys
import warnings

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Deprecated(DeprecationWarning):
    """Something of the plugin API that the next version no longer has. The conformance kit makes it a failure."""


def deprecated(what: str, instead: str, gone: str) -> None:
    """Warn that something is used that will be gone; called by that something.

    ``what`` and ``instead`` are names or calls, ``gone`` the version of aigc-core without it. The warning has the place
    of the innermost caller that is not of this package, so that an author sees a line of theirs.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(_OURS):
        frame = frame.f_back
    text = f"{what} is gone in aigc-core {gone}: use {instead}."
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = str(frame.f_globals.get("__name__", "__main__"))
    warnings.warn_explicit(text, Deprecated, frame.f_code.co_filename, frame.f_lineno, module, registry)
