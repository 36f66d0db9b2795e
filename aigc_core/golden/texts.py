"""Two outputs of a text model: how far apart its log-probabilities are, and where its text first goes another way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.golden.form import number

if TYPE_CHECKING:
    import numpy as np


def compare_texts(stored: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray], atol: float) -> tuple[str, Any]:
    """Return what is wrong in a sentence, empty where nothing is, and the evidence.

    A text that goes another way is wrong, unless the two tokens were as good as equal there: within twice ``atol``
    nats, each may be first.
    """
    if "tokens" not in stored:
        return _compare_whole(stored["text"].tobytes(), now["text"].tobytes())
    details: dict[str, Any] = {"atol": atol, "tokens": len(stored["tokens"])}
    problem = _compare_scores(stored, now, atol, details)
    if (divergence := first_divergence(stored, now)) is not None:
        details["first_divergence"] = divergence
        gap = _gap(divergence)
        if gap is None or not gap <= 2 * atol:
            problem = problem or _told(divergence)
    return problem, details


def _compare_scores(
    stored: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray], atol: float, details: dict[str, Any]
) -> str:
    """Compare ln p of the tokens that both texts begin with: given the same tokens before, they must agree."""
    import numpy as np

    largest, told = 0.0, ""
    for tokens, logprobs in (("tokens", "logprobs"), ("scored_tokens", "scored")):
        shared = _shared(stored[tokens], now[tokens]) - (len(stored[tokens]) - len(stored[logprobs]))
        shared = max(0, min(shared, len(stored[logprobs]), len(now[logprobs])))
        if not shared:
            continue
        with np.errstate(invalid="ignore"):
            off = np.abs(now[logprobs][:shared].astype(np.float64) - stored[logprobs][:shared])
        off = np.where(np.isnan(off), np.inf, off)
        place = int(off.argmax())
        largest = max(largest, float(off[place]))
        if not off[place] <= atol:
            was, is_now = (side[logprobs][place] for side in (stored, now))
            details["worst"] = {"of": logprobs, "at": place, "stored": number(was), "now": number(is_now)}
            told = (
                f"The log-probability of token {place} is {is_now:.6g}, stored is {was:.6g}, further away than "
                f"{atol:g} nats."
            )
    details["largest"] = number(largest)
    return told


def first_divergence(stored: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """Return the place of the first token that is another, with both tokens and ln p of each; None where none is."""
    place = _shared(stored["tokens"], now["tokens"])
    if place == max(len(stored["tokens"]), len(now["tokens"])):
        return None
    found: dict[str, Any] = {"at": place}
    for name, side in (("stored", stored), ("now", now)):
        there = place < len(side["tokens"])
        found[name] = {
            "token": int(side["tokens"][place]) if there else None,
            "logprob": number(side["logprobs"][place]) if there else None,
        }
    return found


def _gap(divergence: Mapping[str, Any]) -> float | None:
    """Return how far apart in nats the two tokens were; None where one text had ended or has no number there."""
    sides = [divergence[name]["logprob"] for name in ("stored", "now")]
    return None if None in sides else abs(sides[0] - sides[1])


def _told(divergence: Mapping[str, Any]) -> str:
    def side(found: Mapping[str, Any]) -> str:
        if found["token"] is None:
            return "the end"
        known = "no number" if found["logprob"] is None else f"{found['logprob']:.6g}"
        return f"token {found['token']} (ln p {known})"

    stored, now = (side(divergence[name]) for name in ("stored", "now"))
    return f"The text goes another way at token {divergence['at']}: {now}, stored is {stored}."


def _shared(one: np.ndarray, other: np.ndarray) -> int:
    """Return how many tokens two texts begin with in common."""
    length = min(len(one), len(other))
    differ = (one[:length] != other[:length]).nonzero()[0]
    return int(differ[0]) if len(differ) else length


def _compare_whole(stored: bytes, now: bytes) -> tuple[str, Any]:
    if stored == now:
        return "", {"characters": len(stored)}
    was, is_now = stored.decode(errors="replace"), now.decode(errors="replace")
    length = min(len(was), len(is_now))
    place = next((at for at in range(length) if was[at] != is_now[at]), length)
    shown = [repr(text[max(0, place - 20) : place + 20]) for text in (is_now, was)]
    return f"The text differs from character {place} on: {shown[0]}, stored is {shown[1]}.", {"first_divergence": place}
