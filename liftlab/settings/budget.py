"""The plan of stages that are still to come, and what each is thought to take."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from liftlab.settings.table import Table


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


def default_stages() -> dict[str, PlannedStageSettings]:
    """Return the semantic stages that the first team plans."""
    ranges = {
        "entity_resolution": (1.0, 2.0),
        "clause_analysis": (1.0, 2.0),
        "relationship_graphs": (0.5, 1.0),
        "ambiguity_detection": (0.5, 1.0),
        "intent_inference": (1.0, 2.0),
    }
    return {name: PlannedStageSettings(range_s=ends) for name, ends in ranges.items()}


class BudgetSettings(Table):
    """The planned stages, in the order in which they run."""

    correlation: float = Field(default=0.0, ge=0, le=1)  # 0: independent; 1: all slow together
    stages: dict[str, PlannedStageSettings] = Field(default_factory=default_stages)

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
