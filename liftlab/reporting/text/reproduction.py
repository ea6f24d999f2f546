"""A failure as Markdown for a tracker: the request, how often it comes back, on how little."""

from __future__ import annotations

import re

from liftlab.analysis.estimate import Estimate
from liftlab.jobs.reproducing import Failure, Minimal
from liftlab.reporting.markdown import escaped
from liftlab.reporting.text import trial as text
from liftlab.reporting.text import words
from liftlab.words import counted, printable

_MOST = 20_000


def markdown(failure: Failure, again: tuple[Estimate, int] | None, minimal: Minimal | None) -> str:
    """Return the report; a text of a model's stands in a fence that it cannot close."""
    trial, run = failure.trial, failure.trial.run.run
    parts = [
        f"# {escaped(text.title(trial))}",
        escaped(
            f"Run {run.run_id}, suite {run.suite}, endpoint {run.endpoint}, model {run.model}; "
            f"the last request was of {words.stage(failure.stage.name)}."
        ),
    ]
    if again is not None:
        (share, lost), name = again, words.cause(failure.failure_class)
        if trial.trial["outcome"] == "error":
            name = words.request_error(failure.failure_class)
        unanswered = f" {counted(lost, 'more request')} had no answer." if lost else ""
        parts.append(escaped(f"Sent again, it came back ({name}): {share}.{unanswered}"))
    if minimal is not None:
        asked = counted(minimal.requests, "request")
        said = f"The whole input did not fail again in {asked}, so nothing smaller was tried:"
        if not minimal.whole:
            said = (
                f"The smallest input that still fails so: {minimal.after} of {minimal.before} "
                f"parts, after {asked}:"
            )
        parts += [escaped(said), fenced(minimal.text)]
    if raised := text.raised(trial):
        parts.append(escaped(raised))
    if trial.prompt:
        parts += ["## Asked for", fenced(trial.prompt)]
    if trial.code:
        parts += ["## Answer", fenced(trial.code, "python")]
    elif trial.reply:
        parts += ["## Reply", fenced(trial.reply)]
    if failure.like is not None:
        case_id, repeat, code = failure.like
        name = escaped(f"A right answer beside it ({case_id}, repeat {repeat})")
        parts += [f"## {name}", fenced(code, "python")]
    parts += ["## The request", fenced(failure.sent.as_curl(), "sh")]
    parts.append(fenced(failure.sent.as_python(), "python"))
    return "\n\n".join(parts) + "\n"


def fenced(text: str, language: str = "") -> str:
    """Return foreign text as a block of code, bounded, in a fence longer than any in it."""
    shown = printable(text[:_MOST]).rstrip("\n")
    longest = max(map(len, re.findall("`+", shown)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"
