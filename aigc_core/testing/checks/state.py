"""R: a model leaves everything as it was: random numbers, settings, the process, itself."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from aigc_core.run.model import Model
from aigc_core.testing.inside import modules, numbers
from aigc_core.testing.subjects import ModelSubject
from aigc_core.testing.uses import everything
from aigc_core.testing.verdict import Broken

Facts = Mapping[str, Any]
_TORCHS = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""What torch itself writes into the environment when a part of it is imported."""


def random_numbers(subject: ModelSubject) -> None:
    """R1: the states of the three global generators, before and after every use."""
    _same(_random, lambda: everything(subject.model), "Using the model", "Take random numbers from the noise alone.")


def opening(subject: ModelSubject) -> None:
    """R6: the same states, before and after opening."""
    subject.opened(computes=False)  # what an import draws is drawn once
    hint = "Build the network on the meta device, as aigc_core.weights.load_module does."
    _same(_random, lambda: subject.opened(computes=False), "Opening the model", hint)


def torch_settings(subject: ModelSubject) -> None:
    """R2: what torch computes with, before and after opening and use."""
    hint = "Use torch.inference_mode() as a decorator or in a with statement, and leave the rest to the caller."
    _same(_torch, lambda: everything(subject.opened()), "Opening and using the model", hint)


def process(subject: ModelSubject) -> None:
    """R5: what the whole process shares, before and after opening and use."""
    hint = "Leave what the whole process shares alone, or put it back in a finally clause."
    _same(_process, lambda: everything(subject.opened()), "Opening and using the model", hint)


def eval_mode(subject: ModelSubject) -> None:
    """R3: no module is in train mode, right after opening and after use."""
    model = subject.opened()
    for when in ("opening", "use"):
        wrong = [path for path, module in modules(model.generator) if module.training]
        if wrong:
            raise Broken(
                f"After {when}, {wrong[0]} is in train mode.",
                "Call .eval() when it is loaded, and never .train().",
                modules=wrong,
            )
        everything(model)


def same_model(subject: ModelSubject) -> None:
    """R4: every tensor and array that the opened model holds has the same bytes after use."""
    model = subject.opened()
    everything(model)  # what is made at the first use, such as a buffer, may be
    before = _digests(model)
    everything(model)
    after = _digests(model)
    wrong = [path for path, digest in before.items() if path in after and after[path] != digest]
    if wrong:
        raise Broken(f"Using the model changed its {wrong[0]}.", "Work on copies, in eval mode.", changed=wrong)


def _same(state: Callable[[], Facts], work: Callable[[], Any], what: str, hint: str) -> None:
    before = state()
    work()
    after = state()
    if wrong := [name for name in before if before[name] != after[name]]:
        now = {name: [_short(before[name]), _short(after[name])] for name in wrong}
        raise Broken(f"{what} changed {', '.join(wrong)}.", hint, changed=now)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _random() -> Facts:
    import numpy as np

    found = {"Python's random numbers": _digest(repr(random.getstate()).encode())}
    found["numpy's random numbers"] = _digest(repr(np.random.get_state(legacy=False)).encode())
    if torch := sys.modules.get("torch"):
        found["torch's random numbers"] = _digest(torch.random.get_rng_state().numpy().tobytes())
    return found


def _torch() -> Facts:
    import torch

    return {
        "the grad mode": torch.is_grad_enabled(),
        "the inference mode": torch.is_inference_mode_enabled(),
        "the default type": str(torch.get_default_dtype()),
        "the number of threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "the matmul precision": torch.get_float32_matmul_precision(),
    }


def _process() -> Facts:
    import numpy as np

    return {
        "the working folder": os.getcwd(),
        "the environment": {name: value for name, value in os.environ.items() if name not in _TORCHS},
        "signal handlers": {number.name: repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)},
        "numpy's handling of errors": np.geterr(),
        "the module path": list(sys.path),
        "the recursion limit": sys.getrecursionlimit(),
        "warning filters": len(warnings.filters),
    }


def _digests(model: Model) -> dict[str, str]:
    return {path: _digest(data) for path, data in numbers(model.generator)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
