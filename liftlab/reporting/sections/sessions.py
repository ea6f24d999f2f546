"""Session checks: the verdict, each failure with its exchange, what was not tested, the times."""

from __future__ import annotations

from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.sections.base import Section, interval_cell, of_run, seconds_cell, shown
from liftlab.reporting.tables import facts_table, table
from liftlab.reporting.text import sessions as text
from liftlab.summary.sessions import CallTimes, Failure, Sessions

_MOST_CODE = 4_000


@shown.register
def _(found: Sessions) -> Section:
    """Return the failures, each with its exchange; what could not be tested; what is left."""
    rows = [
        {
            "Severity": one.severity,
            "What fails": text.cause(one),
            "Checks": len(one.witnesses),
            "Basis": one.basis,
        }
        for one in found.failures
    ]
    details: list[tuple[str, Html]] = [(text.heading(one), _failure(one)) for one in found.failures]
    if found.left:
        left = join([tag("p", row, cls="note") for row in text.left(found)])
        details.append((text.LEFT, left))
    return of_run(
        found,
        title="No check failed" if found.judged and not rows else "",
        parts=(table(rows, csv="failures.csv"),) if rows else (),
        details=tuple(details),
        notes=tuple(text.untested(found, "Not tested: ")),
    )


def _failure(failure: Failure) -> Html:
    facts = {name: said for name, said in text.facts(failure) if name not in text.BLOCKS}
    sent = failure.sent.request if failure.sent else ""
    blocks = {"Request body": sent, "Reply": failure.reply, "Try again": failure.command}
    parts = [facts_table(facts)]
    for name, said in blocks.items():
        if said:
            parts += [tag("p", name, cls="note"), tag("pre", bounded(said, _MOST_CODE))]
    return join(parts)


@shown.register
def _(found: CallTimes) -> Section:
    """Return the times of calls, in the checks and under load."""
    if not found.rows:
        return of_run(found, is_empty=True)
    if found.is_busy:
        return of_run(found, notes=(text.BUSY,))
    rows = [
        {
            "Call": times.what,
            "When": "under load" if under_load else "in the checks",
            "n": times.n,
            "Median, s": seconds_cell(times.p50),
            "95 % interval": interval_cell(times.p50).replace("prompts", "calls"),
            "P95, s": seconds_cell(times.p95),
            "95 % interval of P95": interval_cell(times.p95).replace("prompts", "calls"),
        }
        for under_load, times in found.rows
    ]
    note = "Successful calls only, from sent to last byte, in seconds; calls count apart."
    return of_run(found, parts=(table(rows, csv="calls.csv"),), notes=(note,))
