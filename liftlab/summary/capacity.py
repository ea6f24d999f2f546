"""What a capacity run comes to: goodput at each level, the knee, and answers under load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from liftlab.analysis.capacity import Goodput, busy_until, changes, goodput, knee
from liftlab.analysis.columns import Floats, floats
from liftlab.analysis.compare import SuccessChange
from liftlab.analysis.cost.attempt_costs import cost_per_pass
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import answered, judged_seconds, succeeded, time_end_to_end
from liftlab.analysis.quantiles import quantile
from liftlab.analysis.targets import TargetResult, judge
from liftlab.records import CAPACITY
from liftlab.runner.levels import CapacityPlan
from liftlab.settings.targets import GOODPUT
from liftlab.store import RunData
from liftlab.store.by_column import TRIAL, among
from liftlab.summary.result import Result

if TYPE_CHECKING:
    from liftlab.store import RunFolder

_FULL = 0.9
_SAME_SESSION_S = 0.5  # sessions of a run have clocks of their own, which begin further apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of load: so many requests under way.

    All but `trials` is of requests that were sent while the level was full.
    """

    at_once: int
    visits: int  # that were made whole
    trials: int
    answered: int
    within: int  # right, and within the limit
    timed: Goodput
    goodput: Estimate
    per_usd: Estimate  # right answers within the limit for each USD
    slo: TargetResult  # the objective, judged at this level
    change: SuccessChange | None  # of answers, against the lowest level

    @property
    def is_full(self) -> bool:
        """Whether about as many were under way as were asked for."""
        return self.timed.under_way > _FULL * self.at_once

    @property
    def is_decided(self) -> bool:
        """Whether it is known if the objective is met here."""
        return self.slo.verdict in ("met", "not met")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Capacity(Result):
    """The capacity of an endpoint."""

    plan: CapacityPlan
    levels: tuple[Level, ...]  # from few to many under way
    knee: Estimate  # how many at once, beyond which goodput no longer rises
    goodput: Estimate  # the highest of all levels
    best: Level | None  # where it is the highest; None where no answer was right in time

    @property
    def meets(self) -> Level | None:
        """Return the highest level at which the objective is met."""
        met = [level for level in self.levels if level.slo.verdict == "met"]
        return met[-1] if met else None

    @property
    def worse(self) -> tuple[Level, ...]:
        """Return the levels at which answers are less often right than at the lowest."""
        return tuple(one for one in self.levels if one.change and one.change.verdict == "worse")

    def as_json(self, targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return it as plain data, with the verdicts of targets."""
        return {
            "slo": {"metric": self.plan.metric, "limit_s": self.plan.limit_s},
            "knee": _told(self.knee),
            "goodput_right_per_s": _told(self.goodput),
            "best_at_once": self.best and self.best.at_once,
            "levels": [
                {
                    "at_once": level.at_once,
                    "under_way": level.timed.under_way,
                    "visits": level.visits,
                    "trials": level.trials,
                    "answered": level.answered,
                    "right_in_time": level.within,
                    "goodput_right_per_s": _told(level.goodput),
                    "right_per_usd": _told(level.per_usd),
                    "slo": level.slo.verdict,
                    "answers": level.change and level.change.verdict,
                    "difference": level.change and _told(level.change.difference),
                }
                for level in self.levels
            ],
            "targets": targets,
        }


def _told(estimate: Estimate) -> dict[str, Any]:
    return {name: getattr(estimate, name) for name in ("value", "low", "high", "n", "reason")}


def plan_of(folder: RunFolder) -> CapacityPlan | None:
    """Return what a capacity run asked for; None of any other run."""
    asked = folder.manifest().get("request")
    told = asked.get("capacity") if isinstance(asked, dict) else None
    return None if told is None else CapacityPlan.model_validate(told)


def capacity_of(run: RunData) -> Capacity | None:
    """Sum up a capacity run; None for any other run."""
    plan = plan_of(run.folder) if run.run.load == CAPACITY else None
    if plan is None:
        return None
    rows = _rows(run, plan)
    full = {int(str(at_once)): part for at_once, part in rows[rows["is_full"]].groupby("at_once")}
    changed = changes(full) if full else {}
    levels = tuple(
        _level(run, plan, rows[rows["at_once"] == at_once], changed.get(at_once))
        for at_once in sorted(full)
    )
    timed = [level.timed for level in levels]
    right = [level for level in levels if level.within]
    best = max(right, key=lambda level: level.timed.value, default=None)
    none = Estimate(value=None, n=0, unit="a second", reason="no request was answered")
    highest = best or next(iter(levels), None)
    found = none if highest is None else highest.timed.estimate(picked_from=len(levels))
    return Capacity(
        run=run,
        plan=plan,
        levels=levels,
        knee=replace(knee(timed), quantity="knee"),
        goodput=replace(found, quantity=GOODPUT),
        best=best,
    )


def _level(
    run: RunData, plan: CapacityPlan, rows: pd.DataFrame, change: SuccessChange | None
) -> Level:
    full, at_once = rows[rows["is_full"]], int(rows["at_once"].iloc[0])
    whole = plan.rounds(at_once) * plan.cases
    good = full["good"].to_numpy(dtype=np.bool_)
    held_s, open_s = float(full["held_s"].sum()), float(full["open_s"].sum())
    under_way = held_s / open_s if held_s > 0 < open_s else float(at_once)
    timed = goodput(floats(full, "seconds"), good, under_way, at_once)
    times = time_end_to_end(full, stages=run.stages[among(run.stages, full)])
    slo = quantile(times.seconds, plan.share, clusters=times.cases, given_up=times.given_up)
    slo = replace(slo, finest=run.run.timing_uncertainty_s)
    spent = cost_per_pass(floats(full, "cost_usd"), good, full["case_id"].astype(str))
    return Level(
        at_once=at_once,
        visits=int((rows.groupby("visit").size() >= whole).sum()),
        trials=len(rows),
        answered=int(answered(full).sum()),
        within=int(good.sum()),
        timed=timed,
        goodput=replace(timed.estimate(), quantity=f"{GOODPUT}:{at_once}"),
        per_usd=replace(_inverse(spent), quantity=f"right_per_usd:{at_once}"),
        slo=judge(slo, plan.limit_s, plan.metric),
        change=change,
    )


def _inverse(spent: Estimate) -> Estimate:
    """Return right answers for each USD, from USD for each right answer."""
    value, low, high = (1 / end if end else None for end in (spent.value, spent.high, spent.low))
    return replace(spent, value=value, low=low, high=high, unit="per USD")


def _rows(run: RunData, plan: CapacityPlan) -> pd.DataFrame:
    """Return the trials in the order in which they began, each with its level and its time."""
    trials = run.trials
    places = [plan.place(int(repeat)) for repeat in trials["repeat"]]
    judged = judged_seconds(trials)
    began, zero = _began(run)
    rows = trials.assign(
        visit=[visit for visit, _ in places],
        at_once=[level for _, level in places],
        seconds=np.where(np.isfinite(judged), judged, _until_given_up(run)),
        good=succeeded(trials) & (judged <= plan.limit_s),
        began=began,
        session=zero,
    )
    rows = rows.sort_values("began", kind="stable")
    parts = [_filled(part) for _, part in rows.groupby(["at_once", "visit", "session"])]
    return pd.concat(parts) if parts else rows.assign(is_full=False)


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """Add which trials of a visit began while the level was full, and how full it was.

    Between two beginnings pass `open_s`, in which trials are under way for `held_s` together.
    """
    began, seconds = floats(rows, "began"), np.nan_to_num(floats(rows, "seconds"))
    gaps = np.diff(began, append=began[-1:])
    under_way = busy_until(began, began + seconds)
    is_full = np.arange(len(rows)) >= rows["at_once"] - 1
    return rows.assign(
        is_full=is_full, open_s=gaps, held_s=np.diff(under_way, append=under_way[-1:])
    )


def _began(run: RunData) -> tuple[Floats, Floats]:
    """Return when each trial began, and the number of the session that sent it."""
    moments = pd.to_datetime(run.trials["started_at"], utc=True, format="ISO8601")
    since = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    began = np.asarray(since, dtype=np.float64)
    zero = began - _by_trial(run, run.stages, "started_s", "min")
    order, apart_s = np.argsort(zero), _SAME_SESSION_S * run.sped_up
    session: Floats = np.zeros(len(zero))
    session[order] = np.cumsum(np.diff(zero[order], prepend=np.nan) > apart_s)
    return began, session


def _until_given_up(run: RunData) -> Floats:
    """Return how long each trial was under way, by its last attempt's end."""
    ended = run.attempts[run.attempts["ended_s"].notna()]
    last = _by_trial(run, ended, "ended_s", "last")
    return last - _by_trial(run, run.stages, "started_s", "min")


def _by_trial(run: RunData, frame: pd.DataFrame, column: str, how: str) -> Floats:
    found = frame.groupby([*TRIAL])[column].agg(how).rename("_found")
    joined = run.trials[[*TRIAL]].join(found, on=[*TRIAL])["_found"]
    return joined.to_numpy(dtype=np.float64, na_value=np.nan)
