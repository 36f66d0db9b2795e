"""Why a push failed, in one sentence, whatever the client raised."""

from __future__ import annotations

import re

from aigc_core.errors import NotAvailable, Refused, ZooError
from aigc_core.hub import client


def explained(error: Exception, repo_id: str) -> ZooError:
    """Return the one error that a failure of the client ends in."""
    answer = status(error)
    if answer == 401:
        return NotAvailable(
            "The Hub does not know the token, so nothing was pushed.",
            "Renew it, and set HF_TOKEN or log in with it: hf auth login",
        )
    if answer == 403:
        return Refused(
            f"This login may not write to {repo_id}, so nothing was pushed.",
            "Use a token that may write, and a namespace of your own or of an organisation that lets you.",
        )
    if answer == 412:
        return NotAvailable(f"Others kept committing to {repo_id}, so nothing was pushed.", "Try again.")
    if isinstance(error, ValueError) and "metadata in README.md" in str(error):
        reason = " ".join(str(error).partition("\n")[2].split()).lstrip("- ")[:300]
        return Refused(f"The Hub does not take the front matter of README.md: {reason.rstrip('.')}.", "Correct it.")
    if answer:
        return client.explain(error, repo_id)
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = re.sub(r"\?\S+", "?...", " ".join(f"{type(cause).__name__}: {cause}".split()))  # a signed link is a secret
    hint = f"Check the connection to {client.endpoint()} and try again; what has arrived is not sent twice."
    return NotAvailable(f"The push to {repo_id} failed: {reason[:200].rstrip('.: ')}.", hint)


def status(error: BaseException) -> int:
    """Return the HTTP status that an error of the client stands for; 0 where it is of another kind."""
    found = getattr(getattr(error, "response", None), "status_code", 0)
    return found if isinstance(found, int) else 0
