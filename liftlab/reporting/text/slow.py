"""Slow steps: how many, and why; the words for their causes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from liftlab.analysis.causes import Kind
from liftlab.analysis.estimate import quantity
from liftlab.analysis.slow_steps import Advice, SlowStep
from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, code, marked, write
from liftlab.words import counted, was

if TYPE_CHECKING:
    from liftlab.summary.latency import Slow

CAUSE_WORDS: Mapping[str, str] = {
    "queue": "queue",
    "cold_start": "cold start",
    "connect": "connecting again",
    "back_off": "back-off",
    "schema_compile": "compiling the schema",
    "prefill": "slower prefill",
    "uncached_prompt": "prompt not cached",
    "longer_prompt": "longer prompts",
    "stall": "stall in the reply",
    "retry": "retry",
    "longer_answer": "longer answers",
    "unexplained": "unexplained",
}
KIND_WORDS: Mapping[Kind, tuple[str, str]] = {  # of one step, and of several
    "queue": ("queued", "queued"),
    "cold_start": ("cold start", "cold starts"),
    "connect": ("connected again", "connected again"),
    "back_off": ("back-off", "back-offs"),
    "schema_compile": ("compiled a schema", "compiled a schema"),
    "prefill": ("slower prefill", "slower prefills"),
    "uncached_prompt": ("prompt not cached", "prompts not cached"),
    "longer_prompt": ("longer prompt", "longer prompts"),
    "stall": ("stalled reply", "stalled replies"),
    "retry": ("asked again", "asked again"),
    "longer_answer": ("longer answer", "longer answers"),
    "unexplained": ("unexplained", "unexplained"),
}
_ADVICE: Mapping[Advice, str] = {
    "record_attempts": "record times and tokens of each attempt",
    "record_tokens": "record tokens per attempt",
    "record_server_times": "record the server's own time and queue",
    "investigate": "look for it in the server's log",
}
_PROBABLY = {
    "uncached_prompt": "probably its prompt was not cached",
    "cold_start": "probably a cold start",
}
_REASON = {  # after "a retry after"
    "does_not_parse": "code that does not parse",
    "length": "the answer hit the token limit",
    "invalid_json": "an unreadable reply",
    "schema_mismatch": "a reply that lacks needed fields",
    "invalid_ir": "an unusable IR",
    "reported_error": "the server reported an error",
    "http_429": "a rate limit",
    "http_5xx": "a server error",
    "deadline": "a timeout",
    "reset": "a lost connection",
    "connect": "no connection",
    "truncated": "a reply that broke off",
}
# A cause as the answer to "why were they slow".
_BECAUSE = {
    "queue": "requests waited in a queue",
    "cold_start": "the model had to be loaded",
    "connect": "connecting took long",
    "back_off": "liftlab waited before it asked again",
    "schema_compile": "the server compiled a schema",
    "prefill": "the server read the prompt slowly",
    "uncached_prompt": "the prompt was not cached",
    "longer_prompt": "the prompt was longer",
    "stall": "the reply stalled",
    "retry": "the model was asked again",
    "longer_answer": "the answer was longer",
}
_WORTH = 0.05  # of the excess, to be worth a word


def title(slow: Slow) -> Text:
    """Return how many steps were slow, and mostly why."""
    steps = slow.steps
    if slow.left_out:
        return Text(f"Slow steps are not listed: this run has {slow.left_out:,} steps")
    if not steps.total:
        return Text("No step has ended with an answer")
    value = f"{len(steps):,} of {steps.total:,}"
    if not len(steps):
        return marked(f"No step of {steps.total:,} was slow", "slow_steps", value)
    main, number = max(steps.counts().items(), key=lambda item: item[1])
    why = f": {count_words(steps.counts())}"
    if 2 * number > len(steps) and main in _BECAUSE:
        why = f", {'mostly ' if number < len(steps) else ''}because {_BECAUSE[main]}"
    count = marked(f"{len(steps):,} of {counted(steps.total, 'step')}", "slow_steps", value)
    return write("{} {} slow{}", count, was(len(steps)), why)


def headline(slow: Slow) -> Text:
    """Say how many steps were slow and mostly why; empty where nothing ended with an answer."""
    return write("{}.", title(slow)) if slow.steps.total or slow.left_out else Text()


def worst(slow: Slow, most: int) -> Iterator[Text]:
    """Yield the slowest steps, a sentence each."""
    for step in slow.steps.first(most):
        why = step_words(step).removeprefix(f"{step.case_id}: ")
        yield write("{}: {}", code(step.case_id), why)


def beyond_chance(slow: Slow) -> Text:
    """Say how many steps were slow beyond chance once known causes are taken off."""
    found, judged = len(slow.steps.beyond_chance), sum(slow.steps.judged.values())
    if not judged:
        why = next(iter(slow.steps.reasons.values()), "")
        said = f"Which steps took longer than chance explains is not known: {why}."
        return Text(said if why else "")
    if not found:
        apart = "Apart from these causes, no" if {*slow.steps.counts()} - {"unexplained"} else "No"
        return Text(f"{apart} step is slower than chance explains.")
    of = f"{found:,} of {judged:,}"
    count = marked(f"{found:,} of {counted(judged, 'step')}", "beyond_chance", of)
    return write("{} took longer than chance and the known causes explain.", count)


def step_words(step: SlowStep) -> str:
    """Say by how much a step was slow, why, what is left and what would tell."""
    worth = _WORTH * step.excess_s
    parts = [
        f"{tenths(part.seconds)} for {_cause(part.cause, step)}"
        for part in step.parts
        if part.seconds >= worth
    ]
    if step.unexplained_s >= worth:
        why = f" ({_PROBABLY[step.probably]})" if step.probably else ""
        parts.append(f"{tenths(step.unexplained_s)} unexplained{why}")
    advice = f"; {_ADVICE[step.advice]}" if step.advice else ""
    over = f"{step.case_id}: {tenths(step.excess_s)} slower than usual"
    return f"{over}: {', '.join(parts)}{advice}."


def count_words(counts: Mapping[Kind, int]) -> str:
    """Say how many slow steps each main cause has, as "8 asked again, 1 unexplained"."""
    return ", ".join(f"{count:,} {KIND_WORDS[kind][count != 1]}" for kind, count in counts.items())


def tenths(seconds: float) -> str:
    """Write seconds to a tenth: the parts of an excess are no better known than that."""
    return f"{seconds:.1f} s" if abs(seconds) >= 1 else quantity(seconds, "s")


def _cause(cause: str, step: SlowStep) -> str:
    if cause != "retry":
        return CAUSE_WORDS[cause]
    many = f"{step.retries} retries" if step.retries > 1 else "a retry"
    return f"{many} after {after(step.retry_reason)}" if step.retry_reason else many


def after(reason: str) -> str:
    """Return after what the model was asked again."""
    return _REASON.get(reason, words.request_error(reason))
