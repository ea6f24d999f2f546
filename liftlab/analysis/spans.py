"""What was measured of each attempt of a stage: its spans and its tokens.

A span that a source does not give is derived where others imply it, else it is zero: time that
nothing accounts for then stays in the service, and shows there as unexplained.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from liftlab.analysis.columns import (
    LARGEST,
    SMALLEST,
    Bools,
    Floats,
    Indices,
    floats,
    is_true,
    labels,
)
from liftlab.records import STALE


class Spans:
    """Spans in seconds of attempts in order of row and time; arrays are (m,).

    `row` is the row of the stage's frame that each belongs to, sorted; `latency` that of each row
    of the frame: what a row's only attempt took, if it has no times itself.
    """

    def __init__(self, attempts: pd.DataFrame, row: Indices, latency: Floats) -> None:
        self.row = row
        change, edge = row[1:] != row[:-1], [True] * min(1, len(row))  # rows are sorted
        self.first: Bools = np.concatenate([edge, change]).astype(np.bool_)
        self.last: Bools = np.concatenate([change, edge]).astype(np.bool_)
        self.reason = labels(attempts, "retry_reason")
        self.stale = labels(attempts, "error_class") == STALE
        self.output = _numbers(attempts, "output_tokens")
        self.prompt = _numbers(attempts, "prompt_tokens")
        self.cached = _numbers(attempts, "cached_tokens")
        self.uncached: Floats = np.clip(self.prompt - np.nan_to_num(self.cached), 0, None)
        connecting = ("pool_s", "dns_s", "tcp_s", "tls_s")
        self.connect = sum((_known(attempts, name) for name in connecting), np.zeros(len(row)))
        self.gap = _known(attempts, "max_gap_s")  # a reply read at once has none
        self.schema = _known(attempts, "compile_s")
        self.server = _numbers(attempts, "server_s")
        self.is_cold = is_true(attempts, "cold")
        sent, ended = _numbers(attempts, "sent_s"), _numbers(attempts, "last_byte_s")
        ended = np.where(np.isnan(ended), _numbers(attempts, "ended_s"), ended)
        self.backoff = self._backoff(attempts, sent, ended)
        whole = self._whole(sent, ended, latency)
        self._waits(attempts, sent, whole)
        waits = self.queue + self.cold + self.schema
        self.prefill = _numbers(attempts, "prefill_s")
        self.prefill[~((self.prefill >= 0) & (self.prefill <= whole - waits))] = np.nan
        tokens = [_numbers(attempts, name) for name in ("first_token_s", "first_reasoning_s")]
        self.head: Floats = np.fmin(*tokens) - sent - waits  # of a streamed reply
        self.net: Floats = whole - waits
        self.net[~(self.net >= 0)] = np.nan  # clocks that disagree measure nothing
        # What the tokens account for, or nothing does.
        self.service: Floats = self.net - np.nan_to_num(self.prefill)

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
    keys, kept = keys_of(frame), attempts
    if len(kept):
        phase = labels(kept, "phase")
        counted = (phase == "measure") | (phase == None)  # noqa: E711  # elementwise
        counted &= labels(kept, "stage") == frame["stage"].iloc[0]
        kept = kept[counted & ~is_true(kept, "abandoned")]
    unique = ~keys.duplicated()
    place = keys[unique].get_indexer(keys_of(kept))
    row = np.where(place < 0, -1, np.flatnonzero(unique)[place])
    order = np.lexsort((floats(kept, "seq"), floats(kept, "attempt"), row))
    order = order[row[order] >= 0]
    return kept.iloc[order], np.asarray(row[order], dtype=np.intp)


def keys_of(frame: pd.DataFrame) -> pd.MultiIndex:
    """Return which trial each row is of: its case and repeat."""
    return pd.MultiIndex.from_arrays([labels(frame, "case_id"), floats(frame, "repeat")])


def _known(frame: pd.DataFrame, name: str) -> Floats:
    return np.nan_to_num(_numbers(frame, name))


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column; what is too large for arithmetic is as good as missing, too small is 0."""
    values = floats(frame, name)
    size = np.abs(values)
    return np.where(size < LARGEST, np.where(size < SMALLEST, 0.0, values), np.nan)
