"""The one list of slow steps: what each took over its usual, and why.

A step is one stage of one trial. It is slow from 1.5 times its usual on, or where it is beyond
chance for its tokens. Its causes and what is left unexplained sum to its excess, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from liftlab.analysis import causes as why
from liftlab.analysis.causes import CAUSES, KINDS, Accounts, Cause, Kind, Probably, accounts_of
from liftlab.analysis.columns import Bools, Floats, floats, in_range, indexed, labels
from liftlab.analysis.latency import answered_steps
from liftlab.analysis.outliers import GATE, beyond_chance

Advice = Literal["", "record_attempts", "record_tokens", "record_server_times", "investigate"]

SLOW = 1.5  # times its usual
MOSTLY = 0.8  # causes that hold this share of the excess explain it
LEAST = 0.01  # of the excess: less is no cause

_TEXT = ("case_id", "stage", "main_cause", "retry_reason", "probably", "advice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Seconds of an excess that one cause holds."""

    cause: Cause
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStep:
    """One slow step; its parts and what is unexplained sum to its excess."""

    case_id: str
    repeat: int
    stage: str
    # usual_s: its peers' median, or what its tokens cost where only these show that it was slow
    took_s: float
    usual_s: float
    parts: tuple[Part, ...]  # causes, the largest first
    unexplained_s: float
    main_cause: Kind
    # retries, retry_reason: how often the model was asked again, and why the last time
    retries: int
    retry_reason: str
    probably: Probably  # what the unexplained seconds probably are; empty where nothing shows it
    beyond_chance: bool  # whether the unexplained seconds are more than chance makes them
    advice: Advice  # what would tell the cause of an excess beyond chance; empty for others

    @property
    def excess_s(self) -> float:
        """Seconds over the usual."""
        return self.took_s - self.usual_s

    def seconds(self, cause: str) -> float:
        """Return what one cause holds."""
        return sum(part.seconds for part in self.parts if part.cause == cause)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlowSteps:
    """The slow steps of a run, largest excess first."""

    # A row a slow step: case_id, repeat, stage, took_s, usual_s, excess_s, a column of seconds for
    # each of `CAUSES`, unexplained_s, main_cause, retries, retry_reason, probably, beyond_chance,
    # advice
    steps: pd.DataFrame
    total: int  # steps that ended with an answer
    # judged, reasons: by stage, how many steps were judged against chance, or why none could be
    judged: Mapping[str, int]
    reasons: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[SlowStep]:
        return iter(self.first(len(self)))

    def __getitem__(self, place: int) -> SlowStep:
        return _step(self.steps.iloc[place].to_dict())

    def first(self, most: int) -> list[SlowStep]:
        """Return the first few."""
        return [_step(row) for row in self.steps.head(most).to_dict("records")]

    def counts(self) -> dict[Kind, int]:
        """Return how many steps each main cause has, the most frequent first."""
        found = self.steps["main_cause"].value_counts(sort=False)
        known: dict[Kind, int] = {kind: int(found[kind]) for kind in KINDS if kind in found}
        ordered = sorted(known, key=lambda kind: (kind == "unexplained", -known[kind]))
        return {kind: known[kind] for kind in ordered}

    @property
    def beyond_chance(self) -> pd.DataFrame:
        """The steps whose unexplained seconds are beyond chance."""
        return self.steps[self.steps["beyond_chance"].to_numpy(dtype=np.bool_)]


def _step(row: Mapping[Any, Any]) -> SlowStep:
    parts = [Part(cause=cause, seconds=row[cause]) for cause in CAUSES if row[cause] > 0]
    fields = SlowStep.__dataclass_fields__.keys() - {"parts"}
    return SlowStep(
        parts=tuple(sorted(parts, key=lambda part: -part.seconds)),
        **{name: row[name] for name in fields},
    )


def slow_steps(
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    attempts: pd.DataFrame,
    *,
    uncertainty_s: float | None = None,
    pooled: bool = False,
) -> SlowSteps:
    """List the slow steps of a run, each with its causes.

    Columns of its tables may be missing or null. Steps that ended in an error of the endpoint have
    no answer, and are left out. `uncertainty_s`: by how much the run's times may be off: less is no
    cause. `pooled`: judge steps together though nothing is known of their tokens, as of a published
    day.
    """
    answered = stages[answered_steps(stages)] if len(stages) else stages
    tables, total = [], 0
    judged: dict[str, int] = {}
    reasons: dict[str, str] = {}
    names = labels(answered, "stage")
    known = dict.fromkeys(names)
    for name in known:
        frame = answered[names == name].reset_index(drop=True)
        usable = in_range(floats(frame, "latency_s"))
        accounts = accounts_of(frame, trials, attempts, usable)
        beyond, judged[str(name)], reason = _judged(
            frame, accounts, usable, pooled=pooled, stages=len(known)
        )
        if reason:
            reasons[str(name)] = reason
        total += int(usable.sum())
        tables.append(_table(frame, accounts, usable, beyond, uncertainty_s or 0.0))
    steps = pd.concat(tables, ignore_index=True) if tables else _empty()
    steps = steps.sort_values("excess_s", ascending=False, kind="stable", ignore_index=True)
    return SlowSteps(steps=steps, total=total, judged=judged, reasons=reasons)


