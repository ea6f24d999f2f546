"""The rows of a run that a claim about times is ruled by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from liftlab.analysis import intervals
from liftlab.analysis.claims.model import POPULATIONS, Evidence, Population, Statistic
from liftlab.analysis.columns import Bools, Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.rates import per_success

_INITIALS = ("nlp", "ir")


class Rows:
    """The times of a stage, or end to end, and which populations they belong to."""

    def __init__(self, stage: str, evidence: Evidence) -> None:
        self.stage = stage
        self.off_s = evidence.off_s
        self.limit_s = evidence.limit_s if stage == "e2e" else None
        trials, stages = evidence.trials, evidence.stages
        self.trials = trials
        frame = trials if stage == "e2e" else stages[stages["stage"] == stage]
        self.seconds = floats(frame, "e2e_s" if stage == "e2e" else "latency_s")
        self.cases = labels(frame, "case_id").astype(str)
        self.ok = is_true(frame, "completed" if stage == "e2e" else "ok")
        done = trials[is_true(trials, "completed")]
        completed = set(zip(labels(done, "case_id"), floats(done, "repeat"), strict=True))
        keys = zip(labels(frame, "case_id"), floats(frame, "repeat"), strict=True)
        self.completed = np.array([key in completed for key in keys], dtype=np.bool_)

    def of(self, population: Population) -> tuple[Floats, list[str]]:
        """Return the times of a population, and their cases."""
        chosen: dict[Population, Bools] = {
            "all": np.ones(len(self.ok), dtype=np.bool_),
            "ok": self.ok,
            "completed": self.completed,
        }
        kept = chosen[population] & np.isfinite(self.seconds)
        return self.seconds[kept], [str(case) for case in self.cases[kept]]

    def estimate(self, statistic: Statistic | Literal["cv"], population: Population) -> Estimate:
        """Estimate a statistic of a population; repeats of a case share one value."""
        kernel = {"median": intervals.median, "mean": intervals.mean, "cv": intervals.cv}
        values, cases = self.of(population)
        found = kernel[statistic](values, clusters=cases)
        if statistic == "cv":
            return found
        limit = self.limit_s if statistic == "median" else None
        return replace(found.no_narrower_than(self.off_s), limit=limit)

    def pooled(self, statistic: Statistic, population: Population) -> float:
        """Return a statistic over all rows of a population, each repeat counted."""
        values, _ = self.of(population)
        return float(np.median(values) if statistic == "median" else values.mean())

    def others(
        self, statistic: Statistic | Literal["cv"], population: Population
    ) -> Iterator[tuple[Population, float, int]]:
        """Yield the statistic of every other population that has other rows."""
        sizes = {len(self.of(population)[0])}
        for name in POPULATIONS:
            values, _ = self.of(name)
            found = self.estimate(statistic, name)
            if found.value is not None and len(values) not in sizes:
                sizes.add(len(values))
                yield name, found.value, found.n

    def sentence(self) -> str:
        """Say the median of all rows; end to end also the mean and what one success takes."""
        values, _ = self.of("all")
        n = len(values)
        if n == 0:
            return f"{stage_name(self.stage)} was not timed."
        middle = self.estimate("median", "all")
        said = f"{stage_name(self.stage)}: median {middle}, {POPULATIONS['all']}"
        if not self.ok.any():
            said += "; none succeeded"
        elif int(self.ok.sum()) < n:
            some = self.estimate("median", "ok")
            said += f"; {some.point} of the {int(self.ok.sum()):,} that succeeded"
        if self.stage == "e2e":
            kept = np.isfinite(self.seconds)
            each = per_success(self.seconds[kept], self.ok[kept])
            said += f"; mean {self.estimate('mean', 'all').point}"
            said += f", {each.point} for each success" if each.value is not None else ""
        return f"{said}."


def stage_name(stage: str) -> str:
    """Write a stage's name for people: `nlp_to_ir` is "NLP to IR"."""
    if stage == "e2e":
        return "end to end"
    return " ".join(word.upper() if word in _INITIALS else word for word in stage.split("_"))
