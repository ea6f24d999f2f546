"""All that a page says of one run, computed once: the same numbers in title, tiles and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from liftlab import tomlfile
from liftlab.analysis.claims import Evidence, Ruling, rule_all
from liftlab.analysis.claims.file import read as read_claims
from liftlab.analysis.columns import floats, labels
from liftlab.analysis.cost import Price, cost_per_pass, cost_per_trial, load_prices
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.explain import Explanation, explain
from liftlab.analysis.latency import (
    LatencySummary,
    TargetResult,
    e2e_summary,
    judge,
    stage_summaries,
    succeeded,
)
from liftlab.analysis.outliers import Outliers, flag
from liftlab.analysis.success import FailureShare, SuccessRate, failure_classes, success_rate
from liftlab.errors import FileInvalid
from liftlab.settings import TargetSettings

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData


CLAIMS_FILE = "claims.toml"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Facts:
    """What is known of one run.

    Parameters
    ----------
    data
        The run and its tables.
    targets
        What the team wants to reach.
    published
        Figures of the published days, by run, as printed.
    passed, parsed
        How many answers are right, and how many are Python at all.
    e2e, e2e_ok
        End-to-end time of all trials that ended, and of the right ones.
    stages, stages_ok
        The same of each stage; a stage is good where it gave a value.
    outliers
        By stage, what is slow beyond chance.
    slow
        Why slow stages were slow.
    failures
        What went wrong, most frequent first.
    cost, cost_right
        USD a trial and USD a right answer.
    prices
        By id.
    rulings
        Of what the claims on file say of this run; empty if they are about another.
    """

    data: RunData
    targets: TargetSettings
    published: Mapping[str, Mapping[str, Any]]
    passed: SuccessRate
    parsed: SuccessRate
    e2e: LatencySummary
    e2e_ok: LatencySummary
    stages: list[LatencySummary]
    stages_ok: list[LatencySummary]
    outliers: Mapping[str, Outliers]
    slow: list[Explanation]
    failures: list[FailureShare]
    cost: Estimate
    cost_right: Estimate
    prices: Mapping[str, Price]
    rulings: list[Ruling]

    @property
    def price_date(self) -> str:
        """When the price that trials are counted at was looked up; empty where there is none."""
        used = self.data.costs["price_id"].dropna().head(1)
        known = [self.prices[name].date for name in used if name in self.prices]
        return known[0] if known and self.cost.value is not None else ""

    @property
    def time_targets(self) -> dict[str, float]:
        """The targets in seconds, by name; a figure draws them as lines."""
        named = {
            "original": self.targets.e2e_median_original_s,
            "revised target": self.targets.e2e_median_s,
        }
        return {name: seconds for name, seconds in named.items() if seconds is not None}

    def success_verdict(self) -> TargetResult | None:
        """Judge the success rate against its target; None where there is none."""
        limit = self.targets.success_rate
        if limit is None:
            return None
        return judge(self.passed.estimate, limit, "success rate", at_most=False)

    def time_verdict(self) -> TargetResult | None:
        """Judge the median end-to-end time against its target; None where there is none."""
        limit = self.targets.e2e_median_s
        return None if limit is None else judge(self.e2e.p50, limit, "median end to end")


def gather(data: RunData, project: Project | None = None) -> Facts:
    """Compute what the pages say of a run.

    Parameters
    ----------
    data
        The run.
    project
        Has the targets and the published days; without it, default targets and none.
    """
    trials, stages, attempts = data.trials, data.stages, data.attempts
    cases = labels(trials, "case_id").astype(str)
    usd, passed = floats(trials, "cost_usd"), succeeded(trials)
    return Facts(
        data=data,
        targets=project.settings.targets if project else TargetSettings(),
        published=published(project.path("reference")) if project else {},
        passed=success_rate(trials),
        parsed=success_rate(trials, "parsed"),
        e2e=e2e_summary(trials),
        e2e_ok=e2e_summary(trials, "ok", "pass"),
        stages=stage_summaries(stages),
        stages_ok=stage_summaries(stages, "ok"),
        outliers=stage_outliers(data),
        slow=explain(trials, stages, attempts),
        failures=failure_classes(trials),
        cost=cost_per_trial(usd, cases),
        cost_right=cost_per_pass(usd, passed, cases),
        prices=_prices(project) if project else {},
        rulings=_rulings(data, project.path("reference")) if project else [],
    )


def published(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what each reference file of a folder says was published, newest first."""
    files = sorted(folder.glob("*.toml"), reverse=True)
    read = {path.stem: tomlfile.read(path, FileInvalid).data for path in files}
    return {name: dict(data["published"]) for name, data in read.items() if "published" in data}


def _rulings(data: RunData, folder: Path) -> list[Ruling]:
    """Rule what was claimed of this run; a file may say that it is about one run only."""
    path = folder / CLAIMS_FILE
    if not path.is_file():
        return []
    file = read_claims(path)
    return rule_all(file.claims, Evidence.of(data)) if file.about(data.run.run_id) else []


def _prices(project: Project) -> dict[str, Price]:
    path = project.path("prices")
    return load_prices(tomlfile.read(path, FileInvalid).data) if path.is_file() else {}


def stage_outliers(data: RunData) -> dict[str, Outliers]:
    """Flag slow stages: within a case where it repeats, else along its tokens.

    The published days have neither, and five rows: those are pooled.
    """
    pooled = data.run.provenance == "reference"
    found = {}
    for name, frame in data.stages.groupby("stage", sort=False):
        latency = floats(frame, "latency_s")
        tokens = floats(frame, "output_tokens")
        if pooled:
            found[str(name)] = flag(latency)
        else:
            known = tokens if np.isfinite(tokens).any() else None
            found[str(name)] = flag(latency, labels(frame, "case_id").astype(str), known)
    return found
