"""The summary of a day: what the run says is written, what only people know is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from liftlab.reporting import messages
from liftlab.reporting.audiences import AUDIENCES
from liftlab.reporting.facts import Facts, gather
from liftlab.reporting.messages import markdown
from liftlab.reporting.steps import next_steps

if TYPE_CHECKING:
    from liftlab.settings import Project
    from liftlab.store import RunData

PEN = "✍"  # where a person writes; it is easy to search for


def daily_markdown(run: RunData, project: Project | None = None) -> str:
    """Return the day's summary as Markdown: goals, findings, decisions, risks, next steps.

    Parts that no run can know are prompts, each on a line of its own that begins with ✍.
    """
    facts = gather(run, project)
    title, day = messages.title(facts), (facts.data.run.started_at or "")[:10]
    parts = [
        f"# {markdown(f'{day}: {title}' if day else title)}",
        f"Lines with {PEN} are for people to write; the others are from run "
        f"{markdown(facts.data.run.run_id)}.",
        *_section("Goals", [*_targets(facts)], "which goals were set today, and which were met?"),
        *_section("Findings", _findings(facts), "what was learned that no number says?"),
        *_section(
            "Decisions",
            [*_open_decisions(facts)],
            "what was decided, why, and by whom? Name a target that is moved with its old value.",
        ),
        *_section("Risks", [*_risks(facts)], "what else could go wrong, and what will be done?"),
        *_section(
            "Next steps",
            [f"{lead} {why}" for lead, why in next_steps(facts)],
            "who does what until when?",
        ),
        "## Messages",
    ]
    for heading, written in AUDIENCES.values():
        parts += [f"**{heading}**", _quoted(written(facts))]
    return "\n\n".join([*parts, markdown(f"{messages.run_line(facts)}.")]) + "\n"


def _section(title: str, rows: list[str], prompt: str) -> Iterator[str]:
    yield f"## {title}"
    if rows:
        yield "\n".join(f"- {markdown(row)}" for row in rows)
    yield f"{PEN} *You write: {prompt}*"


def _targets(facts: Facts) -> Iterator[str]:
    for target in facts.targets:
        yield target.sentence()


def _findings(facts: Facts) -> list[str]:
    return [
        *messages.sentences(facts),
        *(f"{name}: {value}" for name, value in messages.numbers(facts)),
    ]


def _open_decisions(facts: Facts) -> Iterator[str]:
    for each in (facts.success_verdict(), facts.time_verdict()):
        if each is not None and each.verdict == "undecided":
            yield f"Open: {each.sentence()}"


def _risks(facts: Facts) -> Iterator[str]:
    for share in facts.failures[:3]:
        yield (
            f"Answers that {messages.failure_words(share.failure_class)}: {share.count:,}, "
            f"{share.of_trials} of those judged."
        )
    left = sum(max(0.0, each.unexplained_s) for each in facts.slow)
    if left > 0:
        yield f"{messages.rounded(left)} of slow time are not explained."
    if facts.e2e.p95.value is None and facts.e2e.n:
        yield f"How slow the slowest are is not known: {facts.e2e.p95.reason}."
    if facts.passed.errors:
        yield f"{facts.passed.errors:,} trials ended in an error of the endpoint."


def _quoted(text: str) -> str:
    return "\n>\n".join(f"> {markdown(part)}" for part in text.split("\n\n"))
