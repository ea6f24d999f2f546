"""What attempts, requests and right answers cost; what is unknown stays unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from liftlab.analysis import outliers
from liftlab.analysis.columns import (
    PROMPTS,
    Bools,
    Floats,
    floats,
    group_sums,
    indexed,
    is_one_of,
    is_true,
    labels,
)
from liftlab.analysis.cost.prices import CostModel, Price
from liftlab.analysis.estimate import Estimate, plain
from liftlab.errors import UsageError
from liftlab.store.by_column import among
from liftlab.store.frames import trial_costs

_SECONDS_PER_HOUR = 3600.0
_TRIAL = ["run_id", "case_id", "repeat"]
_STAGE = [*_TRIAL, "stage"]
Stages = pd.DataFrame | Callable[[], pd.DataFrame] | None
CASES_NEEDED = 20  # below it the delta interval covers .75 to .85


def attempt_costs(
    attempts: pd.DataFrame,
    price: Price,
    model: CostModel = "gpu_seconds",
    stages: Stages = None,
) -> pd.DataFrame:
    """Price each attempt, as `liftlab.records.Cost`; `usd` is NaN where something is not known.

    Warm-up and failed attempts are paid for, too. `gpu_seconds`: sent to its end, well or badly;
    attempts that overlap share the GPU, so that the sum is the time it was busy. `tokens`: prompt
    and output rates. `latency`: whole stage latency at the hourly rate and one request fee a trial;
    a stage's cost is shared equally among its attempts. `stages`: the stage table, or what returns
    it, as attempts without times of their own take equal parts of their stage's latency.
    """
    usd = attempt_usd(attempts, price, model, stages)
    return pd.DataFrame(
        {
            "run_id": labels(attempts, "run_id"),
            "seq": attempts["seq"].to_numpy() if "seq" in attempts else [],
            "price_id": [price.price_id] * len(attempts),
            "cost_model": [model] * len(attempts),
            "usd": usd,
        }
    )


def attempt_usd(attempts: pd.DataFrame, price: Price, model: CostModel, stages: Stages) -> Floats:
    """Return only the USD of `attempt_costs`; (n,)."""
    if model not in get_args(CostModel):
        raise UsageError(f"cost model {model!r}: there are {', '.join(get_args(CostModel))}")
    if not price.knows(model):
        return np.full(len(attempts), np.nan)
    fee, hourly = price.usd_per_request or 0.0, price.usd_per_hour or 0.0
    if model == "tokens":
        return _token_usd(attempts, price) + fee
    if model == "latency":
        seconds, fees = _stage_seconds(attempts, stages), fee * _first_of_trial(attempts)
        return seconds * hourly / _SECONDS_PER_HOUR + fees
    own = busy_seconds(floats(attempts, "sent_s"), ends(attempts))
    return _own_or_shared(attempts, own, stages) * hourly / _SECONDS_PER_HOUR + fee


def busy_seconds(start: ArrayLike, end: ArrayLike) -> Floats:
    """Return each span's part of the time in which any span was open, shared while they overlap."""
    begin, finish = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    known = np.isfinite(begin) & np.isfinite(finish) & (finish >= begin)
    count = int(known.sum())
    moments = np.concatenate([begin[known], finish[known]])
    order = np.argsort(moments, kind="stable")
    # Of many spans each array takes as much as columns of their table do: two are used again.
    open_spans = np.cumsum((order < count) * np.int8(2) - np.int8(1), dtype=np.int32)[:-1]
    ordered, gaps = moments[order], moments[1:]
    np.subtract(ordered[1:], ordered[:-1], out=gaps)
    closed = open_spans <= 0
    np.divide(gaps, open_spans, out=gaps, where=~closed)
    gaps[closed] = 0.0
    moments[:1] = 0.0
    at = ordered
    at[order] = np.cumsum(moments, out=moments)
    shared = np.full(len(begin), np.nan)
    shared[known] = at[count:] - at[:count]
    return shared


