"""The seconds that each recorded cause took in each row of a stage, from its attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liftlab.analysis import outliers
from liftlab.analysis.columns import Bools, Floats, floats, is_false, is_true, labels

QUEUE = "queue"
COLD = "cold start"
BACKOFF = "back-off"
CONNECT = "connecting again"
OUTPUT_TOKENS = "output tokens"
RETRY = "retry"  # followed by its reason, where that is known

Indices = NDArray[np.intp]


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
        Whether every attempt of the row has its times, and its output tokens.
    cold
        Whether a cold start is flagged, timed or not.
    longest
        The row with an attempt of more output tokens than any other row has; -1 for none.
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
    cold: Bools
    longest: int
    expected: Floats
    has_line: bool

    def of(self, rows: Indices, typical: float) -> dict[str, Floats]:
        """Return seconds by cause of these rows; a retry only counted costs a typical attempt."""
        seconds = {cause: values[rows] for cause, values in self.seconds.items()}
        for cause, retries in self.retries.items():
            counted = np.where(self.timed[rows], 0.0, retries[rows] * typical)
            seconds[cause] = seconds.get(cause, np.zeros(len(rows))) + counted
        return seconds

    def only_here(self, row: int) -> bool:
        """Whether a bare flag is all that is known of the cause, and no other row has it."""
        if self.counts[row] > 1:
            return int((self.counts > 1).sum()) == 1
        return bool(self.cold[row]) and int(self.cold.sum()) == 1


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
    mine, row = _attempts_of(frame, attempts)
    first, last = _ends(row)
    spans = _Spans(mine)
    tokens = floats(mine, "output_tokens")
    line = _line(spans.service, tokens)
    expected = spans.service.copy()
    if line is not None:
        along = line[0] + line[1] * tokens
        expected = np.where(np.isfinite(along), along, expected)
    counts = floats(frame, "attempts")
    here = np.bincount(row, minlength=n).astype(np.float64)
    counts = np.where(np.isnan(counts) & (here > 0), here, counts)
    timed = _all(np.isfinite(spans.service), row, n)
    drew_none = np.isnan(tokens) & is_false(mine, "transport_ok")
    has_tokens = timed & _all(np.isfinite(tokens) | drew_none, row, n)
    seconds = {
        QUEUE: _sum(spans.queue, row, timed),
        COLD: _sum(spans.cold, row, timed),
        BACKOFF: _sum(np.where(first, 0.0, spans.backoff), row, timed),
        CONNECT: _sum(np.where(first, 0.0, spans.connect), row, timed),
    }
    retries = _retries(mine, row, last, counts)
    for cause, where in _retried(mine, row, last).items():
        seconds[cause] = _sum(np.where(where, expected, 0.0), row, timed)
    if line is not None:
        seconds[OUTPUT_TOKENS] = _sum(np.where(last, line[1] * tokens, 0.0), row, has_tokens)
    total = sum(seconds.values(), np.zeros(n)) + (line[0] if line else np.nan)
    return Causes(
        seconds=seconds,
        retries=retries,
        counts=counts,
        timed=timed,
        has_tokens=has_tokens,
        cold=_cold(frame, trials, mine, row),
        longest=_longest(tokens, row, n),
        expected=np.where(has_tokens, total, np.nan),
        has_line=line is not None,
    )


class _Spans:
    """Spans of each attempt, in seconds; what was not measured is zero, service excepted."""

    def __init__(self, attempts: pd.DataFrame) -> None:
        self.queue = _known(attempts, "queue_s")
        self.cold = _known(attempts, "cold_s")
        self.backoff = _known(attempts, "backoff_before_s")
        self.connect = sum(
            (_known(attempts, name) for name in ("pool_s", "dns_s", "tcp_s", "tls_s")),
            np.zeros(len(attempts)),
        )
        # A failed attempt has no last byte, but it took until it was given up.
        ended = floats(attempts, "last_byte_s")
        ended = np.where(np.isnan(ended), floats(attempts, "ended_s"), ended)
        begun = floats(attempts, "sent_s")
        never_sent = np.isnan(begun) & np.isfinite(ended)
        whole = np.where(never_sent, 0.0, ended - begun)  # connecting is a cause of its own
        self.service: Floats = whole - self.queue - self.cold
        self.service[~(self.service >= 0)] = np.nan  # clocks that disagree measure nothing


def _attempts_of(frame: pd.DataFrame, attempts: pd.DataFrame) -> tuple[pd.DataFrame, Indices]:
    """Return this stage's attempts in order of row and time, and the row of each."""
    keys = pd.MultiIndex.from_arrays([labels(frame, "case_id"), floats(frame, "repeat")])
    kept = attempts
    if len(kept):
        kept = kept[(labels(kept, "stage") == frame["stage"].iloc[0]) & ~is_true(kept, "abandoned")]
        kept = kept[np.isin(labels(kept, "phase").astype(str), ("measure", "None"))]
    pairs = pd.MultiIndex.from_arrays([labels(kept, "case_id"), floats(kept, "repeat")])
    row = keys.get_indexer_for(pairs) if keys.is_unique else _first_of(keys, pairs)
    order = np.lexsort((floats(kept, "seq"), floats(kept, "attempt"), row))
    order = order[row[order] >= 0]
    return kept.iloc[order], np.asarray(row[order], dtype=np.intp)


