"""What an answer ended with: the server's failure, the model's, or neither."""

from __future__ import annotations

from liftlab.endpoints.replies import ModelFailure, ReplyError

# In lower case; gateways hand on what the provider behind them says.
_LENGTH = frozenset({"length", "max_tokens", "model_length"})
_FAILED = frozenset({"error", "json_error", "abort", "aborted", "cancelled", "other"})
_REFUSED = frozenset({"refusal"})
_FILTERED = frozenset(
    {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"}
)


def check_finish(reason: object, max_tokens: int, *, thinks: bool = False, words: str = "") -> None:
    """Raise what a finish reason says went wrong, if it says so.

    Raises ReplyError of class `reported_error` or `length`. Raises ModelFailure if the model
    refused, or what it wrote was filtered.

    Parameters
    ----------
    thinks
        Whether the answer had not begun: all that there is of it is reasoning.
    words
        What else the server says of it.
    """
    ended = reason.lower() if isinstance(reason, str) else ""
    if ended in _FAILED:
        said = (
            f"the server says: {words}" if words else f"the server broke the answer off ({ended})"
        )
        raise ReplyError("reported_error", said)
    if ended in _FILTERED:
        raise ModelFailure("content_filter", f"the answer was filtered ({ended})")
    if ended in _REFUSED:
        raise ModelFailure("refusal", "the model refuses")
    if ended in _LENGTH:
        said = f"cut off at {max_tokens} tokens" + (", while reasoning" if thinks else "")
        raise ReplyError("length", said, "reasoning_unfinished" if thinks else None)
