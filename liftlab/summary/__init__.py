"""What one run, or two beside each other, come to: each quantity computed once.

`summarize(run, project)` is the only place that asks analysis about a run. Pages, messages, the
command line, `check` and notebooks read its results and compute nothing; docs/definitions.md says
what each of them means.
"""

from __future__ import annotations

from liftlab.summary.run import RunSummary, summarize

__all__ = ["RunSummary", "summarize"]
