"""Slow steps: how many, and why."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.reporting.text.base import Text, capitalised, code, marked, write
from liftlab.reporting.text.slow_words import count_words, step_words
from liftlab.summary.latency import Slow
from liftlab.words import counted

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
    return write("{} {} slow{}", count, "was" if len(steps) == 1 else "were", why)


def headline(slow: Slow) -> Text:
    """Say how many steps were slow and mostly why; empty where nothing ended with an answer."""
    return write("{}.", title(slow)) if slow.steps.total or slow.left_out else Text()


def kinds(slow: Slow) -> Text:
    """Sort the slow steps by main cause: "8 asked again, 3 longer answers, 2 unexplained"."""
    return capitalised(count_words(slow.steps.counts()))


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
        return (
            Text(f"Which steps took longer than chance explains is not known: {why}.")
            if why
            else Text()
        )
    if not found:
        return Text("Apart from these causes, no step is slower than chance explains.")
    count = marked(
        f"{found:,} of {counted(judged, 'step')}", "beyond_chance", f"{found:,} of {judged:,}"
    )
    return write("{} took longer than chance and the known causes explain.", count)
