"""What attempts and trials cost, by a price and a model; what is unknown stays unknown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.intervals import mean, per_success
from liftlab.errors import InputInvalid, UsageError

CostModel = Literal["gpu_seconds", "tokens", "week2"]

_SECONDS_PER_HOUR = 3600.0
_TRIAL = ["run_id", "case_id", "repeat"]
_STAGE = [*_TRIAL, "stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Rates in USD; None is unknown, which is not zero. A request fee left out is not charged."""

    price_id: str
    usd_per_hour: float | None = None
    usd_per_request: float | None = None
    usd_per_million_prompt_tokens: float | None = None
    usd_per_million_output_tokens: float | None = None
    currency: str = "USD"
    date: str = ""
    source: str = ""

    def knows(self, model: CostModel) -> bool:
        """Whether this price has the rates that a model needs."""
        if model == "tokens":
            tokens = (self.usd_per_million_prompt_tokens, self.usd_per_million_output_tokens)
            return None not in tokens
        return self.usd_per_hour is not None


def load_prices(data: Mapping[str, Any]) -> dict[str, Price]:
    """Return the prices of a parsed prices file, by id.

    Raises
    ------
    InputInvalid
        If a price has an unknown field, another currency, or a rate that is no amount.

    Examples
    --------
    >>> load_prices({"mine": {"usd_per_hour": 1.1}})["mine"].usd_per_hour
    1.1
    """
    known = {field.name for field in dataclasses.fields(Price)} - {"price_id"}
    prices = {}
    for name, table in data.items():
        if not isinstance(table, Mapping):
            raise InputInvalid(f"prices: {name}: a price is a table, as in [{name}]")
        for key, value in table.items():
            if key not in known:
                raise InputInvalid(
                    f"prices: {name}.{key}: no such field; there are {', '.join(sorted(known))}"
                )
            if key.startswith("usd_") and not _is_amount(value):
                raise InputInvalid(
                    f"prices: {name}.{key} is {value!r}: give USD as a number, 0 or more, "
                    "or leave it out if it is unknown"
                )
        if table.get("currency", "USD") != "USD":
            raise InputInvalid(f"prices: {name}.currency: prices are in USD")
        rates: dict[str, Any] = {
            key: value if key.startswith("usd_") else str(value) for key, value in table.items()
        }
        prices[name] = Price(price_id=name, **rates)
    return prices


