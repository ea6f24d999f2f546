"""Markdown that goes out: `status.md`, the day's summary, and the README's section.

Text from outside is escaped here, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.reporting.text import (
    answers,
    findings,
    latency,
    messages,
    provenance,
    recommendations,
    targets,
)
from liftlab.reporting.text.base import Text, capitalised, code, with_interval, write
from liftlab.reporting.text.findings import change, not_covered, session_checks
from liftlab.reporting.text.words import cause
from liftlab.store.files import write_atomic
from liftlab.summary.provenance import warning_of
from liftlab.summary.run import RunSummary
from liftlab.words import counted, seen

PEN = "✍"  # where a person writes; it is easy to search for
# What Markdown would read as markup: within a line, at its beginning, and bare links. Within a
# word an underscore is none.
_CODE = "\x00"  # stands for an identifier while the text around it is escaped
_MARKUP = re.compile(
    r"([\\`*\[\]<>|~$@&]|(?<![^\W_])_|_(?![^\W_])|^[#+-]|(?<=^\d)\.(?=\s|$)|:(?=//))"
)
_ESCAPE = re.compile(r"\\(\W|_)")
BEGIN, END = "<!-- liftlab:performance -->", "<!-- /liftlab:performance -->"


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is, paragraph by paragraph; identifiers as code.

    Examples
    --------
    >>> print(escaped("is_even <b> __x"), escaped(code("is_even")))
    is_even \<b\> \_\_x `is_even`
    """
    pieces, done, codes = [], 0, []
    for mark in text.marks if isinstance(text, Text) else ():
        if not mark.quantity:
            pieces += [seen(text[done : mark.start]), _CODE]
            codes.append(text[mark.start : mark.end])
            done = mark.end
    parts = "".join([*pieces, seen(text[done:])]).split("\n\n")
    shown = "\n\n".join(_MARKUP.sub(r"\\\1", " ".join(part.split())) for part in parts)
    for name in codes:
        shown = shown.replace(_CODE, f"`{name}`", 1)
    return shown


def unescaped(text: str) -> str:
    """Return Markdown of ours as a terminal shows it."""
    return _ESCAPE.sub(r"\1", text)


def message(summary: RunSummary, audience: str) -> str:
    """Return the message for one audience as plain text, to be pasted anywhere."""
    return seen(messages.AUDIENCES[audience][1](summary))


def status(summary: RunSummary) -> str:
    """Return `status.md`: a message for each audience, the numbers, and which run they are of."""
    parts = [f"# {escaped(findings.title(summary))}"]
    parts += [escaped(said) for said in (change(summary), session_checks(summary)) if said]
    parts += _warning(summary)
    for heading, written in messages.AUDIENCES.values():
        parts += [f"## {heading}", escaped(written(summary))]
    if rows := findings.numbers(summary):
        parts += ["## The numbers", _list(write("{}: {}", *row) for row in rows)]
    parts += [escaped(said) for said in (not_covered(summary), _of(summary)) if said]
    return "\n\n".join(parts) + "\n"


def daily(summary: RunSummary) -> str:
    """Return the day's summary: goals, findings, decisions, risks, next steps.

    Parts that no run can know are prompts, each on a line of its own that begins with ✍.
    """
    day = (summary.run.run.started_at or "")[:10]
    title = findings.title(summary)
    rows = summary.targets.rows
    open_targets = [row.result.name for row in rows if row.verdict == "undecided"]
    parts = [
        f"# {escaped(f'{day}: {title}' if day else title)}",
        f"Lines with {PEN} are for you to write; the others come from run "
        f"{escaped(code(summary.run.run.run_id))}.",
        *_warning(summary),
        *_section(
            "Goals",
            [targets.sentence(row, summary.answers) for row in rows],
            "which goals were set today, and which were met?",
        ),
        *_section(
            "Findings",
            [change(summary), *findings.sentences(summary), session_checks(summary)],
            "what was learned that no number says?",
        ),
        *_section(
            "Decisions",
            [f"Not decided yet: {'; '.join(open_targets)}."] if open_targets else [],
            "what was decided, why, and by whom? Name a target that is moved with its old value.",
        ),
        *_section("Risks", [*_risks(summary)], "what else could go wrong, and what will be done?"),
        *_section(
            "Next steps",
            [
                write("{} {}", lead, why)
                for lead, why in recommendations.steps(summary.recommendations)
            ],
            "who does what until when?",
        ),
        "## Messages",
    ]
    for heading, written in messages.AUDIENCES.values():
        quoted = "\n>\n".join(f"> {part}" for part in escaped(written(summary)).split("\n\n"))
        parts += [f"**{heading}**", quoted]
    return "\n\n".join([*parts, escaped(_of(summary))]) + "\n"


