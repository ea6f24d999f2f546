"""The messages that go out: for leadership, for the technical team, and for users."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from liftlab.reporting.text import (
    answers,
    cost,
    findings,
    latency,
    recommendations,
    slow,
    targets,
)
from liftlab.reporting.text.base import Text, joined, listed, value, with_interval, write
from liftlab.reporting.text.words import cause, stage
from liftlab.summary.run import RunSummary
from liftlab.words import counted

LEADERSHIP_WORDS = 90
_NAMED = 3  # slow steps, failure classes: the worst first


def leadership(summary: RunSummary) -> Text:
    """Return at most 90 words for a manager: what works, how fast, what it costs, what is next."""
    if (words := findings.own(summary)) is not None:
        told = words.message(summary)
        return told if len(told.split()) <= LEADERSHIP_WORDS else users(summary)
    said: list[str] = []
    for sentence in _for_leadership(summary):
        if sentence and sum(len(part.split()) for part in [*said, sentence]) <= LEADERSHIP_WORDS:
            said.append(sentence)
    return joined(said)


def technical(summary: RunSummary) -> Text:
    """Return a paragraph a topic for those who will look into it."""
    if (words := findings.own(summary)) is not None:
        return words.technical(summary)
    return joined(_for_technical(summary), "\n\n")


def users(summary: RunSummary) -> Text:
    """Return what somebody who uses it may expect: only what was right every time."""
    if findings.own(summary) is not None:
        return write("{}.", findings.title(summary))
    return joined(_for_users(summary))


AUDIENCES: dict[str, tuple[str, Callable[[RunSummary], Text]]] = {
    "leadership": ("For leadership", leadership),
    "technical": ("For the technical team", technical),
    "users": ("For users", users),
}


def _for_leadership(summary: RunSummary) -> Iterator[Text]:
    yield write("{}.", findings.title(summary))
    if not summary.answers.answered:
        yield answers.NOTHING_JUDGED
        yield from _next(summary)
        return
    yield _what_ran(summary)
    yield answers.weighed(summary.answers)
    yield latency.typical(summary.latency, summary.targets.of("e2e_median_s"))
    yield cost.request(summary.cost)
    if summary.failures.rows:
        yield write("{}.", answers.failures_title(summary.failures))
    yield from _next(summary)
    target = summary.targets.of("success_rate")
    if target is not None and target.result.more:
        yield Text(f"{targets.decides(target)} whether {targets.aim(target)} is reached.")


def _for_technical(summary: RunSummary) -> Iterator[Text]:
    found = summary.answers
    yield write("{}.", findings.title(summary))
    if not found.answered:
        yield joined([answers.NOTHING_JUDGED, answers.errors(found)])
        return
    if found.graded:
        rate = write("Success rate: {}.", with_interval(found.success.estimate))
        more = (answers.weighed(found), answers.parsed(found), answers.errors(found))
        yield joined([rate, *more])
    if summary.failures.rows:
        rows = summary.failures.rows[:_NAMED]
        named = [f"{cause(row.failure_class)} ({row.count:,})" for row in rows]
        said = write("{}.", answers.failures_title(summary.failures))
        yield write("{} In order: {}.", said, listed(named)) if len(rows) > 1 else said
    stages = [row for row in summary.latency.stages if row.n]
    yield joined(
        write("{}: median {}.", stage(row.what), with_interval(row.p50))
        for row in (*stages, summary.latency.e2e)
    )
    yield latency.tail(summary.latency)
    yield joined([slow.headline(summary.slow), *slow.worst(summary.slow, _NAMED)])
    yield cost.request(summary.cost)
    yield joined(write("{} {}", *step) for step in recommendations.steps(summary.recommendations))


def _for_users(summary: RunSummary) -> Iterator[Text]:
    found = summary.answers
    if not found.answered or not found.graded:
        yield write("{}.", findings.title(summary))
        return
    if not found.right:
        yield Text(f"Do not use it yet: none of {counted(found.graded, 'answer')} was right.")
        return
    yield Text("You ask in plain language and get Python code.")
    typical = value(summary.latency.e2e.p50)
    yield write("In this test {}, and the median request took {}.", answers.right(found), typical)
    yield answers.reliable(found)
    yield Text("Test what it gives you before you use it.")


def _what_ran(summary: RunSummary) -> Text:
    """Say how many prompts were asked how often, and that it was a simulator where it was."""
    simulated = " of a simulator" if summary.provenance.is_simulated else ""
    cases, trials = summary.answers.cases, summary.answers.trials
    verb = "was" if cases == 1 else "were"
    often = {1: "once", 2: "twice each"}.get(trials // cases, f"{trials // cases:,} times each")
    if trials % cases:
        often = f"{trials:,} times in all"
    return Text(f"{counted(cases, 'prompt')} {verb} asked{simulated} {often}.")


def _next(summary: RunSummary) -> Iterator[Text]:
    if lead := recommendations.first(summary.recommendations):
        yield write("Next: {}{}", lead[:1].lower(), lead[1:])
