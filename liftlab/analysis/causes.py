"""The seconds that each recorded cause took in each row of a stage, from its attempts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.samples import group_sums
from liftlab.analysis.spans import Spans, attempts_of

QUEUE = "queue"
COLD = "cold start"
BACKOFF = "back-off"
CONNECT = "connecting again"
PROMPT_TOKENS = "prompt tokens"
OUTPUT_TOKENS = "output tokens"
STALL = "server stall"
RETRY = "retry"  # followed by its reason, where that is known

_FAR = 0.5  # leverage from which a point of the line in tokens fits itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Causes:
    """What is known of n rows of one stage; arrays are (n,).

    Parameters
    ----------
    seconds
        By cause, what it took; zero where it did not occur or was not measured.
    retries
        By retry cause, how many.
    counts
        Attempts; NaN where not known.
    timed, has_tokens
        Whether every attempt of the row has its times, and the last one its output tokens.
    bare_cold
        Whether a cold start is flagged that no span shows.
    far
        Whether an attempt has far more output tokens than any other row's.
    expected
        Seconds for all that was measured, along the line in tokens; NaN where not known.
    has_line
        Whether enough attempts have tokens for that line.
    """

    seconds: dict[str, Floats]
    retries: dict[str, Floats]
    counts: Floats
    timed: Bools
    has_tokens: Bools
    bare_cold: Bools
    far: Bools
    expected: Floats
    has_line: bool

    def of(self, typical: Floats) -> dict[str, Floats]:
        """Return seconds by cause; a retry only counted costs a typical attempt."""
        seconds = dict(self.seconds)
        for cause, retries in self.retries.items():
            counted = np.where(self.timed, 0.0, retries * typical)
            seconds[cause] = seconds.get(cause, np.zeros(len(typical))) + counted
        return seconds

    def only_here(self) -> Bools:
        """Return where a bare flag is all that is known of the cause, and no other row has it."""
        retried = ~self.timed & (self.counts > 1)
        lone_retry = retried & (int((self.counts > 1).sum()) == 1)
        lone_cold = self.bare_cold & (int(self.bare_cold.sum()) == 1)
        return np.where(retried, lone_retry, lone_cold)


def measured_causes(frame: pd.DataFrame, trials: pd.DataFrame, attempts: pd.DataFrame) -> Causes:
    """Sum what the attempts of one stage's rows say, by cause.

    Parameters
    ----------
    frame
        Rows of one stage, indexed 0 to n - 1, with the columns of the stage table.
    trials, attempts
        The other tables; warm-up and abandoned attempts are passed over.
    """
    n = len(frame)
    mine, row = attempts_of(frame, attempts)
    spans = Spans(mine, row, floats(frame, "latency_s"))
    here = group_sums(np.ones(len(row)), row, n)
    counts = floats(frame, "attempts")
    counts = np.where(np.isnan(counts) & (here > 0), here, counts)
    timed = (here > 0) & (group_sums(~np.isfinite(spans.service), row, n) == 0)
    has_tokens = timed & (group_sums(spans.last & np.isfinite(spans.output), row, n) > 0)
    seconds, retries = _seconds(spans, n, timed, has_tokens), _retries(spans, counts)
    base = spans.line.base if spans.line else np.nan
    total = sum(seconds.values(), np.zeros(n)) + base
    if spans.line and not spans.line.prompt:
        del seconds[PROMPT_TOKENS]
    bare = _bare_cold(frame, trials, spans)
    _add_bare_cold(seconds, floats(frame, "latency_s") - total, bare)
    return Causes(
        seconds=seconds,
        retries=retries,
        counts=counts,
        timed=timed,
        has_tokens=has_tokens,
        bare_cold=bare,
        far=_far(spans, n),
        expected=np.where(has_tokens, sum(seconds.values(), np.zeros(n)) + base, np.nan),
        has_line=spans.line is not None,
    )


def retry_cause(reason: object) -> str:
    """Name the cause "retry" with its reason, if that is known.

    Examples
    --------
    >>> retry_cause("http_429"), retry_cause(None)
    ('retry: http_429', 'retry')
    """
    return f"{RETRY}: {reason}" if reason else RETRY


def _seconds(spans: Spans, n: int, timed: Bools, has_tokens: Bools) -> dict[str, Floats]:
    """Return seconds by cause; time in vain is a retry's, tokens are those of the last attempt."""
    row = spans.row
    seconds = {
        QUEUE: group_sums(spans.queue, row, n),
        COLD: group_sums(spans.cold, row, n),
        BACKOFF: group_sums(spans.backoff, row, n),
        CONNECT: group_sums(np.where(spans.first, 0.0, spans.connect), row, n),
        STALL: group_sums(spans.stall, row, n),
    }
    vain = np.nan_to_num(spans.expected)
    for cause, where in _retried(spans).items():
        seconds[cause] = np.where(timed, group_sums(np.where(where, vain, 0.0), row, n), 0.0)
    if spans.line is not None:
        for cause, slope, tokens in (
            (OUTPUT_TOKENS, spans.line.output, spans.output),
            (PROMPT_TOKENS, spans.line.prompt, spans.prompt),
        ):
            along = np.where(spans.last, slope * np.nan_to_num(tokens), 0.0)
            seconds[cause] = np.where(has_tokens, group_sums(along, row, n), 0.0)
    return seconds


