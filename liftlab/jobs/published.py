"""The figures that an imported run's file published, each beside what its rows give."""

from __future__ import annotations

from typing import Any

from liftlab.analysis.cost import usd_by_price
from liftlab.analysis.published import PublishedFigure, compare_published
from liftlab.jobs.pricing import REFERENCE_PRICES
from liftlab.store import RunData


def source_of(run: RunData) -> dict[str, Any]:
    """Return what is known of the file that a run was imported from; empty for other runs.

    Returns
    -------
    dict
        `file`, `sha256`, `family`, `published` (the figures of its summary) and `notes`.
    """
    if run.run.provenance != "imported":
        return {}
    known: dict[str, Any] = run.folder.manifest().get("imported", {})
    return known


def published_figures(run: RunData) -> list[PublishedFigure]:
    """Return what an imported file's summary says, figure by figure; none for other runs.

    Parameters
    ----------
    run
        The run and its tables.
    """
    usd = usd_by_price(run.trials, run.attempts, run.costs)
    billed_first = {name: usd[name] for name, _ in reversed(REFERENCE_PRICES) if name in usd}
    told = source_of(run).get("published", {})
    return compare_published(told, run.trials, run.stages, usd=billed_first)
