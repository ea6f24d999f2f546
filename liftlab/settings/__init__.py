"""`liftlab.toml`, the environment and the command line, as one set of checked values.

Precedence: command line > `LIFTLAB_*` > `liftlab.toml` > defaults. Every value keeps its
origin, so that `liftlab config` can say where it came from. Secrets are never values here:
an endpoint names the *variable* that holds its token.
"""

from liftlab.settings.endpoint import ENDPOINTS, OMIT, EndpointSettings, RetrySettings, holds_secret
from liftlab.settings.project import (
    SETTINGS_FILE,
    Project,
    canonical_json,
    find_project,
    load_project,
)
from liftlab.settings.tables import GradingSettings, LimitSettings, Settings, StageSettings

__all__ = [
    "ENDPOINTS",
    "OMIT",
    "SETTINGS_FILE",
    "EndpointSettings",
    "GradingSettings",
    "LimitSettings",
    "Project",
    "RetrySettings",
    "Settings",
    "StageSettings",
    "canonical_json",
    "find_project",
    "holds_secret",
    "load_project",
]
