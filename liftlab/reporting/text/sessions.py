"""The verdict on a session API, in words; what came from the server stays one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from liftlab.reporting.html import bounded
from liftlab.reporting.text.base import Text, code, joined, listed, marked, write
from liftlab.sessions.model import SEVERITIES
from liftlab.settings.targets import SESSION_METRIC
from liftlab.summary.run import RunSummary
from liftlab.summary.sessions import CallTimes, Failure, Sessions
from liftlab.words import counted, one_line

_MOST_NAMED, _MOST_BODY, _MOST_LEFT = 5, 600, 20
NOTHING = "The server answered none of the checks, so nothing can be judged."
_BASES = {"contract": "the contract", "good sense": "good sense, not in the contract"}
BUSY = "This machine was too busy to time calls: each took less than it can tell."
BLOCKS = ("body", "reply", "try again")  # of a failure's facts: longer texts
LEFT = "Left on the server"
_LOST_KEPT = (
    "met a connection that the server closed and was to keep; the call was sent again on a new "
    "one, and is not counted as failed"
)


def title(summary: RunSummary) -> Text:
    """Return how many critical failures there are, and the target."""
    found = _of(summary)
    if not found.judged:
        why = found.refused or "the server does not answer"
        return Text(f"Session API: not measurable, {why}")
    critical = counted(len(found.of("critical")), "critical failure")
    count = marked(critical, f"count:{SESSION_METRIC}")
    if (target := summary.targets.of(SESSION_METRIC)) is None:
        return write("Session API: {}", count)
    limit = float(target.result.limit)
    aim = f"{limit:g}"
    if limit.is_integer() and target.result.at_most:
        aim = f"fewer than {int(limit) + 1:,}"
    verdict = marked(target.verdict, f"target.{target.key}")
    return write("Session API: {} (target: {}; {})", count, aim, verdict)


def sentences(summary: RunSummary) -> tuple[Text, ...]:
    """Return what else there is to say of all checks together."""
    found = _of(summary)
    said = [f"{found.passed:,} of {counted(found.judged, 'check')} passed."]
    if missing := found.checks - found.judged:
        said[0] = f"{said[0][:-1]}; {counted(missing, 'check')} could not be tested."
    if not found.judged:
        said = [] if found.refused else [NOTHING]
    counts = [(len(found.of(name)), f"{name} failure") for name in SEVERITIES[1:]]
    if others := [counted(n, name) for n, name in counts if n]:
        said.append(f"Beside critical ones: {listed(others)}.")
    may_be = sum(made.id is None for made in found.left)
    for n, what, more in (
        (len(found.stopped), "critical check", "stopped early, at another failure"),
        (len(found.left) - may_be, "call", "made what could not be deleted from the server"),
        (may_be, "call", "may have made what is still on the server"),
        (found.lost_kept, "check", _LOST_KEPT),
    ):
        said += [f"{counted(n, what)} {more}."] if n else []
    return tuple(map(Text, said))


def numbers(summary: RunSummary) -> list[tuple[str, Text]]:
    """Return the numbers of a status update by name."""
    found = _of(summary)
    rows = [("Session checks passed", f"{found.passed:,} of {found.judged:,}")]
    rows += [(f"{one} failures".capitalize(), f"{len(found.of(one)):,}") for one in SEVERITIES]
    return [(name, Text(value)) for name, value in rows if found.judged]


def message(summary: RunSummary) -> Text:
    """Return the verdict as a paragraph: what fails first, and what to do."""
    found = _of(summary)
    worst = found.failures[:3]
    named = "; ".join(f"{cause(one)} ({one.severity})" for one in worst)
    said = [Text(f"The worst: {named}. {one_line(worst[0].why)}")] if worst else []
    return joined([write("{}.", title(summary)), *sentences(summary)[:1], *said])


def technical(summary: RunSummary) -> Text:
    """Return the verdict, and which checks could not be made."""
    rows = untested(_of(summary), "Not tested: ")
    return joined([message(summary), joined(sentences(summary)[1:]), *rows], "\n\n")


def beside(summary: RunSummary) -> Text:
    """Return the line that another run's report has of session checks."""
    return write("{} (run {}).", title(summary), code(summary.run.run.run_id))


def heading(failure: Failure) -> Text:
    """Return a failure in one line: what fails, how bad, and who saw it."""
    witnesses = counted(len(failure.witnesses), "check")
    return write("{}: {} ({})", failure.severity, cause(failure), witnesses)


def facts(failure: Failure) -> list[tuple[str, str]]:
    """Return what a reader needs to know of a failure, line by line, foreign text bounded."""
    rows = [
        ("expected", failure.expected),
        ("got", failure.actual),
        ("why it matters", f"{failure.why} ({_BASES[failure.basis]})"),
        ("seen by", _named(failure.witnesses)),
    ]
    if sent := failure.sent:
        rows.append(("request", f"{sent.method} {sent.path}, user {sent.user}"))
        rows += [("body", sent.request), ("reply", failure.reply)]
    rows.append(("try again", failure.command))
    return [(name, bounded(one_line(text), _MOST_BODY)) for name, text in rows if text]


def untested(found: Sessions, lead: str = "") -> Iterator[Text]:
    """Say which checks could not be made and why, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for check_id, why in found.untested:
        reasons.setdefault(one_line(why)[:300], []).append(check_id)
    for why, ids in reasons.items():
        yield Text(f"{lead}{_named(ids)}: {why}")
    if found.not_run:
        yield Text(f"{lead}{counted(found.not_run, 'check')} not begun: the run ended early")


def left(found: Sessions) -> Iterator[Text]:
    """Name what is or may be on the server, and say how to try again."""
    yield from (Text(made.line) for made in found.left[:_MOST_LEFT])
    if more := len(found.left[_MOST_LEFT:]):
        yield Text(f"and {more:,} more")
    if found.left:
        yield write("Try again: liftlab sessions --resume {}", code(found.run.run.run_id))


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else ""
    return ", ".join(ids[:_MOST_NAMED]) + more


def lines(summary: RunSummary) -> Iterator[str]:
    """Yield the verdict for a terminal: each failure with its exchange and its command."""
    found = _of(summary)
    yield f"{title(summary)}."
    yield from (f"  {sentence}" for sentence in sentences(summary))
    for failure in found.failures:
        yield f"\n{heading(failure)}"
        yield from (f"  {name:15}{text}" for name, text in facts(failure))
    for title_of, rows in (
        ("Not tested", [*map(str, untested(found))]),
        (LEFT, [*map(str, left(found))]),
        ("Time by call (successful calls)", [*_times(found.times)]),
    ):
        if rows:
            yield f"\n{title_of}"
            yield from (f"  {row}" for row in rows)


def _times(found: CallTimes) -> Iterator[str]:
    for load, times in () if found.is_busy else found.rows:
        under = " under load" if load else ""
        tail = "" if times.p95.value is None else f"; P95 {times.p95.point}"
        yield f"{times.what + under:22}median {times.p50}{tail}"
    if found.is_busy:
        yield BUSY


def cause(failure: Failure) -> str:
    """Return what fails, on one line."""
    return one_line(failure.cause)[:200]


def _of(summary: RunSummary) -> Sessions:
    assert summary.sessions is not None
    return summary.sessions
