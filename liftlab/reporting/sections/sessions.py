"""Session checks: the verdict, each failure with its exchange, what was not tested, the times."""

from __future__ import annotations

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import LatencySummary
from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.base import Section, interval_cell, of_run, seconds_cell, shown
from liftlab.reporting.tables import codes, facts_table, table
from liftlab.reporting.text import sessions as text
from liftlab.reporting.text.base import capitalised
from liftlab.summary.sessions import CallTimes, Failure, Sessions, Untested

_MOST_CODE = 4_000


@shown.register
def _(found: Sessions) -> Section:
    """Return the failures, each with its exchange."""
    rows = [
        {
            "Severity": one.severity,
            "What fails": capitalised(text.capital(one.cause)),
            "Checks": len(one.witnesses),
            "Basis": one.basis,
        }
        for one in found.failures
    ]
    if not rows:
        return of_run(found, title="No check failed" if found.judged else "")
    details = tuple((text.heading(one), _failure(one)) for one in found.failures)
    return of_run(found, parts=(table(pd.DataFrame(rows), csv="failures.csv"),), details=details)


def _failure(failure: Failure) -> Html:
    facts = dict(text.facts(failure))
    sent = failure.sent
    for name in ("body", "reply"):
        facts.pop(name, None)
    command = facts.pop("try again")
    parts = [facts_table(facts)]
    if sent is not None:
        named = (("Request body", sent.body), ("Reply", sent.reply))
        for name, said in named:
            if said:
                parts += [tag("p", name, cls="note"), tag("pre", bounded(said, _MOST_CODE))]
    return join([*parts, tag("p", "Try again:", cls="note"), tag("pre", command)])


@shown.register
def _(found: CallTimes) -> Section:
    """Return the times of calls, in the checks and under load."""
    frame = pd.DataFrame([_row(under_load, times) for under_load, times in found.rows])
    return of_run(
        found,
        is_empty=not found.rows,
        parts=(table(frame, csv="calls.csv"),) if found.rows else (),
        notes=("Successful calls only, from sent to last byte, in seconds; calls count apart.",),
    )


def _row(under_load: bool, times: LatencySummary) -> dict[str, object]:
    return {
        "Call": times.what,
        "When": "under load" if under_load else "in the checks",
        "n": times.n,
        "Median, s": seconds_cell(times.p50),
        "95 % interval": _interval(times.p50),
        "P95, s": seconds_cell(times.p95),
        "95 % interval of P95": _interval(times.p95),
    }


def _interval(estimate: Estimate) -> str:
    return interval_cell(estimate).replace("prompts", "calls")


@shown.register
def _(found: Untested) -> Section:
    """Return what could not be tested, and what is left on the server."""
    rows = [*text.untested(found.sessions)]
    left = pd.DataFrame({"Left on the server": codes(found.sessions.left)})
    parts = [tag("ul", *(tag("li", row) for row in rows))] if rows else []
    if len(left):
        parts.append(table(left))
    return of_run(found, is_empty=not parts, parts=tuple(parts))