def performance(summary: RunSummary) -> str:
    """Return the performance section of a README: a table of what the run says."""
    rows = [f"| {escaped(name)} | {escaped(value)} |" for name, value in findings.numbers(summary)]
    source = f"Written by `liftlab readme-update`. {escaped(_of(summary))}"
    head = [f"{escaped(findings.title(summary))}.", "", "| | |", "| --- | --- |"]
    return "\n".join([*head, *rows, "", source])


def _warning(summary: RunSummary) -> list[str]:
    warning = warning_of(summary.run)
    return [f"**{escaped(warning)}**"] if warning else []


def _risks(summary: RunSummary) -> Iterator[Text]:
    for row in summary.failures.rows[:3]:
        name, count = capitalised(cause(row.failure_class)), counted(row.count, "answer")
        yield write("{}: {}, {} of those graded.", name, count, with_interval(row.of_trials))
    if summary.answers.errors:
        yield answers.errors(summary.answers)
    if summary.latency.e2e.n and summary.latency.e2e.p95.value is None:
        yield latency.tail(summary.latency)


def _section(title: str, rows: Sequence[str], prompt: str) -> Iterator[str]:
    yield f"## {title}"
    if any(rows):
        yield _list(rows)
    yield f"{PEN} *You write: {prompt}*"


def _list(rows: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(row)}" for row in rows if row)


def _of(summary: RunSummary) -> Text:
    """Say which run it is of."""
    return capitalised(write("{}.", provenance.line(summary.run)))


def update_readme(path: Path, summary: RunSummary) -> bool:
    """Write a run's performance section into a README, between its markers; say if it changed.

    A link is followed. Raises FileInvalid if the file is not there, or has not exactly one pair of
    markers, each on a line of its own. Raises StorageFailed if it cannot be written; the old file
    stays.
    """
    old = tomlfile.read_bytes(path, FileInvalid, limit=tomlfile.MAX_BYTES)
    tomlfile.decode_text(old, path, FileInvalid)  # which strips a mark of order; this does not
    text = old.decode()
    before, after = _around(text, path)
    newline = "\r\n" if "\r\n" in text else "\n"
    section = newline.join(["", *performance(summary).split("\n"), ""])
    new = f"{before}{section}{after}".encode()
    if new == old:
        return False
    mode = path.stat().st_mode
    write_atomic(path.resolve(), new)
    path.chmod(mode)
    return True


def _around(text: str, path: Path) -> tuple[str, str]:
    """Return what stands before and behind the section, with the markers."""
    lines = text.splitlines(keepends=True)
    begins = [place for place, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [place for place, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1:
        raise FileInvalid(
            path,
            f"{len(begins)} lines {BEGIN} and {len(ends)} lines {END}: put each once where the "
            "section belongs",
        )
    if ends[0] < begins[0]:
        raise FileInvalid(path, f"{END} stands before {BEGIN}: swap them", ends[0] + 1)
    before = "".join(lines[: begins[0] + 1]).removesuffix("\n").removesuffix("\r")
    return before, "".join(lines[ends[0] :])
