"""How each result of a summary is shown: its sentences, its figure and its table.

`SECTIONS` names the module of each result; its function `section` makes a `Section` of one.
`attach` lets results show themselves in JupyterLab and in reports, so that `summary` and
`analysis` know no pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from liftlab.reporting.sections.base import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["SECTIONS", "Section", "attach", "section_of"]

# By result, `module:class` in `liftlab.summary`: the module here that shows it.
SECTIONS = {
    "answers:Answers": "answers",
    "budget:BudgetResult": "budget",
    "claims:Claims": "claims",
    "comparison:Comparison": "comparison",
    "cost:Costs": "cost",
    "drift:Drift": "drift",
    "examples:Examples": "examples",
    "failures:Failures": "failures",
    "latency:Latency": "latency",
    "provenance:Provenance": "provenance",
    "published:Published": "published",
    "ranking:RankedRuns": "ranking",
    "recommendations:Recommendations": "recommendations",
    "right_by:RightBy": "right_by",
    "run:RunSummary": "status",
    "sessions:CallTimes": "sessions",
    "sessions:Sessions": "sessions",
    "sessions:Untested": "sessions",
    "slow:Slow": "slow",
    "spread:Spread": "spread",
    "targets:Targets": "targets",
    "trial:TrialDetails": "trial",
    "trials:Trials": "trials",
    "what_if:WhatIf": "what_if",
}


def section_of(result: Any) -> Section:
    """Return a result as it is shown; raise KeyError if nothing shows results of that kind."""
    kind = type(result)
    home = SECTIONS[f"{kind.__module__.removeprefix('liftlab.summary.')}:{kind.__name__}"]
    module: Any = import_module(f"liftlab.reporting.sections.{home}")
    build: Callable[[Any], Section] = module.section
    return build(result)


def attach() -> None:
    """Let every result show itself."""
    for name in SECTIONS:
        module, kind = name.split(":")
        result: Any = getattr(import_module(f"liftlab.summary.{module}"), kind)
        result._repr_mimebundle_ = _bundle
        result.__str__ = _text
        result.frame, result.plot = _frame, _plot


def _bundle(result: Any, **options: Any) -> dict[str, Any]:
    return section_of(result)._repr_mimebundle_(**options)


def _text(result: Any) -> str:
    return section_of(result).text()


def _frame(result: Any) -> pd.DataFrame:
    """Return the result's numbers as a table, for pandas to go on from."""
    from liftlab.reporting.frames import frame

    return frame(result)


def _plot(result: Any, ax: Axes | None = None) -> Axes:
    """Draw the result on matplotlib axes, the current ones if None, and return them."""
    from liftlab.reporting.plots import plot

    return plot(result, ax)
