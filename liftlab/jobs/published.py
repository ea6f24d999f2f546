"""The figures that an imported run's file published, each beside what its rows give."""

from __future__ import annotations

from collections.abc import Mapping
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


def published_figures(
    run: RunData,
    told: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[PublishedFigure]:
    """Return what was published of a run, figure by figure; none where nothing was.

    Parameters
    ----------
    run
        The run and its tables.
    told
        The published summary; that of the imported file if None.
    earlier
        Summaries of other days, by name, that this one compares itself with.
    """
    if told is None:
        told = source_of(run).get("published", {})
    usd = usd_by_price(run.trials, run.attempts, run.costs)
    billed_first = {name: usd[name] for name, _ in REFERENCE_PRICES if name in usd}
    return compare_published(told, run.trials, run.stages, usd=billed_first, earlier=earlier)
