"""What liftlab did itself while a trial went on: time that is not the endpoint's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from liftlab.pipeline.base import ParseSource
from liftlab.records import Attempt
from liftlab.sandbox import ParseReport


class Work:
    """Times what a stage's own methods do; no time of an attempt has it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of a block."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began_s

    def without(self, parse_source: ParseSource) -> ParseSource:
        """Return a parser whose own time is taken off: it waits for the sandbox."""

        def parse(source: bytes) -> ParseReport:
            began_s = time.perf_counter()
            try:
                return parse_source(source)
            finally:
                self.seconds -= time.perf_counter() - began_s

        return parse


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
