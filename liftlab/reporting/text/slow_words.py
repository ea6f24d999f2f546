"""Words for slow steps: causes, advice, and one step in a line."""

from __future__ import annotations

from collections.abc import Mapping

from liftlab.analysis.causes import Kind
from liftlab.analysis.estimate import quantity
from liftlab.analysis.slow_steps import Advice, SlowStep
from liftlab.reporting.text import words

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
ADVICE_WORDS: Mapping[Advice, str] = {
    "": "",
    "record_attempts": "record times and tokens of each attempt",
    "record_tokens": "record tokens per attempt",
    "record_server_times": "record the server's own time and queue",
    "investigate": "look for it in the server's log",
}
PROBABLY_WORDS = {
    "": "",
    "uncached_prompt": "probably its prompt was not cached",
    "cold_start": "probably a cold start",
}
REASON_WORDS = {  # after "a retry after"
    "does_not_parse": "code that does not parse",
    "length": "the answer hit the token limit",
    "invalid_json": "a reply that is not JSON",
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
_WORTH = 0.05  # of the excess, to be worth a word


def step_words(step: SlowStep) -> str:
    """Say by how much a step was slow, why, what is left and what would tell."""
    worth = _WORTH * step.excess_s
    parts = [
        f"{tenths(part.seconds)} for {_cause(part.cause, step)}"
        for part in step.parts
        if part.seconds >= worth
    ]
    if step.unexplained_s >= worth:
        why = f" ({PROBABLY_WORDS[step.probably]})" if step.probably else ""
        parts.append(f"{tenths(step.unexplained_s)} unexplained{why}")
    advice = f"; {ADVICE_WORDS[step.advice]}" if step.advice else ""
    over = f"{step.case_id}: {tenths(step.excess_s)} slower than usual"
    return f"{over}: {', '.join(parts)}{advice}."


def count_words(counts: Mapping[Kind, int]) -> str:
    """Say how many slow steps each main cause has.

    Examples
    --------
    >>> count_words({"retry": 8, "longer_answer": 3, "unexplained": 1})
    '8 asked again, 3 longer answers, 1 unexplained'
    """
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
    return REASON_WORDS.get(reason, words.request_error(reason))
