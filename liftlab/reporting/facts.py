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
    stage_summaries,
    succeeded,
)
from liftlab.analysis.outliers import Outliers, flag
from liftlab.analysis.success import FailureShare, SuccessRate, failure_classes, success_rate
from liftlab.analysis.targets import JudgedTarget, judge_targets
from liftlab.errors import FileInvalid
from liftlab.settings.targets import default_targets

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
        What the team wants to reach, each with its verdict on this run.
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
    targets: list[JudgedTarget]
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
    def unanswered(self) -> bool:
        """Whether every trial ended in an error of the endpoint."""
        return self.passed.trials == 0 and self.passed.errors > 0

    @property
    def errors(self) -> list[str]:
        """Classes of the endpoint's errors, the most frequent first."""
        trials, stages = self.data.trials, self.data.stages
        key = ["case_id", "repeat"]
        failed = trials.loc[labels(trials, "outcome") == "error", key].merge(stages, on=key)
        return [str(name) for name in failed["error_class"].value_counts().index]

    @property
    def price_date(self) -> str:
        """When the price that trials are counted at was looked up; empty where there is none."""
        used = self.data.costs["price_id"].dropna().head(1)
        known = [self.prices[name].date for name in used if name in self.prices]
        return known[0] if known and self.cost.value is not None else ""

    @property
    def time_targets(self) -> dict[str, float]:
        """The limits of the median end-to-end time in seconds; a figure draws them as lines."""
        return {
            "target" if target.required else target.key.replace("_", " "): target.result.limit
            for target in self._end_to_end()
        }

    @property
    def success_limit(self) -> float | None:
        """The share of right answers that is wanted; None where there is no such target."""
        verdict = self.success_verdict()
        return None if verdict is None else verdict.limit

    def success_verdict(self) -> TargetResult | None:
        """Return the verdict on the success rate; None where there is no such target."""
        return self._required("success_rate")

    def cost_verdict(self) -> TargetResult | None:
        """Return the verdict on the cost of a right answer; None where there is no such target."""
        return self._required("cost_per_pass_usd")

    def _required(self, metric: str) -> TargetResult | None:
        return next((t.result for t in self.targets if t.metric == metric and t.required), None)

    def time_verdict(self) -> TargetResult | None:
        """Return the verdict on the median end-to-end time; None where there is no such target."""
        return next((t.result for t in self._end_to_end() if t.required), None)

    def _end_to_end(self) -> list[JudgedTarget]:
        """Return the targets of the median end-to-end time over all that ended."""
        return [
            target
            for target in self.targets
            if target.metric == "e2e_median_s" and target.population == "ended"
        ]


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
    off_s = data.run.timing_uncertainty_s
    usd, passed = floats(trials, "cost_usd"), succeeded(trials)
    return Facts(
        data=data,
        targets=judge_targets(data, project.settings.targets if project else default_targets()),
        published=published(project.path("reference")) if project else {},
        passed=success_rate(trials),
        parsed=success_rate(trials, "parsed"),
        e2e=e2e_summary(trials).within(off_s),
        e2e_ok=e2e_summary(trials, "ok", "pass").within(off_s),
        stages=[each.within(off_s) for each in stage_summaries(stages)],
        stages_ok=[each.within(off_s) for each in stage_summaries(stages, "ok")],
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
