"""Why steps take longer than their peers: the closed list of causes, and seconds over by cause.

Times that were measured come first, in the order of `CAUSES`; what tokens are expected to cost
comes last. Each cause holds what it took over the peers' median of the same, at most what is left
of the excess, and never less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liftlab.analysis.columns import (
    Bools,
    Floats,
    Indices,
    floats,
    group_medians,
    group_sums,
    indexed,
    is_true,
    labels,
)
from liftlab.analysis.spans import Spans, attempts_of, keys_of
from liftlab.analysis.token_costs import TokenCosts, fit_costs

Cause = Literal[
    "queue",
    "cold_start",
    "connect",
    "back_off",
    "schema_compile",
    "prefill",  # the server took longer over a prompt that was as long and as cached as usual
    "uncached_prompt",
    "longer_prompt",
    "stall",  # a gap in the reply
    "retry",
    "longer_answer",
]
Kind = Literal[Cause, "unexplained"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
KINDS: tuple[Kind, ...] = (*CAUSES, "unexplained")
Probably = Literal["", "uncached_prompt", "cold_start"]

REPEATS_NEEDED = 3  # of a case, to compare it with itself
PEERS_NEEDED = 3
_HEAD = 0.8  # of what is left, that the wait for the first token holds
_CHEAPER = 0.25  # a prompt token costs less than this part of an output token


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accounts:
    """What is known of n steps, (n,), NaN where it is not; `over`, `usual`: against their peers."""

    over: dict[Cause, Floats]  # may be negative
    usual: Floats
    net: Floats  # seconds of the last attempt that no measured time accounts for
    expected: Floats  # what its tokens cost
    at_most: Floats
    answer_s: float  # what an output token costs; 0 where not known
    uncached_over: Floats  # prompt tokens that were not cached, over the peers'
    prompt: Floats
    beyond: Bools  # a prompt beyond what the costs were fitted on, or one that was less cached
    cache_known: Bools
    head_over: Floats  # seconds until the first token of a streamed reply, over the peers'
    first_of_case: Bools  # of several
    cold_flagged: Bools
    retries: Floats
    retry_reason: NDArray[np.object_]
    timed: Bools
    has_tokens: Bools
    has_server: Bools


class Peers:
    """A step's peers: its case's steps where it repeats, else all; of one attempt if enough."""

    def __init__(self, index: Indices, cases: int, usable: Bools, counts: Floats) -> None:
        self._index, self._cases = index, cases
        self.within = group_sums(usable, index, cases) >= REPEATS_NEEDED
        single = usable & (counts == 1)
        enough = group_sums(single, index, cases) >= PEERS_NEEDED
        self._own = np.where(enough[index], single, usable)
        self._all = single if single.sum() >= PEERS_NEEDED else usable

    def medians(self, values: Floats) -> Floats:
        """Return for each step the median of its peers' known values; NaN where too few."""
        known = np.isfinite(values)
        own, everyone = self._own & known, self._all & known
        within = group_medians(values[own], self._index[own], self._cases)
        enough = self._all.sum() >= PEERS_NEEDED and everyone.any()
        pooled = float(np.median(values[everyone])) if enough else np.nan
        medians: Floats = np.where(self.within, within, pooled)[self._index]
        return medians


