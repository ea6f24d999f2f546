"""What a session of a run may take, and how many trials may fail, before it ends early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from liftlab.records import Attempt, ErrorClass, Stage
from liftlab.settings import LimitSettings

# What a model, asked again with another seed, may well get right; the rest is the endpoint's.
ASK_AGAIN = frozenset({"invalid_json", "schema_mismatch", "length"})
# A few failures may be chance: that many say that it is the endpoint.
ERRORS_NEEDED = 5
_ENDPOINT_ERRORS = frozenset(get_args(ErrorClass)) - ASK_AGAIN
# Takes what has ended: its attempts, its stages, and whether its last reply held no answer.
Count = Callable[[Sequence[Attempt], Sequence[Stage], bool], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What is charged, in USD; `by` says for what: time, tokens, or the first benchmark's rule."""

    by: Literal["gpu_seconds", "tokens", "latency"] = "gpu_seconds"
    usd_per_hour: float = 0.0
    usd_per_request: float = 0.0
    usd_per_million_prompt_tokens: float = 0.0
    usd_per_million_output_tokens: float = 0.0
    usd_per_million_cached_tokens: float | None = None
    usd_per_million_reasoning_tokens: float | None = None


class Spending:
    """Counts what trials took as they end, and says which limit is reached.

    Limits are looked at between trials: those under way end, so that a limit can be passed
    by what they take. Time counts from the first trial on, and the time of a GPU is
    all of it, as if it never waited for us. Without `rates` no limit of money holds. Of several
    `segments` under way each takes it that all spend alike.
    """

    def __init__(
        self,
        limits: LimitSettings,
        rates: Rates | None,
        now_s: Callable[[], float],
        segments: int = 1,
    ) -> None:
        self._limits, self._rates, self._segments = limits, rates, segments
        self._now_s, self._began_s = now_s, now_s()
        self._trials = self._errors = self._attempts = 0
        self._usd = 0.0

    def add(self, attempts: Sequence[Attempt], stages: Sequence[Stage], no_answer: bool) -> None:
        """Count a trial that has ended; `no_answer` says that no model answered it."""
        self._trials += 1
        self._attempts += len(attempts) * self._segments
        classes = {stage.error_class for stage in stages}
        self._errors += no_answer or not classes.isdisjoint(_ENDPOINT_ERRORS)
        if self._rates is not None:
            self._usd += _charged(self._rates, attempts, stages) * self._segments

    def reached(self) -> str | None:
        """Say which limit is reached, or None."""
        limits, rates, seconds = self._limits, self._rates, self._now_s() - self._began_s
        if limits.max_seconds is not None and seconds >= limits.max_seconds:
            return f"{seconds:.0f} s are spent, of {limits.max_seconds:g}"
        if limits.max_requests is not None and self._attempts >= limits.max_requests:
            return f"{self._attempts} requests are made, of {limits.max_requests}"
        usd = self._usd
        if rates is not None and rates.by == "gpu_seconds":
            usd += seconds * rates.usd_per_hour / 3600
        if limits.max_usd is not None and usd >= limits.max_usd:
            return f"{usd:.4f} USD are spent, of {limits.max_usd:g}"
        share = self._errors / max(1, self._trials)
        most = limits.max_error_rate
        if most is not None and self._errors >= ERRORS_NEEDED and share > most:
            return (
                f"{self._errors} of {self._trials} requests failed at the endpoint "
                f"({100 * share:.0f} %, at most {100 * most:.0f} %)"
            )
        return None


def _charged(rates: Rates, attempts: Sequence[Attempt], stages: Sequence[Stage]) -> float:
    if rates.by == "latency":
        seconds = sum(stage.latency_s or 0.0 for stage in stages)
        return seconds * rates.usd_per_hour / 3600 + rates.usd_per_request
    usd = len(attempts) * rates.usd_per_request
    if rates.by == "tokens":
        usd += sum(_token_usd(rates, attempt) for attempt in attempts)
    return usd


def _token_usd(rates: Rates, attempt: Attempt) -> float:
    asked, kept = rates.usd_per_million_prompt_tokens, rates.usd_per_million_cached_tokens
    drawn, thought = rates.usd_per_million_output_tokens, rates.usd_per_million_reasoning_tokens
    usd = (attempt.prompt_tokens or 0) * asked + (attempt.output_tokens or 0) * drawn
    if kept is not None:
        usd += min(attempt.cached_tokens or 0, attempt.prompt_tokens or 0) * (kept - asked)
    if thought is not None:
        usd += min(attempt.reasoning_tokens or 0, attempt.output_tokens or 0) * (thought - drawn)
    return usd / 1e6
