r"""Markdown that goes out: `status.md`, the day's summary, and the README's section.

Text from outside is escaped here, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.reporting.text import (
    answers,
    findings,
    latency,
    messages,
    recommendations,
    targets,
)
from liftlab.reporting.text.base import Text
from liftlab.reporting.text.numbers import with_interval
from liftlab.reporting.text.words import failure
from liftlab.summary.provenance import warning_of
from liftlab.summary.run import RunSummary

PEN = "✍"  # where a person writes; it is easy to search for
# What Markdown would read as markup: within a line, at its beginning, and bare links. Within a
# word an underscore is none.
_MARKUP = re.compile(
    r"([\\`*\[\]<>|~$@&]|(?<![^\W_])_|_(?![^\W_])|^[#+-]|(?<=^\d)\.(?=\s|$)|:(?=//))"
)
_ESCAPE = re.compile(r"\\(\W|_)")


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is, paragraph by paragraph.

    Examples
    --------
    >>> print(escaped("is_even <b> __x"))
    is_even \<b\> \_\_x
    """
    return "\n\n".join(_MARKUP.sub(r"\\\1", " ".join(part.split())) for part in text.split("\n\n"))


def unescaped(text: str) -> str:
    """Return Markdown of ours as a terminal shows it."""
    return _ESCAPE.sub(r"\1", text)


def message(summary: RunSummary, audience: str) -> str:
    """Return the message for one audience."""
    return escaped(messages.AUDIENCES[audience][1](summary))


def status(summary: RunSummary) -> str:
    """Return `status.md`: a message for each audience, the numbers, and which run they are of."""
    parts = [f"# {escaped(findings.title(summary))}"]
    if warning := warning_of(summary.run):
        parts.append(f"**{escaped(warning)}**")
    for heading, written in messages.AUDIENCES.values():
        parts += [f"## {heading}", escaped(written(summary))]
    if rows := findings.numbers(summary):
        parts += ["## The numbers", _list(f"{name}: {value}" for name, value in rows)]
    return "\n\n".join([*parts, escaped(f"{messages.run_line(summary)}.")]) + "\n"


def daily(summary: RunSummary) -> str:
    """Return the day's summary: goals, findings, decisions, risks, next steps.

    Parts that no run can know are prompts, each on a line of its own that begins with ✍.
    """
    day = (summary.run.run.started_at or "")[:10]
    title = findings.title(summary)
    open_targets = [row for row in summary.targets.rows if row.verdict == "undecided"]
    parts = [
        f"# {escaped(f'{day}: {title}' if day else title)}",
        f"Lines with {PEN} are for people to write; the others are from run "
        f"{escaped(summary.run.run.run_id)}.",
        *_section(
            "Goals",
            [targets.sentence(row, summary.answers) for row in summary.targets.rows],
            "which goals were set today, and which were met?",
        ),
        *_section("Findings", [*_findings(summary)], "what was learned that no number says?"),
        *_section(
            "Decisions",
            [f"Open: {targets.sentence(row, summary.answers)}" for row in open_targets],
            "what was decided, why, and by whom? Name a target that is moved with its old value.",
        ),
        *_section("Risks", [*_risks(summary)], "what else could go wrong, and what will be done?"),
        *_section(
            "Next steps",
            [f"{lead} {why}" for lead, why in recommendations.steps(summary.recommendations)],
            "who does what until when?",
        ),
        "## Messages",
    ]
    for heading, written in messages.AUDIENCES.values():
        quoted = "\n>\n".join(f"> {part}" for part in escaped(written(summary)).split("\n\n"))
        parts += [f"**{heading}**", quoted]
    return "\n\n".join([*parts, escaped(f"{messages.run_line(summary)}.")]) + "\n"


def performance(summary: RunSummary) -> str:
    """Return the performance section of a README: a table of what the run says."""
    rows = [f"| {escaped(name)} | {escaped(value)} |" for name, value in findings.numbers(summary)]
    source = f"Written by `liftlab readme-update`; {escaped(messages.run_line(summary))}."
    head = [f"{escaped(findings.title(summary))}.", "", "| | |", "| --- | --- |"]
    return "\n".join([*head, *rows, "", source])


def _findings(summary: RunSummary) -> Iterator[Text | str]:
    yield from findings.sentences(summary)
    yield from (f"{name}: {value}" for name, value in findings.numbers(summary))


def _risks(summary: RunSummary) -> Iterator[str]:
    for row in summary.failures.rows[:3]:
        share = with_interval(row.of_trials)
        yield f"Answers that {failure(row.failure_class)}: {row.count:,}, {share} of those graded."
    if summary.answers.errors:
        yield answers.errors(summary.answers)
    if summary.latency.e2e.n and summary.latency.e2e.p95.value is None:
        yield latency.tail(summary.latency)


def _section(title: str, rows: list[str], prompt: str) -> Iterator[str]:
    yield f"## {title}"
    if rows:
        yield _list(rows)
    yield f"{PEN} *You write: {prompt}*"


def _list(rows: list[str] | Iterator[str]) -> str:
    return "\n".join(f"- {escaped(row)}" for row in rows)
