"""The prices of a project, and what a run's attempts cost by them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from liftlab import tomlfile
from liftlab.analysis import cost
from liftlab.analysis.columns import floats, labels
from liftlab.errors import SettingsInvalid
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder, rescale

# The published day and the first benchmark's files were priced by that formula; beside it
# stands the list price.
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
    if "reference" in manifest or "imported" in manifest:
        return REFERENCE_PRICES
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
    stages = stages if len(stages) else _whole_trials(trials)
    priced = [
        cost.attempt_costs(
            attempts,
            known.get(price_id, cost.Price(price_id=price_id)),
            model,  # type: ignore[arg-type]  # checked by attempt_costs
            stages,
        )
        for price_id, model in own_prices(folder)
    ]
    return pd.concat(priced, ignore_index=True)


def hosting(project: Project, run: RunData, price: cost.Price) -> cost.Hosting | None:
    """Return how the containers behind a run come and go; None where no idle window is known.

    The endpoint's own fields go before the price's; of cold starts, what the run measured goes
    before both, and one that nobody knows counts as 0 s.
    """
    own = project.settings.endpoints.get(run.run.endpoint or "")
    window = own.idle_s if own and "idle_s" in own.model_fields_set else price.idle_s
    if window is None:
        return None
    told = own.cold_start_s if own and own.cold_start_s is not None else price.cold_start_s
    slots = own.slots if own and "slots" in own.model_fields_set else price.slots
    containers = own.max_containers if own and own.max_containers else price.max_containers
    measured = measured_cold_start(run)
    return cost.Hosting(
        idle_window_s=window,
        cold_start_s=(told or 0.0) if measured is None else measured,
        slots=slots or 1,
        containers=containers or 1,
    )


def measured_cold_start(run: RunData) -> float | None:
    """Return the mean cold start of a run's attempts in seconds; None where none was measured."""
    spans = floats(run.attempts, "cold_s")
    known = spans[np.isfinite(spans) & (spans > 0)]
    return float(known.mean()) if len(known) else None


def billed_price(project: Project, run: RunData) -> cost.Price:
    """Return the price by which idle time is billed: of the run's, the first that tells how.

    If none does, the first with an hourly rate; and if there is none, the run's own.
    """
    known = prices(project)
    names = [str(name) for name in dict.fromkeys(labels(run.costs, "price_id")) if name is not None]
    candidates = [known.get(name, cost.Price(price_id=name)) for name in names]
    candidates = candidates or [cost.Price(price_id="unknown")]
    return next(
        (price for price in candidates if hosting(project, run, price) and price.usd_per_hour),
        next((price for price in candidates if price.usd_per_hour is not None), candidates[0]),
    )


def _whole_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials as nameless stages: an imported file may time nothing smaller."""
    keys = trials[["run_id", "case_id", "repeat"]]
    return keys.assign(stage=pd.Series(pd.NA, trials.index, "str"), latency_s=trials["e2e_s"])