def _first_of(keys: pd.MultiIndex, pairs: pd.MultiIndex) -> Indices:
    places: dict[Any, int] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, place)
    return np.array([places.get(pair, -1) for pair in pairs], dtype=np.intp)


def _ends(row: Indices) -> tuple[Bools, Bools]:
    """Return where an attempt is its row's first, and its last; rows are sorted."""
    change = row[1:] != row[:-1]
    edge = np.ones(min(1, len(row)), dtype=np.bool_)
    return np.concatenate([edge, change]), np.concatenate([change, edge])


def _line(service: Floats, tokens: Floats) -> tuple[float, float] | None:
    known = np.isfinite(service) & np.isfinite(tokens)
    if known.sum() < outliers.FIT_NEEDS:
        return None
    return outliers.theil_sen(tokens[known], service[known])


def _retried(attempts: pd.DataFrame, row: Indices, last: Bools) -> dict[str, Bools]:
    """Return by retry cause which attempts were in vain: the next one says why it was made."""
    reasons = labels(attempts, "retry_reason")
    following = np.concatenate([reasons[1:], [None] * min(1, len(reasons))])
    names = np.array([retry_cause(reason) for reason in following], dtype=object)
    found = dict.fromkeys(names[~last])
    return {name: (names == name) & ~last for name in found}


def _retries(
    attempts: pd.DataFrame, row: Indices, last: Bools, counts: Floats
) -> dict[str, Floats]:
    n = len(counts)
    found = {
        name: np.bincount(row, weights=where, minlength=n).astype(np.float64)
        for name, where in _retried(attempts, row, last).items()
    }
    told = sum(found.values(), np.zeros(n))
    untold = np.clip(np.nan_to_num(counts) - 1 - told, 0, None)
    if untold.any():
        found[RETRY] = found.get(RETRY, np.zeros(n)) + untold
    return found


def retry_cause(reason: object) -> str:
    """Name the cause "retry" with its reason, if that is known.

    Examples
    --------
    >>> retry_cause("http_429"), retry_cause(None)
    ('retry: http_429', 'retry')
    """
    return f"{RETRY}: {reason}" if reason else RETRY


def _cold(frame: pd.DataFrame, trials: pd.DataFrame, attempts: pd.DataFrame, row: Indices) -> Bools:
    flagged = np.zeros(len(frame), dtype=np.bool_)
    flagged[row[is_true(attempts, "cold")]] = True
    if len(attempts) == 0 and len(trials):  # a source that knows trials only
        cold = trials[is_true(trials, "cold")]
        known = set(zip(labels(cold, "case_id"), floats(cold, "repeat"), strict=True))
        pairs = zip(labels(frame, "case_id"), floats(frame, "repeat"), strict=True)
        flagged |= np.array([pair in known for pair in pairs], dtype=np.bool_)
    return flagged


def _all(condition: Bools, row: Indices, n: int) -> Bools:
    """Return for each row whether it has attempts and the condition holds for all of them."""
    total = np.bincount(row, minlength=n)
    held = np.bincount(row, weights=condition, minlength=n)
    return np.asarray((total > 0) & (held == total), dtype=np.bool_)


def _sum(seconds: Floats, row: Indices, where: Bools) -> Floats:
    total = np.bincount(row, weights=np.nan_to_num(seconds), minlength=len(where))
    return np.where(where, total, 0.0)


def _longest(tokens: Floats, row: Indices, n: int) -> int:
    largest = np.full(n, -np.inf)
    known = np.isfinite(tokens)
    np.maximum.at(largest, row[known], tokens[known])
    found = np.sort(largest[np.isfinite(largest)])
    if len(found) < 2 or found[-1] == found[-2]:
        return -1
    return int(np.argmax(largest))


def _known(frame: pd.DataFrame, name: str) -> Floats:
    return np.nan_to_num(floats(frame, name))
