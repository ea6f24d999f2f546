"""What is known of each attempt of a stage: its spans, its tokens, and the line that joins them.

A span that a source does not give is derived where others imply it, else it is zero: time that
nothing accounts for then stays in the service, and shows there as unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.samples import LARGEST, SMALLEST, Indices

_SURE = 0.99  # that prompts cost time, before any is put down to them
_STALLED = 1.5  # times its line from which an attempt's own server time shows a stall


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Seconds of service that tokens take: base + a slope for output, and one for the prompt."""

    base: float
    output: float
    prompt: float

    def along(self, output: Floats, prompt: Floats) -> Floats:
        """Return what so many tokens take; prompts that are not known count as none."""
        return self.base + self.output * output + self.prompt * np.nan_to_num(prompt)


class Spans:
    """Spans in seconds of attempts in order of row and time; arrays are (m,).

    Parameters
    ----------
    attempts
        Attempts of one stage.
    row : (m,)
        The row of the stage's frame that each belongs to; sorted.
    latency
        Of each row of that frame: what a row's only attempt took, if it has no times itself.
    """

    def __init__(self, attempts: pd.DataFrame, row: Indices, latency: Floats) -> None:
        self.row = row
        self.first, self.last = _ends(row)
        self.reason = labels(attempts, "retry_reason")
        self.output = _numbers(attempts, "output_tokens")
        self.prompt = _numbers(attempts, "prompt_tokens") - _known(attempts, "cached_tokens")
        self.connect = sum(
            (_known(attempts, name) for name in ("pool_s", "dns_s", "tcp_s", "tls_s")),
            np.zeros(len(row)),
        )
        self.gap = _known(attempts, "max_gap_s")  # a reply read at once has none
        self.server = _numbers(attempts, "server_s")
        self.is_cold = is_true(attempts, "cold")
        sent, ended = _numbers(attempts, "sent_s"), _numbers(attempts, "last_byte_s")
        ended = np.where(np.isnan(ended), _numbers(attempts, "ended_s"), ended)
        self.backoff = self._backoff(attempts, sent, ended)
        whole = self._whole(sent, ended, latency)
        self._waits(attempts, sent, whole)
        self.service: Floats = whole - self.queue - self.cold
        self.service[~(self.service >= 0)] = np.nan  # clocks that disagree measure nothing
        self.line = _line(self)

    @property
    def expected(self) -> Floats:
        """Seconds of service along the line; what was measured where tokens are not known."""
        if self.line is None:
            return self.service
        along = self.line.along(self.output, self.prompt)
        return np.where(np.isfinite(along), along, self.service)

    @property
    def stall(self) -> Floats:
        """Seconds over the line that a gap in the reply or the server's own time shows."""
        typical = self.expected if self.line is not None else _median(self.service)
        over = np.clip(np.nan_to_num(self.service - typical), 0, None)
        gap = self.gap - _median(self.gap)
        told = np.zeros(len(over))
        if self.line is not None:
            slow = self.service >= _STALLED * typical
            told = np.where(slow, np.nan_to_num(self.server - typical), 0.0)
        return np.clip(np.minimum(over, np.maximum(gap, told)), 0, None)

    def _backoff(self, attempts: pd.DataFrame, sent: Floats, ended: Floats) -> Floats:
        """Return the wait before each attempt but the first, between two that have times."""
        between = np.zeros(len(sent))
        between[1:] = np.clip(np.nan_to_num(sent[1:] - ended[:-1] - self.connect[1:]), 0, None)
        given = _numbers(attempts, "backoff_before_s")
        waited: Floats = np.where(self.first, 0.0, np.where(np.isnan(given), between, given))
        return waited

    def _whole(self, sent: Floats, ended: Floats, latency: Floats) -> Floats:
        """Return each attempt's seconds; one without an end lasted until the next was prepared."""
        until = np.full(len(sent), np.nan)
        until[:-1] = sent[1:] - self.backoff[1:] - self.connect[1:]
        until[self.last] = np.nan
        whole = np.where(np.isnan(ended), until, ended) - sent
        whole[np.isnan(sent) & np.isfinite(ended)] = 0.0  # never sent: it only tried to connect
        alone = self.first & self.last & np.isnan(whole)
        whole[alone] = latency[self.row[alone]]
        return whole

    def _waits(self, attempts: pd.DataFrame, sent: Floats, whole: Floats) -> None:
        """Set the waits for a slot and for the model; together no longer than the attempt."""
        cold, queue = _numbers(attempts, "cold_s"), _numbers(attempts, "queue_s")
        waited = _numbers(attempts, "first_byte_s") - sent - self.server - np.nan_to_num(cold)
        idle = np.clip(np.nan_to_num(waited), 0, None)
        queue = np.where(np.isnan(queue), idle, queue)
        # Of a cold attempt without a span of its own, the wait for its first byte is the start.
        untold = self.is_cold & np.isnan(cold)
        self.bare_cold = untold & np.isnan(waited)
        self.cold = np.where(untold, np.maximum(queue, idle), np.nan_to_num(cold))
        queue = np.where(untold, 0.0, queue)
        # Waits that are longer than the attempt overlap: the queue then holds the start, too.
        overlap = np.where(queue + self.cold > whole, self.cold, 0.0)
        self.queue = np.clip(queue - overlap, 0, None)


