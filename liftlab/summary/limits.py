"""The limits of a project's targets, so that no figure is rounded onto or over one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from liftlab.analysis.estimate import Estimate
from liftlab.settings.targets import Population, TargetSettings


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
        value = estimate.value
        if value is None or not limits:
            return estimate
        return replace(estimate, limit=min(limits, key=lambda limit: abs(limit - value)))