def _judged(
    frame: pd.DataFrame, accounts: Accounts, usable: Bools, *, pooled: bool, stages: int
) -> tuple[Bools, int, str]:
    """Return which steps are beyond chance for all that is known of them."""
    latency = floats(frame, "latency_s")
    index, cases = indexed(labels(frame, "case_id"))
    known = np.isfinite(accounts.expected) & np.isfinite(accounts.net)
    if known.any():
        net, expected, most = accounts.net, accounts.expected, accounts.at_most
        fit = usable & known & (net > 0) & (expected > 0)
    else:  # no tokens: the peers' usual, and what was measured over it
        over = sum((np.clip(seconds, 0, None) for seconds in accounts.over.values()), 0.0)
        net, expected, most = latency, accounts.usual + over, accounts.usual + over
        repeated = np.bincount(index, usable, cases)[index] >= why.REPEATS_NEEDED
        fit = usable & np.isfinite(expected) & (repeated | pooled)
    ratio = np.full(len(frame), np.nan)
    ratio[fit] = np.log(net[fit] / expected[fit])
    mask, count, reason = beyond_chance(ratio, index, pooled=pooled, stages=stages)
    mask[fit] &= net[fit] >= GATE * most[fit]
    return mask, count, reason


def _table(
    frame: pd.DataFrame, accounts: Accounts, usable: Bools, beyond: Bools, uncertainty_s: float
) -> pd.DataFrame:
    """Return the slow steps of one stage, their excess split among its causes."""
    took, usual = floats(frame, "latency_s"), accounts.usual.copy()
    slow = usable & (took >= SLOW * usual)
    by_tokens = usable & beyond & ~slow & (took > accounts.expected)
    usual[by_tokens] = took[by_tokens] - (accounts.net - accounts.expected)[by_tokens]
    slow |= by_tokens
    excess = np.where(slow, took - usual, 0.0)
    floor = np.maximum(uncertainty_s, LEAST * excess)
    left = excess.copy()
    parts: dict[str, Floats] = {}
    for cause in CAUSES:
        over = np.where(by_tokens, 0.0, accounts.over.get(cause, np.zeros(len(frame))))
        taken = np.where(over > floor, np.minimum(over, left), 0.0)
        parts[cause] = taken
        left = left - taken
    left[left < 1e-9 * excess] = 0.0
    probably = why.probable(accounts, left)
    probably[~slow | (left <= floor)] = ""
    beyond = beyond & slow & (left > floor) & (probably == "")
    largest = np.argmax(np.column_stack([*parts.values(), left]), axis=1)
    repeats = np.nan_to_num(floats(frame, "repeat"), posinf=0, neginf=0).astype(np.int64)
    columns: dict[str, Any] = {
        "case_id": labels(frame, "case_id"),
        "repeat": repeats,
        "stage": labels(frame, "stage"),
        "took_s": took,
        "usual_s": usual,
        "excess_s": excess,
        **parts,
        "unexplained_s": left,
        "main_cause": np.array(KINDS, dtype=object)[largest],
        "retries": accounts.retries.astype(np.int64),
        "retry_reason": accounts.retry_reason,
        "probably": probably,
        "beyond_chance": beyond,
        "advice": np.where(beyond, _advice(accounts), ""),
    }
    table = pd.DataFrame({name: values[slow] for name, values in columns.items()})
    return table.astype(dict.fromkeys(_TEXT, str))


def _advice(accounts: Accounts) -> Any:
    """Return what would tell the cause: what is not recorded yet, else to look for it."""
    told = np.where(accounts.has_server, "investigate", "record_server_times")
    tokens = np.where(accounts.has_tokens, told, "record_tokens")
    return np.where(accounts.timed, tokens, "record_attempts").astype(object)


def _empty() -> pd.DataFrame:
    seconds = ("took_s", "usual_s", "excess_s", *CAUSES, "unexplained_s")
    return pd.DataFrame(
        {
            **{name: pd.Series(dtype=object) for name in _TEXT},
            **{name: pd.Series(dtype=np.float64) for name in seconds},
            **{name: pd.Series(dtype=np.int64) for name in ("repeat", "retries")},
            "beyond_chance": pd.Series(dtype=np.bool_),
        }
    )
