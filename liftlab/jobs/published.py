"""The figures that a run's source published, each beside what its rows give."""

from __future__ import annotations

from liftlab.analysis.columns import floats
from liftlab.analysis.cost import trial_costs
from liftlab.analysis.published import PublishedFigure, compare_published
from liftlab.jobs.pricing import REFERENCE_PRICES
from liftlab.store import RunData


def published_figures(run: RunData) -> list[PublishedFigure]:
    """Return what an imported file's summary says, figure by figure; none for other runs.

    Parameters
    ----------
    run
        The run and its tables.
    """
    told = run.folder.manifest().get("imported", {}).get("published", {})
    billed_first = [price_id for price_id, _ in reversed(REFERENCE_PRICES)]
    usd = {}
    for price_id in billed_first:
        costs = run.costs[run.costs["price_id"] == price_id]
        usd[price_id] = floats(trial_costs(run.trials, run.attempts, costs), "usd")
    return compare_published(told, run.trials, run.stages, usd=usd)