def ends(attempts: pd.DataFrame) -> Floats:
    """Return when each exchange ended: its last byte, or else when it was given up."""
    last = floats(attempts, "last_byte_s")
    return np.where(np.isfinite(last), last, floats(attempts, "ended_s"))


def open_ended(attempts: pd.DataFrame) -> Bools:
    """Return which attempts may be billed beyond what is known: given up, or without an end."""
    sent = np.isfinite(floats(attempts, "sent_s"))
    given_up = is_one_of(attempts, "error_class", ["deadline", "cancelled"])
    unsure: Bools = sent & (given_up | ~np.isfinite(ends(attempts)))
    return unsure | is_true(attempts, "abandoned")


def service_seconds(attempts: pd.DataFrame, stages: Stages = None) -> Floats:
    """Return how long each attempt held a slot: its span, less cold start and queue where known.

    Attempts without times of their own take equal parts of their stage's latency. `stages`: the
    stage table, or what returns it where it is needed.
    """
    span = ends(attempts)
    span -= floats(attempts, "sent_s")
    waited = np.nan_to_num(floats(attempts, "cold_s"))
    waited += np.nan_to_num(floats(attempts, "queue_s"))
    span -= np.maximum(0.0, waited, out=waited)
    return _own_or_shared(attempts, np.maximum(0.0, span, out=span), stages)


def usd_by_price(
    trials: pd.DataFrame, attempts: pd.DataFrame, costs: pd.DataFrame
) -> dict[str, Floats]:
    """Return USD of each trial by the name of each price that the table `cost` holds."""
    names = labels(costs, "price_id")
    by_price = {str(name): costs[names == name] for name in dict.fromkeys(names)}
    return {name: trial_costs(trials, attempts, part) for name, part in by_price.items()}


def _token_usd(attempts: pd.DataFrame, price: Price) -> Floats:
    """Return what tokens cost; parts that a reply does not tell count as none."""
    prompt, output = floats(attempts, "prompt_tokens"), floats(attempts, "output_tokens")
    cached = np.fmin(np.nan_to_num(floats(attempts, "cached_tokens")), prompt)
    reasoning = np.fmin(np.nan_to_num(floats(attempts, "reasoning_tokens")), output)
    asked, kept = price.usd_per_million_prompt_tokens or 0.0, price.usd_per_million_cached_tokens
    drawn = price.usd_per_million_output_tokens or 0.0
    thought = price.usd_per_million_reasoning_tokens
    usd: Floats = prompt * asked + output * drawn
    if kept is not None:
        usd = usd + cached * (kept - asked)
    if thought is not None:
        usd = usd + reasoning * (thought - drawn)
    return usd / 1e6


def _stage_seconds(attempts: pd.DataFrame, known: Stages) -> Floats:
    """Return for each attempt its equal part of its stage's latency; NaN where not known."""
    if known is None or len(attempts) == 0:
        return np.full(len(attempts), np.nan)
    stages = known() if callable(known) else known
    ended = ~is_true(attempts, "abandoned")  # a stage's latency is that of the attempts that ended
    members = _in_stage(attempts, ended, "sum")
    latency = attempts[_STAGE].merge(stages[[*_STAGE, "latency_s"]], on=_STAGE, how="left")
    seconds = floats(latency, "latency_s")
    parts: Floats = np.where(ended, seconds / np.maximum(members, 1), np.nan)
    return parts


def _own_or_shared(attempts: pd.DataFrame, own: Floats, stages: Stages) -> Floats:
    """Return each attempt's own seconds; a stage with any of its own is not shared out."""
    known = np.isfinite(own)
    if known.all():
        return own
    mine = among(attempts, attempts[~known])  # those of other trials have nothing to do with it
    some = attempts[mine]
    timed = _in_stage(some, known[mine], "max") > 0
    seconds = own.copy()
    seconds[mine] = np.where(timed, np.nan, _stage_seconds(some, stages))
    return np.where(known, own, seconds)


