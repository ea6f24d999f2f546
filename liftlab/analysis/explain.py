"""Why a stage was slow: its excess over its peers, split among the causes that were recorded.

Measured spans come first, a robust line in tokens second, bare counts of attempts last.
Whatever none of them accounts for is called unexplained, with what to record to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from liftlab.analysis import outliers
from liftlab.analysis.causes import OUTPUT_TOKENS, PROMPT_TOKENS, RETRY, Causes, measured_causes
from liftlab.analysis.columns import Bools, Floats, floats, labels
from liftlab.analysis.estimate import quantity
from liftlab.analysis.limits import pooled_limit
from liftlab.analysis.samples import group_medians, group_sums, in_range, indexed

Verdict = Literal[
    "explained",
    "partly_explained",
    "explained_by_extrapolation",
    "attributed_not_tested",
    "unexplained",
    "not_testable",
]

SLOW = 1.5  # a stage is worth explaining from this many times its peers on
MOSTLY = 0.8  # causes that hold this share of the excess explain it
PEERS_NEEDED = 3
WORTH_SAYING = 0.05  # of the excess


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One cause's share of an excess, in seconds; negative where it was smaller than usual."""

    cause: str
    seconds: float
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one slow stage's excess consists of; the parts and the rest sum to the excess."""

    case_id: str
    repeat: int
    stage: str
    latency_s: float
    typical_s: float
    parts: tuple[Part, ...]
    verdict: Verdict
    advice: str = ""

    @property
    def excess_s(self) -> float:
        """Seconds over the peers."""
        return self.latency_s - self.typical_s

    @property
    def unexplained_s(self) -> float:
        """What no recorded cause accounts for."""
        return self.excess_s - sum(part.seconds for part in self.parts)

    @property
    def main_cause(self) -> str:
        """The largest part's cause, or "unexplained"."""
        largest = max(self.parts, key=lambda part: part.seconds, default=None)
        if largest is None or largest.seconds < self.unexplained_s:
            return "unexplained"
        return largest.cause

    def sentence(self) -> str:
        """Say the excess, what accounts for it, what is left and what would tell."""
        said = [f"{self.case_id}: {_seconds(self.excess_s)} over its peers"]
        known = [part for part in self.parts if abs(part.seconds) >= WORTH_SAYING * self.excess_s]
        if self.verdict == "not_testable":
            said.append("nothing about the cause was recorded")
        elif known:
            said.append(_accounts(known))
        if self.verdict != "not_testable" and self.unexplained_s >= WORTH_SAYING * self.excess_s:
            said.append(f"{_seconds(self.unexplained_s)} unexplained")
        note = _NOTES.get(self.verdict, "")
        return "; ".join(said) + note + (f": {self.advice}." if self.advice else ".")

    def __str__(self) -> str:
        return self.sentence()


_NOTES = {
    "explained_by_extrapolation": " (longer than any peer: the line in tokens is untested there)",
    "attributed_not_tested": " (seen in this row only, and not timed: an attribution, not a test)",
}


def explain(
    trials: pd.DataFrame, stages: pd.DataFrame, attempts: pd.DataFrame
) -> list[Explanation]:
    """Explain each stage that was slow against its peers, or slow for its tokens.

    Peers are the case's own repeats where there are three, else all rows of the stage; of
    these the ones with a single attempt. Expected is queue + cold start + the line in tokens
    for each attempt (Theil-Sen over all attempts of the stage); prompts count where they surely
    cost time. A server stall is a cause only where a gap in the reply or the server's own time
    shows it; else it stays unexplained. Where times or tokens of
    single attempts are not known, an attempt more is expected to cost what a peer's costs.

    Parameters
    ----------
    trials, stages, attempts
        Tables with the columns of `liftlab.records`; columns may be missing or null.

    Returns
    -------
    list of Explanation
        Slowest first by excess; empty if nothing was slow.
    """
    found: list[Explanation] = []
    if len(stages) == 0:
        return found
    for _, frame in stages.groupby("stage", sort=False):
        found.extend(_explain_stage(frame.reset_index(drop=True), trials, attempts))
    return sorted(found, key=lambda each: -each.excess_s)


