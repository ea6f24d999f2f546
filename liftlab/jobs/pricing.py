"""The table of what a run's attempts cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from liftlab.analysis.cost import Price, attempt_costs
from liftlab.settings import Project
from liftlab.store import RunFolder, rescale
from liftlab.store.week2 import FAMILIES
from liftlab.summary.cost import prices, timed_stages

# The list price first: it is the run's own. The formula of the published day and of the first
# benchmark's files only shows where their figures come from.
REFERENCE_PRICES = (("modal-a10g", "gpu_seconds"), ("week2-published", "week2"))


def own_prices(folder: RunFolder) -> tuple[tuple[str, str], ...]:
    """Return the prices and cost models of a run, its own first."""
    manifest = folder.manifest()
    imported = manifest.get("imported", {}).get("family")
    if "reference" in manifest or imported in FAMILIES:
        return REFERENCE_PRICES
    if imported is not None:
        return (("unknown", "gpu_seconds"),)
    endpoint = manifest["request"]["endpoint"]
    return ((endpoint["price"] or "unknown", endpoint["cost_model"]),)


def run_costs(
    project: Project, folder: RunFolder, frames: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the table `cost` of a run: each attempt by each of the run's prices.

    What a simulator would take is paid for, not the time that it was sped up to.
    """
    known = prices(project)
    [scale] = frames["run"]["time_scale"]
    attempts, stages, trials = (rescale(frames[n], scale) for n in ("attempt", "stage", "trial"))
    stages = timed_stages(stages, trials)
    priced = [
        attempt_costs(
            attempts,
            known.get(price_id, Price(price_id=price_id)),
            model,  # type: ignore[arg-type]  # checked by attempt_costs
            stages,
        )
        for price_id, model in own_prices(folder)
    ]
    return pd.concat(priced, ignore_index=True)
