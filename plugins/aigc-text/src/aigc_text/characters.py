"""Characters as tokens, under the name that they had before other tokenizers came."""

from __future__ import annotations

from aigc_text.tokens.characters import END, Characters

__all__ = ["END", "Characters"]