def _explain_stage(
    frame: pd.DataFrame, trials: pd.DataFrame, attempts: pd.DataFrame
) -> Iterator[Explanation]:
    latency, repeats = floats(frame, "latency_s"), floats(frame, "repeat")
    cases, stage = labels(frame, "case_id"), str(frame["stage"].iloc[0])
    causes = measured_causes(frame, trials, attempts)
    usable = in_range(latency)
    peers = _Peers(cases, usable, causes.counts)
    typical = peers.medians(latency)
    seconds = causes.of(np.nan_to_num(typical))
    over = {cause: took - peers.medians(took) for cause, took in seconds.items() if took.any()}
    stalled = _stalled(latency, usable, causes)
    lone = causes.only_here()
    # A row may be slow for its tokens and yet quicker than its peers: no excess to split.
    slow = (latency >= SLOW * typical) | (stalled & (latency > typical))
    for row in np.flatnonzero(usable & slow).tolist():
        parts = _parts(row, over, causes)
        share = sum(part.seconds for part in parts) / float(latency[row] - typical[row])
        verdict = _verdict(row, parts, share, bool(stalled[row]), bool(lone[row]), causes)
        yield Explanation(
            case_id=str(cases[row]),
            repeat=int(repeats[row]) if np.isfinite(repeats[row]) else 0,
            stage=stage,
            latency_s=float(latency[row]),
            typical_s=float(typical[row]),
            parts=parts,
            verdict=verdict,
            advice=_advice(row, share, verdict, causes),
        )


class _Peers:
    """The rows that each row is compared with: its case's own where it repeats, else all.

    Of these the ones with a single attempt, if there are enough.
    """

    def __init__(self, cases: Any, usable: Bools, counts: Floats) -> None:
        index, groups = indexed(cases)
        self._index, self._cases = index, groups
        self._within = group_sums(usable, index, groups) >= outliers.REPEATS_NEEDED
        single = usable & (counts == 1)
        enough = group_sums(single, index, groups) >= PEERS_NEEDED
        self._own = np.where(enough[index], single, usable)
        self._all = single if single.sum() >= PEERS_NEEDED else usable

    def medians(self, values: Floats) -> Floats:
        """Return for each row the median of its peers' values; NaN where it has too few."""
        own = group_medians(values[self._own], self._index[self._own], self._cases)
        pooled = np.nan
        if self._all.sum() >= PEERS_NEEDED:
            pooled = float(np.median(values[self._all]))
        medians: Floats = np.where(self._within, own, pooled)[self._index]
        return medians


def _stalled(latency: Floats, usable: Bools, causes: Causes) -> Bools:
    """Flag rows that are slow for all that was measured of them: a residual beyond its limit."""
    stalled = np.zeros(len(latency), dtype=np.bool_)
    known = usable & np.isfinite(causes.expected) & (causes.expected > 0)
    n = int(known.sum())
    if n >= outliers.FIT_NEEDS:
        ratio = latency[known] / causes.expected[known]
        score = outliers.robust_scores(np.log(ratio))
        stalled[known] = (score > pooled_limit(n)) & (ratio >= SLOW)
    return stalled


def _parts(row: int, over: dict[str, Floats], causes: Causes) -> tuple[Part, ...]:
    parts = [
        Part(
            cause=cause,
            seconds=seconds,
            count=int(causes.retries[cause][row]) if cause in causes.retries else 0,
        )
        for cause, seconds in ((cause, float(each[row])) for cause, each in over.items())
        if seconds != 0
    ]
    return tuple(sorted(parts, key=lambda part: -part.seconds))


def _verdict(
    row: int, parts: tuple[Part, ...], share: float, stalled: bool, lone: bool, causes: Causes
) -> Verdict:
    if not causes.timed[row] and np.isnan(causes.counts[row]) and not causes.bare_cold[row]:
        return "not_testable"
    if lone:
        return "attributed_not_tested"
    if stalled:
        return "partly_explained" if share >= 0.5 else "unexplained"
    if not parts or share < WORTH_SAYING:
        return "unexplained"
    if parts[0].cause == OUTPUT_TOKENS and causes.far[row]:
        return "explained_by_extrapolation"
    return "explained" if share >= MOSTLY else "partly_explained"


def _advice(row: int, share: float, verdict: Verdict, causes: Causes) -> str:
    if verdict in ("explained", "explained_by_extrapolation"):
        return ""
    if verdict == "not_testable":
        return "record attempts, and tokens per attempt"
    if not causes.has_tokens[row]:
        return "record tokens per attempt"
    if not causes.has_line:
        return f"a line in tokens needs {outliers.FIT_NEEDS} attempts"
    return "record the server's own time and queue" if share < MOSTLY else ""


def _accounts(parts: list[Part]) -> str:
    said = []
    for part in parts:
        name = part.cause
        if name.startswith(RETRY):
            reason = name.removeprefix(RETRY).strip(": ")
            name = "a retry" if part.count == 1 else f"{part.count} retries"
            name += f" ({reason})" if reason else ""
        many = part.count > 1 or name in (OUTPUT_TOKENS, PROMPT_TOKENS)
        said.append(f"{name} {'account' if many else 'accounts'} for {_seconds(part.seconds)}")
    return ", ".join(said)


def _seconds(value: float) -> str:
    """Write seconds to a tenth: the parts of an excess are no better known than that."""
    return f"{value:.1f} s" if abs(value) >= 1 else quantity(value, "s")
