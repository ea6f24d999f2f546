"""`liftlab.toml`, the environment and the command line, as one set of checked values.

Precedence: command line > `LIFTLAB_*` > `liftlab.toml` > defaults. Every value keeps its
origin, so that `liftlab config` can say where it came from. Secrets are never values here:
an endpoint names the *variable* that holds its token.
"""

from liftlab.settings.endpoint import ENDPOINTS, OMIT, EndpointSettings, RetrySettings, holds_secret
from liftlab.settings.project import (
    ENVIRONMENT,
    SETTINGS_FILE,
    Project,
    canonical_json,
    find_project,
    load_project,
)
from liftlab.settings.tables import (
    GradingSettings,
    LimitSettings,
    PathSettings,
    PipelineSettings,
    RunSettings,
    SamplingSettings,
    Settings,
    StageSettings,
)
from liftlab.settings.targets import BudgetSettings, PlannedStageSettings, TargetSettings

__all__ = [
    "ENDPOINTS",
    "ENVIRONMENT",
    "OMIT",
    "SETTINGS_FILE",
    "BudgetSettings",
    "EndpointSettings",
    "GradingSettings",
    "LimitSettings",
    "PathSettings",
    "PipelineSettings",
    "PlannedStageSettings",
    "Project",
    "RetrySettings",
    "RunSettings",
    "SamplingSettings",
    "Settings",
    "StageSettings",
    "TargetSettings",
    "canonical_json",
    "find_project",
    "holds_secret",
    "load_project",
]
