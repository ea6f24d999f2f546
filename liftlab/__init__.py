"""Say whether an LLM code-generation endpoint is fast, right and affordable.

What a notebook imports:

- `open_run("latest")` returns a run with its tables as DataFrames;
- `summarize(run)` says what it comes to;
- `compare(first, second)` says what changed between two;
- `run_suite(...)` runs one;
- `history()` returns all runs as one DataFrame;
- `grade(code, case)` judges one answer;
- `Answer` and `transport()` are for a pipeline of your own;
- `Estimate`, `quantile`, `mean`, `proportion` and `flag` are the statistics.

Names are loaded when they are first used, so that importing liftlab costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from liftlab.analysis.estimate import Estimate
    from liftlab.analysis.intervals import mean, proportion, quantile
    from liftlab.analysis.outliers import flag
    from liftlab.errors import LiftlabError
    from liftlab.grading.grade import grade
    from liftlab.jobs import open_run
    from liftlab.pipeline.own import Answer
    from liftlab.reporting.display import compare, run_suite, summarize
    from liftlab.settings import load_project
    from liftlab.store import RunData, history
    from liftlab.suite import Case, Suite
    from liftlab.timing.observed import transport

_HOMES = {
    "Answer": "liftlab.pipeline.own",
    "Case": "liftlab.suite",
    "Estimate": "liftlab.analysis.estimate",
    "LiftlabError": "liftlab.errors",
    "RunData": "liftlab.store",
    "Suite": "liftlab.suite",
    "compare": "liftlab.reporting.display",
    "flag": "liftlab.analysis.outliers",
    "grade": "liftlab.grading.grade",
    "history": "liftlab.store",
    "load_project": "liftlab.settings",
    "mean": "liftlab.analysis.intervals",
    "open_run": "liftlab.jobs",
    "proportion": "liftlab.analysis.intervals",
    "quantile": "liftlab.analysis.intervals",
    "run_suite": "liftlab.reporting.display",
    "summarize": "liftlab.reporting.display",
    "transport": "liftlab.timing.observed",
}

__all__ = [
    "Answer",
    "Case",
    "Estimate",
    "LiftlabError",
    "RunData",
    "Suite",
    "__version__",
    "compare",
    "flag",
    "grade",
    "history",
    "load_project",
    "mean",
    "open_run",
    "proportion",
    "quantile",
    "run_suite",
    "summarize",
    "transport",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'liftlab' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
