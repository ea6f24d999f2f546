"""What every result of a summary has, and the limits of targets beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from liftlab.analysis.estimate import Estimate, nearest
from liftlab.settings.targets import Population, TargetSettings
from liftlab.store import RunData

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result:
    """Something that is said of one run; `liftlab.reporting.sections` says how it is shown."""

    run: RunData  # the run and its tables

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.run.run.run_id}>"


def named(found: Found, **quantities: str) -> Found:
    """Return a result whose estimates know which quantity each is, by field."""
    result: Any = found
    estimates = {
        field: replace(getattr(found, field), quantity=quantity)
        for field, quantity in quantities.items()
    }
    return replace(result, **estimates)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Limits:
    """The targets of a project, by what they limit."""

    targets: Mapping[str, TargetSettings]

    def of(
        self, metric: str, population: Population = "answered", *, required: bool = False
    ) -> tuple[tuple[str, float], ...]:
        """Return name and limit of each target of a metric; the required ones are "target"."""
        return tuple(
            ("target" if target.required else key.replace("_", " "), target.limit)
            for key, target in self.targets.items()
            if (target.metric, target.population) == (metric, population)
            if target.required or not required
        )

    def beside(
        self, estimate: Estimate, metric: str, population: Population = "answered"
    ) -> Estimate:
        """Return an estimate that is written beside the nearest of its limits."""
        limits = [limit for _, limit in self.of(metric, population)]
        limit = nearest(limits, estimate.value)
        return estimate if limit is None else replace(estimate, limit=limit)