def _in_stage(attempts: pd.DataFrame, flags: Bools, how: Literal["sum", "max"]) -> Floats:
    """Return for each attempt the sum or the largest of the flags of its stage's attempts."""
    keyed = attempts[_STAGE].assign(_flag=flags.astype(np.float64))
    by_stage = keyed.groupby(_STAGE, dropna=False)["_flag"]
    return np.asarray(by_stage.transform(how), dtype=np.float64)


def _first_of_trial(attempts: pd.DataFrame) -> Floats:
    """Return 1 for the first attempt of each trial, 0 for the others and for warm-up."""
    first = ~attempts.sort_values("seq").duplicated(_TRIAL) & attempts["case_id"].notna()
    marked: Floats = first.reindex(attempts.index).to_numpy().astype(np.float64)
    return marked


def cost_per_trial(usd: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a request costs: all that was spent over all trials, failed ones too.

    `usd`, (n,): of each trial, warm-up shared among them; NaN where not known. With `cases` the sum
    over a case counts once in the interval.
    """
    spent = np.asarray(usd, dtype=np.float64)
    return _per(spent, np.ones(len(spent)), cases)


def cost_per_pass(usd: ArrayLike, passed: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what one right answer costs: failures and retries are paid for, too."""
    spent = np.asarray(usd, dtype=np.float64)
    return _per(spent, np.asarray(passed, dtype=np.bool_).astype(np.float64), cases)


def cost_of_requests(one: Estimate, requests: float) -> Estimate:
    """Return what a number of requests costs where each is billed alone, and idle time is not."""
    ends = (one.value, one.low, one.high)
    value, low, high = (None if end is None else end * requests for end in ends)
    whose = f"{requests:,.0f} requests like these"
    return replace(one, value=value, low=low, high=high, population=whose)


def _per(spent: Floats, counts: Floats, cases: ArrayLike | None) -> Estimate:
    """Estimate a ratio of sums, its interval by the delta method on ln with Student's t."""
    n = len(spent)
    missing = int(np.isnan(spent).sum())
    if n == 0 or missing:
        which = "" if missing == n else f" of {missing} of {n} trials"
        return Estimate(value=None, n=n, unit="USD", reason=f"the cost{which} is not known")
    if not counts.any():
        return Estimate(value=None, n=n, unit="USD", reason="no answer is right yet")
    means = spent
    if cases is not None:
        index, n = indexed(cases)
        spent, counts = group_sums(spent, index, n), group_sums(counts, index, n)
        means = spent / np.bincount(index)
    one = Estimate(value=float(spent.sum() / counts.sum()), n=n, population=PROMPTS, unit="USD")
    if reason := _no_interval(means, tails=bool(counts.all())):
        return replace(one, reason=reason)
    deviations = spent / spent.mean() - counts / counts.mean()
    error = math.sqrt(float((deviations**2).sum()) / (n * (n - 1)))
    factor = math.exp(float(stats.t.ppf(0.975, n - 1)) * error)
    ratio = spent.sum() / counts.sum()
    low, high = float(ratio / factor), float(ratio * factor)
    method = "ratio of sums, delta method on ln"
    return replace(one, low=low, high=high, confidence=0.95, method=method)


def _no_interval(spent: Floats, *, tails: bool) -> str:
    """Say why what cases cost on average carries no interval; empty if it does."""
    if not spent.any():
        return "free at this price"
    if len(spent) < CASES_NEEDED:
        return "not enough prompts for an interval"
    if tails and outliers.flag(spent[spent > 0]).mask.any():
        largest = f"{plain(100 * float(spent.max() / spent.sum()), 2)} % of the cost"
        return f"no interval: one of {len(spent):,} prompts holds {largest} (heavy tail)"
    return ""
