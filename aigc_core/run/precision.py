"""Types of number that this machine computes in, but not fast."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping


def slower(dtype: str, device: str) -> str:
    """Say where bfloat16 is slower than float32, or may be, by the processor's instructions; nothing where it is not.

    AVX512_BF16 alone need not help: on an Intel processor with it and without AMX, a DCGAN made 0.77 times the images
    in a second that float32 made.
    """
    if dtype != "bfloat16" or device != "cpu":
        return ""
    vectors, matrices = _instructions()
    if matrices:
        return ""
    if vectors:
        return "bfloat16 may be slower than float32 here: this processor has AVX512_BF16, but no AMX."
    return "bfloat16 is slower than float32 here: this processor has no instructions for it (AVX512_BF16, AMX)."


def _instructions() -> tuple[bool, bool]:
    """Say whether the processor multiplies vectors in bfloat16, and matrices; both where nobody knows."""
    import torch

    found: Mapping[str, object] = {}
    with contextlib.suppress(AttributeError):  # a torch that does not tell
        found = torch.cpu.get_capabilities()
    if found.get("architecture") != "x86_64":
        return True, True
    return bool(found.get("avx512_bf16")), bool(found.get("amx_bf16"))
