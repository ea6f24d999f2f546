"""How each result of a summary is shown: its sentences, its figure and its table.

`attach` lets results show themselves in JupyterLab and in reports, so that `summary` and
`analysis` know no pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liftlab.reporting.sections.base import Section, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Section", "attach", "section_of"]


def section_of(result: Any) -> Section:
    """Return a result as it is shown; raise TypeError if nothing shows results of that kind."""
    from liftlab.reporting.sections import (  # noqa: F401  # each registers what it shows
        answers,
        budget,
        capacity,
        comparison,
        cost,
        latency,
        sessions,
        status,
        trials,
    )

    return shown(result)


def attach() -> None:
    """Let every result show itself."""
    from liftlab.summary.comparison import Comparison, RankedRuns
    from liftlab.summary.result import Result
    from liftlab.summary.run import RunSummary

    kinds: tuple[Any, ...] = (Result, RunSummary, Comparison, RankedRuns)
    for kind in kinds:
        kind._repr_mimebundle_, kind.__str__ = _bundle, _text
        kind.frame, kind.plot = _frame, _plot


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
    from liftlab.reporting.frames import plot

    return plot(result, ax)