def accounts_of(
    frame: pd.DataFrame, trials: pd.DataFrame, attempts: pd.DataFrame, usable: Bools
) -> Accounts:
    """Account for the seconds of one stage's steps, indexed 0 to n - 1, warm-up passed over."""
    n, latency = len(frame), floats(frame, "latency_s")
    mine, row = attempts_of(frame, attempts)
    spans = Spans(mine, row, latency)
    here = group_sums(np.ones(len(row)), row, n)
    counts = floats(frame, "attempts")
    counts = np.where(np.isnan(counts) & (here > 0), here, counts)
    index, cases = indexed(labels(frame, "case_id"))
    peers = Peers(index, cases, usable, counts)
    timed = (here > 0) & (group_sums(~np.isfinite(spans.net), row, n) == 0)
    stale = group_sums(spans.stale & ~spans.last, row, n)
    retries = np.clip(np.nan_to_num(counts) - 1 - stale, 0, None)
    usual, last = peers.medians(latency), _Last.of(spans, n)
    service, prompts, told = spans.service, spans.uncached, np.isfinite(spans.prefill)
    if told.any():  # what prompts took, so that no cost of theirs is fitted
        service, prompts = np.where(told, service, np.nan), np.full(len(told), np.nan)
    costs = fit_costs(service, spans.output, prompts)
    over = _measured(spans, n, peers, timed)
    only_counted = (retries - np.nan_to_num(peers.medians(retries))) * usual
    over["retry"] += np.where(timed, 0.0, np.nan_to_num(only_counted))
    expected, at_most, answer_s = np.full(n, np.nan), np.full(n, np.nan), 0.0
    if costs is not None:
        expected = costs.along(last.output, last.uncached)
        at_most = costs.along(last.output, last.uncached, at_most=True)
        answer_s = costs.output_s.value or 0.0
        along = answer_s * last.output
        over["longer_answer"] = np.nan_to_num(along - peers.medians(along))
    return Accounts(
        over=over,
        usual=usual,
        net=np.where(timed, last.service - np.clip(over["stall"], 0, None), np.nan),
        expected=expected,
        at_most=at_most,
        answer_s=answer_s,
        uncached_over=last.uncached - peers.medians(last.uncached),
        prompt=last.prompt,
        beyond=_prompts(over, last, peers, costs),
        cache_known=np.isfinite(last.cached),
        head_over=last.head - peers.medians(last.head),
        first_of_case=_first_of_case(frame, index, cases),
        cold_flagged=_cold_flagged(frame, trials, spans),
        retries=retries,
        retry_reason=_reasons(spans, n),
        timed=timed,
        has_tokens=timed & np.isfinite(last.output),
        has_server=np.isfinite(last.server) | np.isfinite(last.prefill),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Last:
    """What is known of each step's last attempt; NaN where it has none."""

    service: Floats
    output: Floats
    prompt: Floats
    cached: Floats
    uncached: Floats
    prefill: Floats
    head: Floats
    server: Floats

    @classmethod
    def of(cls, spans: Spans, n: int) -> _Last:
        """Take the last attempt of each of n steps."""
        at = np.flatnonzero(spans.last)
        made = {}
        for name in cls.__dataclass_fields__:
            made[name] = np.full(n, np.nan)
            made[name][spans.row[at]] = getattr(spans, name)[at]
        return cls(**made)


def _measured(spans: Spans, n: int, peers: Peers, timed: Bools) -> dict[Cause, Floats]:
    """Return seconds over the peers' of each cause that has a time of its own."""
    vain = np.where(spans.last, 0.0, np.nan_to_num(spans.net))
    of_attempts: dict[Cause, Floats] = {
        "queue": spans.queue,
        "cold_start": spans.cold,
        "connect": np.where(spans.first, 0.0, spans.connect) + np.where(spans.stale, vain, 0.0),
        "back_off": spans.backoff,
        "schema_compile": spans.schema,
        "stall": np.where(spans.last, spans.gap, 0.0),
        "retry": np.where(spans.stale, 0.0, vain),
    }
    taken = {cause: group_sums(seconds, spans.row, n) for cause, seconds in of_attempts.items()}
    taken["retry"] = np.where(timed, taken["retry"], 0.0)
    return {
        cause: seconds - np.nan_to_num(peers.medians(seconds)) for cause, seconds in taken.items()
    }


def _prompts(
    over: dict[Cause, Floats], last: _Last, peers: Peers, costs: TokenCosts | None
) -> Bools:
    """Put a prompt's seconds down to its length or its cache; return where they are not known."""
    known = np.isfinite(last.cached)
    size = np.where(last.prompt > 0, last.prompt, np.nan)
    as_cached = last.prompt * (1 - np.nan_to_num(peers.medians(last.cached / size)))
    as_cached = np.round(as_cached, 6)  # a share of whole tokens leaves dust, which is no token
    usual = peers.medians(last.uncached)
    missed = np.where(known, np.nan_to_num(last.uncached - as_cached), 0.0)
    longer = np.nan_to_num(as_cached - usual)  # as long as it is, cached as the peers' are
    if np.isfinite(last.prefill).any():
        _prefills(over, last, peers, missed, longer)
        return np.zeros(len(known), dtype=np.bool_)
    slope = (costs.prompt_s.value or 0.0) if costs else 0.0
    within = np.nan_to_num(last.uncached) <= (costs.most_uncached if costs else 0.0)
    seconds = np.where(within, slope * np.nan_to_num(last.uncached - usual), 0.0)
    over["uncached_prompt"] = np.where(missed > longer, seconds, 0.0)
    over["longer_prompt"] = np.where(missed > longer, 0.0, seconds)
    unsure = (missed > longer) & (missed > 0) & (slope == 0)
    beyond: Bools = (np.isfinite(last.uncached) & ~within) | unsure
    return beyond


def _prefills(
    over: dict[Cause, Floats], last: _Last, peers: Peers, missed: Floats, longer: Floats
) -> None:
    """Put the seconds that the server took over a prompt down to its cache or its length."""
    known, has_size = np.isfinite(last.cached), np.isfinite(last.prompt)
    usual = peers.medians(last.prefill)
    seconds = np.nan_to_num(last.prefill - usual)
    rate = peers.medians(last.prefill / np.where(last.prompt > 0, last.prompt, np.nan))
    by_length = np.nan_to_num(rate * last.prompt - usual)
    is_longer = np.where(known, longer > np.maximum(missed, 0), by_length > seconds / 2)
    is_missed = np.where(known, missed > np.maximum(longer, 0), has_size) & ~is_longer
    over["longer_prompt"] = np.where(is_longer, seconds, 0.0)
    over["uncached_prompt"] = np.where(is_missed, seconds, 0.0)
    over["prefill"] = np.where(is_missed | is_longer, 0.0, seconds)


def probable(accounts: Accounts, left: Floats) -> NDArray[np.object_]:
    """Say what the unexplained seconds of each step probably are; empty where nothing shows it.

    A prompt that was not cached: its cost is not known at that length, and it would cost no more
    than as many output tokens. Where the server does not tell what it had cached, the seconds
    passed before the first token, or in the first request of a case that repeats.
    """
    answer = accounts.answer_s or 1e9  # not known: as dear as can be
    dearest = answer * np.nan_to_num(accounts.uncached_over)
    prompt = accounts.beyond & (accounts.uncached_over > 0) & (left <= dearest)
    at_head = accounts.head_over >= _HEAD * left
    early = np.where(np.isnan(accounts.head_over), accounts.first_of_case, at_head)
    cheap = left <= _CHEAPER * answer * np.nan_to_num(accounts.prompt)
    silent = ~accounts.cache_known & early & cheap & np.isfinite(accounts.prompt)
    silent &= accounts.answer_s > 0
    words = np.where(prompt | silent, "uncached_prompt", "")
    return np.where(accounts.cold_flagged, "cold_start", words).astype(object)


def _first_of_case(frame: pd.DataFrame, index: Indices, cases: int) -> Bools:
    started = floats(frame, "started_s")
    started = np.where(np.isnan(started), floats(frame, "repeat"), started)
    order = np.lexsort((started, index))
    first = np.zeros(len(frame), dtype=np.bool_)
    first[order[np.searchsorted(index[order], np.arange(cases))]] = True
    return first & (np.bincount(index, minlength=cases)[index] > 1)


def _cold_flagged(frame: pd.DataFrame, trials: pd.DataFrame, spans: Spans) -> Bools:
    """Return the steps of which a cold start is known by a flag only."""
    flagged = np.zeros(len(frame), dtype=np.bool_)
    flagged[spans.row[spans.bare_cold]] = True
    if len(spans.row) == 0 and len(trials):  # a source that knows trials only
        cold = trials[is_true(trials, "cold")]
        flagged |= keys_of(frame).isin(keys_of(cold))
    return flagged


def _reasons(spans: Spans, n: int) -> NDArray[np.object_]:
    """Return why each step was last asked again; empty where that is not known, or it was not."""
    reasons = np.full(n, "", dtype=object)
    again = np.flatnonzero(~spans.first)
    known = again[[bool(reason) for reason in spans.reason[again]]]
    reasons[spans.row[known]] = spans.reason[known]
    return reasons
