"""By when a request has a right answer, as a curve."""

from __future__ import annotations

from liftlab.reporting.figures import curves
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.text import right_by as text
from liftlab.summary.latency import RightBy


def section(right_by: RightBy) -> Section:
    """Return the curve of right answers over time."""
    if not right_by.curve.n:
        return of_run(right_by, title="No answer was graded, so none is known to be right")
    figure = curves.right_by(right_by.curve, dict(right_by.limits), caption=text.title(right_by))
    return of_run(
        right_by,
        title=text.title(right_by),
        sentences=tuple(text.within(right_by)),
        parts=(figure.html(),),
        notes=("A wrong answer never becomes right: the curve ends at the success rate.",),
    )
