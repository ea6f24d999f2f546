"""What end to end will take once planned stages are built: their ranges on top of what is measured.

Each draw takes one measured trial, with the times of its stages, and a time for each planned
stage from its range; the stages run in the order that they need each other, and the longest way
through them is the end-to-end time.
"""

from liftlab.analysis.budget.forecasting import forecast, side_by_side
from liftlab.analysis.budget.model import MODEL, Budget, Kept, PlannedStage, StageEffect

__all__ = ["MODEL", "Budget", "Kept", "PlannedStage", "StageEffect", "forecast", "side_by_side"]
