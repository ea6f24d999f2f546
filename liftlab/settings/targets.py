"""What a project aims at: its targets, and the plan of the stages that are still to come."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Population = Literal["answered", "right"]
Direction = Literal["at_most", "at_least"]

# End to end or a stage, by one of its statistics.
TIME_METRIC = re.compile(r"(?P<what>[A-Za-z][\w-]*)_(?P<statistic>mean|median|p90|p95|p99)_s")
SESSION_METRIC = "critical_failures"  # of session checks, and of no other run
GOODPUT = "goodput_right_per_s"  # of capacity runs, and of no other run
AT_LEAST = ("success_rate", "parsed_rate", "prompts_tested", GOODPUT)
AT_MOST = (
    "error_rate",
    "cost_per_pass_usd",
    "cost_per_trial_usd",
    "worst_class_share",
    SESSION_METRIC,
)
_SHARES = ("success_rate", "parsed_rate", "error_rate", "worst_class_share")
_OLD_NAMES = {"ended": "answered", "completed": "answered", "pass": "right"}


class Table(BaseModel):
    """A table of `liftlab.toml`: frozen, and a name that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class TargetSettings(Table):
    """One target, such as a median end-to-end time of at most 15 s."""

    metric: str
    limit: float = Field(ge=0, allow_inf_nan=False)
    direction: Direction | None = None  # None: as the metric goes
    population: Population = "answered"  # of a time: whose
    required: bool = True  # False: shown, and not counted in the exit code
    title: str = ""

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        if metric not in AT_LEAST + AT_MOST and not TIME_METRIC.fullmatch(metric):
            raise ValueError(
                f"no metric {metric!r}: there are {', '.join(AT_LEAST + AT_MOST)}, and "
                "mean, median, p90, p95, p99 of end to end and of every stage, as in e2e_median_s"
            )
        return metric

    @field_validator("population", mode="before")
    @classmethod
    def _is_renamed(cls, population: object) -> object:
        if population == "never":
            raise ValueError(
                'population "never" is gone: a wrong answer has a time like any other; '
                'use "answered" or "right", and a target for success_rate'
            )
        return _OLD_NAMES.get(str(population), population)

    @model_validator(mode="after")
    def _fits(self) -> TargetSettings:
        if self.metric in _SHARES and self.limit > 1:
            raise ValueError(f"a limit of {self.metric} is a share from 0 to 1, as in 0.7")
        if self.population != "answered" and not TIME_METRIC.fullmatch(self.metric):
            raise ValueError(f"population is for times: {self.metric} has its own")
        return self

    @property
    def at_most(self) -> bool:
        """Whether smaller is better."""
        if self.direction is not None:
            return self.direction == "at_most"
        return self.metric not in AT_LEAST


def default_targets() -> dict[str, TargetSettings]:
    """Return the targets of a project that names none."""
    return {
        "e2e_median": TargetSettings(metric="e2e_median_s", limit=15.0),
        "original": TargetSettings(metric="e2e_median_s", limit=5.0, required=False),
        "success": TargetSettings(metric="success_rate", limit=0.70),
        "errors": TargetSettings(metric="error_rate", limit=0.05, title="error rate"),
        "sessions": TargetSettings(
            metric=SESSION_METRIC, limit=9, title="critical failures of the session API"
        ),
    }


class PlannedStageSettings(Table):
    """One stage that is not built yet."""

    range_s: tuple[float, float]  # from, to
    # the stages that it needs; None: the one before it in the plan; []: none
    after: tuple[str, ...] | None = None

    @field_validator("range_s")
    @classmethod
    def _is_a_range(cls, ends: tuple[float, float]) -> tuple[float, float]:
        low, high = ends
        if not 0 <= low <= high < float("inf"):
            raise ValueError(f"a range in seconds is [low, high], as in [0.5, 1.0], not {ends}")
        return ends


def _semantic_stages() -> dict[str, PlannedStageSettings]:
    """Return the stages that the first team plans."""
    long, short = PlannedStageSettings(range_s=(1.0, 2.0)), PlannedStageSettings(range_s=(0.5, 1.0))
    return {
        "entity_resolution": long,
        "clause_analysis": long,
        "relationship_graphs": short,
        "ambiguity_detection": short,
        "intent_inference": long,
    }


class BudgetSettings(Table):
    """The planned stages, in the order in which they run."""

    correlation: float = Field(default=0.0, ge=0, le=1)  # 0: independent; 1: all slow together
    stages: dict[str, PlannedStageSettings] = Field(default_factory=_semantic_stages)

    @model_validator(mode="after")
    def _needs_come_first(self) -> BudgetSettings:
        names = list(self.stages)
        for index, (name, stage) in enumerate(self.stages.items()):
            later = [other for other in stage.after or () if other in names[index:]]
            if later:
                raise ValueError(
                    f"stage {name} is after {later[0]}: name it further down, below what it needs"
                )
        return self
