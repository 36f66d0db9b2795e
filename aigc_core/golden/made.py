"""What a model makes of a golden case's input, as named arrays: what is stored, and what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable
from aigc_core.golden import case as stored_case
from aigc_core.golden.case import Case

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.model import Model

Made = dict[str, "np.ndarray"]


def made(model: Model, case: Case, batch: int | None = None) -> Made:
    """Return what comes of a case's input; ``batch`` is how many samples are computed at once, all by default.

    Of images ``images`` (n, c, h, w), float32; of texts made whole ``text``, uint8; of a language model what
    ``spoken`` returns. Raises ``WrongUse`` and ``NotAvailable`` as ``Model.from_noise`` does.
    """
    if model.language is not None:
        return spoken(model, case.options)
    return drawn(model, stored_case.noise(case), case.options, batch)


def drawn(model: Model, noise: Mapping[str, np.ndarray], options: Mapping[str, Any], batch: int | None = None) -> Made:
    """Return the samples of noise."""
    import numpy as np

    taken = model.taken(noise, "The stored noise")
    rows = len(next(iter(taken.values())))
    samples = model.from_noise(noise, batch_size=batch or rows, **options)
    if samples.kind == "text":
        return {"text": np.frombuffer("\0".join(samples.values).encode(), np.uint8)}
    return {"images": samples.values}


def spoken(model: Model, options: Mapping[str, Any]) -> Made:
    """Return a language model's text of seed 0, sample 0, and what it says of that text afterwards.

    ``tokens`` (t,), int64, the new ones; ``logprobs`` (t,), their ln p when they were chosen; ``text``, uint8, the
    prompt and what follows; ``scored_tokens`` (s,), ``scored`` (s - 1,): the whole text's tokens, and ln p of each but
    the first given those before it. Where the text cannot be scored, the last two are empty.
    """
    import numpy as np

    from aigc_core.errors import WrongUse
    from aigc_core.run.guarded import guarded
    from aigc_core.run.speak import spoken as speak

    ((text,),) = speak(model, range(1), seed=0, batch_size=1, options=options)
    language = model.language
    assert language is not None
    tokens, scored = [], np.zeros(0, np.float32)
    try:
        scores = guarded(model.entry, "score a text with", lambda: language.score(text.text))
        tokens, scored = list(scores.tokens), np.asarray(scores.logprobs, np.float32)
    except WrongUse:
        pass  # a text of no token
    if len(tokens) - len(scored) not in (0, 1):
        raise NotAvailable(f"{model.manifest.id} scores {len(tokens)} tokens with {len(scored)} numbers.")
    return {
        "tokens": np.array(text.tokens, np.int64),
        "logprobs": np.array(text.logprobs, np.float32),
        "text": np.frombuffer(text.text.encode(), np.uint8),
        "scored_tokens": np.array(tokens, np.int64),
        "scored": scored,
    }