def attempts_of(frame: pd.DataFrame, attempts: pd.DataFrame) -> tuple[pd.DataFrame, Indices]:
    """Return the measured attempts of a stage's rows in order of row and time, and their rows."""
    keys = pd.MultiIndex.from_arrays([labels(frame, "case_id"), floats(frame, "repeat")])
    kept = attempts
    if len(kept):
        phase = labels(kept, "phase")
        counted = (phase == "measure") | (phase == None)  # noqa: E711  # elementwise
        kept = kept[
            (labels(kept, "stage") == frame["stage"].iloc[0])
            & ~is_true(kept, "abandoned")
            & counted
        ]
    pairs = pd.MultiIndex.from_arrays([labels(kept, "case_id"), floats(kept, "repeat")])
    unique = ~keys.duplicated()
    row = np.flatnonzero(unique)[keys[unique].get_indexer(pairs)]
    row = np.where(keys[unique].get_indexer(pairs) < 0, -1, row)
    order = np.lexsort((floats(kept, "seq"), floats(kept, "attempt"), row))
    order = order[row[order] >= 0]
    return kept.iloc[order], np.asarray(row[order], dtype=np.intp)


def _ends(row: Indices) -> tuple[Bools, Bools]:
    """Return where an attempt is its row's first, and its last; rows are sorted."""
    change = row[1:] != row[:-1]
    edge = np.ones(min(1, len(row)), dtype=np.bool_)
    return np.concatenate([edge, change]), np.concatenate([change, edge])


def _line(spans: Spans) -> Line | None:
    """Fit service along output tokens, and along prompt tokens where those surely cost time."""
    known = np.isfinite(spans.service) & np.isfinite(spans.output)
    if known.sum() < outliers.FIT_NEEDS:
        return None
    output, service = spans.output[known], spans.service[known]
    base, slope = outliers.theil_sen(output, service)
    prompt = spans.prompt[known]
    if not np.isfinite(prompt).all() or np.ptp(prompt) == 0:
        return Line(base=base, output=slope, prompt=0.0)
    chosen = outliers.fit_sample(len(prompt))
    rest = (service - slope * output)[chosen]
    found = stats.theilslopes(rest, prompt[chosen], alpha=_SURE)
    if not found.low_slope > 0:
        return Line(base=base, output=slope, prompt=0.0)
    base, slope = outliers.theil_sen(output, service - found.slope * prompt)
    return Line(base=base, output=slope, prompt=float(found.slope))


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _known(frame: pd.DataFrame, name: str) -> Floats:
    return np.nan_to_num(_numbers(frame, name))


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column; what is too large for arithmetic is as good as missing, too small is 0."""
    values = floats(frame, name)
    size = np.abs(values)
    return np.where(size < LARGEST, np.where(size < SMALLEST, 0.0, values), np.nan)
