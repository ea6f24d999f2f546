"""Rules for claims about what is still to come: forecasts, and what requests will cost."""

from __future__ import annotations

import numpy as np

from liftlab.analysis import budget
from liftlab.analysis.budget import PlannedStage
from liftlab.analysis.claims.model import Claim, Evidence, Ruling
from liftlab.analysis.columns import Floats
from liftlab.analysis.cost import cost_per_pass, cost_per_trial, usd_by_price
from liftlab.analysis.estimate import as_set, plain, quantity, span
from liftlab.analysis.intervals import quantile_needs
from liftlab.analysis.latency import succeeded, time_end_to_end

_QUANTILES = (0.05, 0.5, 0.95)


def forecast(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule a forecast that is one number: a range at best, and wider with the base's own spread.

    Additions are drawn as independent and uniform in their ranges; the base is the median of
    what was observed, once as if it were known, once with the spread that was seen.
    """
    timed = time_end_to_end(evidence.trials, stages=evidence.stages)
    observed = timed.seconds[~timed.given_up]
    if len(observed) == 0 or not claim.ranges:
        return Ruling(
            claim=claim,
            ruling="not measurable",
            why="Neither a base nor ranges to add to it are known.",
            may_say="There is nothing yet to forecast from.",
        )
    planned = [
        PlannedStage(name=f"addition {number}", low_s=low, high_s=high)
        for number, (low, high) in enumerate(claim.ranges, 1)
    ]
    base = float(np.median(observed))
    typical = evidence.trials.head(1).assign(e2e_s=base, client_s=0.0, outcome="pass")
    fixed, spread = (
        np.quantile(budget.forecast(rows, evidence.stages.head(0), planned).planned_s, _QUANTILES)
        for rows in (typical, evidence.trials)
    )
    outside = not fixed[0] <= claim.figure <= fixed[-1]
    needs = quantile_needs(_QUANTILES[-1])[1]
    return Ruling(
        claim=claim,
        ruling="contradicted" if outside else "not supported",
        why=(
            f"If {quantity(base, 's')} were certain and the additions independent, 90 % would lie "
            f"in {_range(fixed)}; with the base as observed (n = {len(observed):,}) in "
            f"{_range(spread)}; and the added times are guesses, none is measured."
        ),
        may_say=(
            f"If each added stage takes what we guess, the typical request takes {_range(fixed)}; "
            f"slow ones, as today, up to about {quantity(float(spread[-1]), 's')}."
        ),
        n_needed=needs,
        needed="independent cases, for a bound on its slow end,",
        faults=("point_forecast",),
    )


def cost_figure(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "x USD a request" by the mean over all trials at the price that is billed."""
    trials, costs = evidence.trials, evidence.costs
    priced = usd_by_price(trials, evidence.attempts, costs)
    means = {name: (cost_per_trial(usd), usd) for name, usd in priced.items()}
    price = claim.price or next(iter(means), "")
    known = means.get(price)
    if known is None or known[0].value is None:
        return Ruling(
            claim=claim,
            ruling="not measurable",
            why=f"The price {price or 'of this run'} is not known.",
            may_say="What a request costs is not known.",
        )
    found, usd = known
    assert found.value is not None
    right = cost_per_pass(usd, succeeded(trials))
    others = [
        f"{as_set(claim.figure, 'USD')} is the mean at {name} ({other.point})"
        for name, (other, _) in means.items()
        if name != price and other.value is not None and claim.matches(other.value)
    ]
    fits = claim.matches(found.value)
    excess = "" if fits else f", {plain(found.value / claim.figure, 2)} times as much"
    return Ruling(
        claim=claim,
        ruling="supported" if fits else "contradicted",
        why="; ".join([f"Mean of all trials at {price}: {found}{excess}", *others])
        + ". Idle time is not in it.",
        may_say=(
            f"{found.point} a request at {price} while it works, idle time not counted"
            + (f"; {right.point} a right answer." if right.value is not None else ".")
        ),
        faults=("partial_cost",),
    )


def _range(quantiles: Floats) -> str:
    return span(round(float(quantiles[0]), 1), round(float(quantiles[-1]), 1), "s")