def attempt_costs(
    attempts: pd.DataFrame,
    price: Price,
    model: CostModel = "gpu_seconds",
    stages: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Price each attempt; `usd` is NaN where its price, times or tokens are not known.

    Parameters
    ----------
    attempts
        The attempt table of one run, warm-up and failed attempts too: they are paid for.
    price
        The rates.
    model
        `gpu_seconds`: sent to last byte; attempts that overlap share the GPU, so that the sum
        is the time it was busy. `tokens`: prompt and output rates. `week2`: the first
        benchmark's formula, whole stage latency at the hourly rate and one request fee a
        trial; a stage's cost is shared equally among its attempts.
    stages
        The stage table. Attempts without times of their own take equal parts of their
        stage's latency; needed for `week2`.

    Returns
    -------
    DataFrame
        The columns of `liftlab.records.Cost`, one row an attempt.
    """
    if model not in get_args(CostModel):
        raise UsageError(f"cost model {model!r}: there are {', '.join(get_args(CostModel))}")
    usd = np.full(len(attempts), np.nan)
    if price.knows(model):
        if model == "tokens":
            usd = _token_usd(attempts, price)
        else:
            seconds = _stage_seconds(attempts, stages)
            if model == "gpu_seconds":
                own = busy_seconds(floats(attempts, "sent_s"), floats(attempts, "last_byte_s"))
                if len(own):  # a stage with any time of its own is not shared out
                    seconds[_in_stage(attempts, np.isfinite(own), "max") > 0] = np.nan
                seconds = np.where(np.isfinite(own), own, seconds)
            usd = seconds * (price.usd_per_hour or 0.0) / _SECONDS_PER_HOUR
        fee = price.usd_per_request or 0.0
        usd = usd + (fee * _first_of_trial(attempts) if model == "week2" else fee)
    return pd.DataFrame(
        {
            "run_id": labels(attempts, "run_id"),
            "seq": attempts["seq"].to_numpy() if "seq" in attempts else [],
            "price_id": [price.price_id] * len(attempts),
            "cost_model": [model] * len(attempts),
            "usd": usd,
        }
    )


def busy_seconds(start: ArrayLike, end: ArrayLike) -> Floats:
    """Return each span's part of the time in which any span was open, shared while they overlap.

    Examples
    --------
    >>> busy_seconds([0.0, 1.0], [2.0, 3.0]).tolist()
    [1.5, 1.5]
    """
    begin, finish = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    known = np.isfinite(begin) & np.isfinite(finish) & (finish >= begin)
    moments = np.concatenate([begin[known], finish[known]])
    steps = np.concatenate([np.ones(known.sum()), -np.ones(known.sum())])
    order = np.argsort(moments, kind="stable")
    open_spans = np.cumsum(steps[order])[:-1]
    gaps = np.diff(moments[order])
    shares = np.divide(gaps, open_spans, out=np.zeros_like(gaps), where=open_spans > 0)
    elapsed = np.concatenate([[0.0], np.cumsum(shares)])
    at = np.empty(len(moments))
    at[order] = elapsed[: len(moments)]
    shared = np.full(len(begin), np.nan)
    shared[known] = at[known.sum() :] - at[: known.sum()]
    return shared


def trial_costs(trials: pd.DataFrame, attempts: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Sum what the attempts of each trial cost.

    Parameters
    ----------
    trials, attempts
        Their tables.
    costs
        What `attempt_costs` returned for these attempts.

    Returns
    -------
    DataFrame
        The trial's key, `usd` (NaN where nothing is known), and `unknown`: how many of its
        attempts have no known cost, for which `usd` is a lower bound.
    """
    keyed = attempts[[*_TRIAL, "seq"]].merge(costs[["run_id", "seq", "usd"]], on=["run_id", "seq"])
    keyed["unknown"] = keyed["usd"].isna()
    groups = keyed.groupby(_TRIAL, dropna=True)
    summed = groups.agg(unknown=("unknown", "sum")).join(groups["usd"].sum(min_count=1))
    priced = trials[_TRIAL].merge(summed.reset_index(), on=_TRIAL, how="left")
    priced["unknown"] = priced["unknown"].fillna(0).astype(int)
    return priced[[*_TRIAL, "usd", "unknown"]]


def cost_per_trial(usd: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a trial costs, over all trials, failed ones too."""
    spent = np.asarray(usd, dtype=np.float64)
    missing = int(np.isnan(spent).sum())
    if missing:
        which = "" if missing == len(spent) else f" of {missing} of {len(spent)} trials"
        return Estimate(
            value=None, n=len(spent), unit="USD", reason=f"the cost{which} is not known"
        )
    if len(spent) and not spent.any():
        return Estimate(value=0.0, n=len(spent), unit="USD", reason="free at this price")
    return mean(spent, clusters=cases, unit="USD")


def projection(usd: ArrayLike, requests: int, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what a number of requests costs, at the mean of these trials.

    Idle time and cold starts between requests are not in it.

    Examples
    --------
    >>> print(projection([0.0034, 0.0032, 0.0035], 1000))
    3.37 USD (n = 3: no interval for a mean below n = 20)
    """
    one = cost_per_trial(usd, cases)
    return dataclasses.replace(
        one,
        value=_times(one.value, requests),
        low=_times(one.low, requests),
        high=_times(one.high, requests),
        population=f"{requests:,} requests like these, back to back",
    )


def cost_per_pass(usd: ArrayLike, passed: ArrayLike, cases: ArrayLike | None = None) -> Estimate:
    """Estimate what one right answer costs: failures and retries are paid for, too."""
    one = cost_per_trial(usd)
    if one.value is None or one.value == 0:
        return one
    return per_success(usd, passed, cases, unit="USD")


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _is_amount(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0  # type: ignore[operator, arg-type]


def _token_usd(attempts: pd.DataFrame, price: Price) -> Floats:
    prompt = floats(attempts, "prompt_tokens") * (price.usd_per_million_prompt_tokens or 0.0)
    output = floats(attempts, "output_tokens") * (price.usd_per_million_output_tokens or 0.0)
    usd: Floats = (prompt + output) / 1e6
    return usd


def _stage_seconds(attempts: pd.DataFrame, stages: pd.DataFrame | None) -> Floats:
    """Return for each attempt its equal part of its stage's latency; NaN where not known."""
    if stages is None or len(attempts) == 0:
        return np.full(len(attempts), np.nan)
    ended = ~is_true(attempts, "abandoned")  # a stage's latency is that of the attempts that ended
    members = _in_stage(attempts, ended, "sum")
    latency = attempts[_STAGE].merge(stages[[*_STAGE, "latency_s"]], on=_STAGE, how="left")
    seconds = floats(latency, "latency_s")
    parts: Floats = np.where(ended, seconds / np.maximum(members, 1), np.nan)
    return parts


def _in_stage(attempts: pd.DataFrame, flags: Bools, how: Literal["sum", "max"]) -> Floats:
    """Return for each attempt the sum or the largest of the flags of its stage's attempts."""
    keyed = attempts[_STAGE].assign(_flag=flags.astype(np.float64))
    found: Floats = (
        keyed.groupby(_STAGE, dropna=False)["_flag"].transform(how).to_numpy(dtype=np.float64)
    )
    return found


def _first_of_trial(attempts: pd.DataFrame) -> Floats:
    """Return 1 for the first attempt of each trial, 0 for the others and for warm-up."""
    first = ~attempts.sort_values("seq").duplicated(_TRIAL) & attempts["case_id"].notna()
    marked: Floats = first.reindex(attempts.index).to_numpy().astype(np.float64)
    return marked
