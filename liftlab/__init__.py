"""Say whether an LLM code-generation endpoint is fast, right and affordable.

What notebooks and scripts import:

- `load_project`, `runs`, `history`: where you are, and what there is;
- `open_run("latest")` returns a `Run`: its tables as DataFrames, `.trial("is_even")` in full,
  and `.summary`, what it comes to;
- `run(suite, endpoint)` makes one, `resume` finishes one, `compare` says what changed;
- `load_suite`, `Suite`, `Case`, `Check`, `make_suite` and `grade` are what is asked and judged;
- `what_if` and `explore` tell what faster stages or another price would change;
- `Answer` and `transport()` are for a pipeline of your own;
- `simulate` is an endpoint whose true times are known;
- `quantile`, `mean`, `proportion` and `flag` take a column of a table as it comes.

Every result shows itself in a notebook, and has `.frame()` and `.plot()`. Names are loaded when
they are first used, so that importing liftlab costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from liftlab.analysis.estimate import Estimate
    from liftlab.api.projects import grade, load_project, load_suite, make_suite
    from liftlab.api.results import compare, explore, summarize, what_if
    from liftlab.api.runs import Run, history, open_run, resume, run, runs, simulate
    from liftlab.api.statistics import flag, mean, proportion, quantile
    from liftlab.errors import LiftlabError
    from liftlab.pipeline.own import Answer
    from liftlab.suite import Case, Check, Suite
    from liftlab.timing.observed import transport

_HOMES = {
    "analysis.estimate": ["Estimate"],
    "api.projects": ["grade", "load_project", "load_suite", "make_suite"],
    "api.results": ["compare", "explore", "summarize", "what_if"],
    "api.runs": ["Run", "history", "open_run", "resume", "run", "runs", "simulate"],
    "api.statistics": ["flag", "mean", "proportion", "quantile"],
    "errors": ["LiftlabError"],
    "pipeline.own": ["Answer"],
    "suite": ["Case", "Check", "Suite"],
    "timing.observed": ["transport"],
}

__all__ = [
    "Answer",
    "Case",
    "Check",
    "Estimate",
    "LiftlabError",
    "Run",
    "Suite",
    "__version__",
    "compare",
    "explore",
    "flag",
    "grade",
    "history",
    "load_project",
    "load_suite",
    "make_suite",
    "mean",
    "open_run",
    "proportion",
    "quantile",
    "resume",
    "run",
    "runs",
    "simulate",
    "summarize",
    "transport",
    "what_if",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"liftlab.{module}"), name)
    raise AttributeError(f"module 'liftlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
