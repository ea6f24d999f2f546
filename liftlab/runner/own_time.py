"""What liftlab did itself while a trial went on: time that is not the endpoint's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from liftlab.records import Attempt


def client_s(attempts: Sequence[Attempt]) -> float | None:
    """Return how long liftlab worked between the first sent and the last byte of some attempts.

    That is from the end of each exchange to the next call (reading the reply, parsing in the
    sandbox, writing rows, building the prompt), less the pause before that call. None where
    nothing was sent.

    Examples
    --------
    >>> first = Attempt(run_id="r", seq=1, sent_s=0.0, ended_s=1.0)
    >>> again = Attempt(run_id="r", seq=2, called_s=2.0, sent_s=2.0, backoff_before_s=0.75)
    >>> client_s([first, again]), client_s([first]), client_s([])
    (0.25, 0.0, None)
    """
    sent = [attempt.sent_s is not None for attempt in attempts]
    if not any(sent):
        return None
    total_s = 0.0
    for before, after in pairwise(attempts[sent.index(True) :]):
        if before.ended_s is not None and after.called_s is not None:
            between_s = after.called_s - before.ended_s - (after.backoff_before_s or 0.0)
            total_s += max(0.0, between_s)
    return total_s