def _retried(spans: Spans) -> dict[str, Bools]:
    """Return by retry cause which attempts were in vain: the next one says why it was made."""
    vain = np.flatnonzero(~spans.last)
    names = np.array([retry_cause(reason) for reason in spans.reason[vain + 1]], dtype=object)
    found = {}
    for name in dict.fromkeys(names):
        found[name] = np.zeros(len(spans.row), dtype=np.bool_)
        found[name][vain[names == name]] = True
    return found


def _retries(spans: Spans, counts: Floats) -> dict[str, Floats]:
    n = len(counts)
    found = {name: group_sums(where, spans.row, n) for name, where in _retried(spans).items()}
    told = sum(found.values(), np.zeros(n))
    untold = np.clip(np.nan_to_num(counts) - 1 - told, 0, None)
    if untold.any():
        found[RETRY] = found.get(RETRY, np.zeros(n)) + untold
    return found


def _bare_cold(frame: pd.DataFrame, trials: pd.DataFrame, spans: Spans) -> Bools:
    """Return the rows of which a cold start is known by a flag only."""
    flagged = np.zeros(len(frame), dtype=np.bool_)
    flagged[spans.row[spans.bare_cold]] = True
    if len(spans.row) == 0 and len(trials):  # a source that knows trials only
        cold = trials[is_true(trials, "cold")]
        known = set(zip(labels(cold, "case_id"), floats(cold, "repeat"), strict=True))
        pairs = zip(labels(frame, "case_id"), floats(frame, "repeat"), strict=True)
        flagged |= np.array([pair in known for pair in pairs], dtype=np.bool_)
    return flagged


def _add_bare_cold(seconds: dict[str, Floats], left: Floats, bare: Bools) -> None:
    """Put down to cold starts without a span what the rows that have one have in common."""
    known = bare & np.isfinite(left)
    if known.sum() > 1:
        common = float(np.median(left[known]))
        seconds[COLD] = seconds[COLD] + np.where(known, np.clip(left, 0, max(0.0, common)), 0.0)


def _far(spans: Spans, n: int) -> Bools:
    """Return the rows with an attempt that lies so far out in tokens that the line fits itself."""
    far = np.zeros(n, dtype=np.bool_)
    known = np.isfinite(spans.output)
    if known.any() and np.ptp(spans.output[known]) > 0:
        off = spans.output - spans.output[known].mean()
        leverage = off**2 / float((off[known] ** 2).sum()) + 1 / int(known.sum())
        far[spans.row[known & (leverage > _FAR) & (off > 0)]] = True
    return far
