"""What to do next."""

from __future__ import annotations

from liftlab.reporting.html import tag
from liftlab.reporting.sections.base import Section
from liftlab.reporting.sections.shared import section as of_run
from liftlab.reporting.text import recommendations as text
from liftlab.summary.targets import Recommendations


def section(recommendations: Recommendations) -> Section:
    """Return what to do and why, the most useful first."""
    steps = [tag("li", tag("strong", lead), " ", why) for lead, why in text.steps(recommendations)]
    if not steps:
        return of_run(recommendations, title="Nothing needs to be done next")
    return of_run(recommendations, parts=(tag("ol", *steps),))
