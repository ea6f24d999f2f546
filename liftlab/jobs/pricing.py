"""The prices of a project, and what a run's attempts cost by them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from liftlab import tomlfile
from liftlab.analysis import cost
from liftlab.errors import SettingsInvalid
from liftlab.settings import Project
from liftlab.store import RunFolder

# The published day was priced by its own formula; beside it stands the list price.
REFERENCE_PRICES = (("week2-published", "week2"), ("modal-a10g", "gpu_seconds"))


def prices(project: Project) -> dict[str, cost.Price]:
    """Return the project's prices by id; none where it has no file of prices."""
    path = project.path("prices")
    if not path.exists():
        return {}
    return cost.load_prices(tomlfile.read(path, SettingsInvalid).data)


def own_prices(folder: RunFolder) -> tuple[tuple[str, str], ...]:
    """Return the prices and cost models of a run, its own first."""
    manifest = folder.manifest()
    if "reference" in manifest:
        return REFERENCE_PRICES
    endpoint = manifest["request"]["endpoint"]
    return ((endpoint["price"] or "unknown", endpoint["cost_model"]),)


def run_costs(
    project: Project, folder: RunFolder, frames: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the table `cost` of a run: each attempt by each of the run's prices."""
    known = prices(project)
    priced = [
        cost.attempt_costs(
            frames["attempt"],
            known.get(price_id, cost.Price(price_id=price_id)),
            model,  # type: ignore[arg-type]  # checked by attempt_costs
            frames["stage"],
        )
        for price_id, model in own_prices(folder)
    ]
    return pd.concat(priced, ignore_index=True)
