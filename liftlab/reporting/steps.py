"""What to do next: what to fix first and why, and how much evidence is missing."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.analysis.latency import TargetResult
from liftlab.analysis.plans import effort
from liftlab.reporting.facts import Facts
from liftlab.reporting.messages import rounded

_CLOSE = "too close to call"  # no number of trials that can be run would decide


def next_steps(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield what to do and why, the most useful first."""
    if facts.unanswered:
        yield _look_at_endpoint(facts)
        return
    if facts.failures:
        top, wrong = facts.failures[0], sum(share.count for share in facts.failures)
        interval = f" ({top.of_failures.interval})" if top.of_failures.interval else ""
        yield (
            f"Fix the {top.failure_class.replace('_', ' ')} first.",
            f"It holds {top.count:,} of {wrong:,} failures{interval}.",
        )
    for name, verdict in (("success", facts.success_verdict()), ("time", facts.time_verdict())):
        if verdict is not None and verdict.verdict == "undecided":
            needs = f"{verdict.needs[:1].upper()}{verdict.needs[1:]}{_effort(facts, verdict)}."
            lead = _CLOSE if needs.startswith("Too near") else "not settled"
            yield f"The {name} target is {lead}.", needs
    puzzling = [each for each in facts.slow if each.advice]
    if puzzling:
        left = sum(max(0.0, each.unexplained_s) for each in puzzling)
        yield (
            "Find where the slow time goes.",
            f"{rounded(left)} are unexplained: {puzzling[0].advice}.",
        )
    if facts.passed.errors:
        yield _look_at_endpoint(facts)


def _look_at_endpoint(facts: Facts) -> tuple[str, str]:
    words = "trial ended" if facts.passed.errors == 1 else "trials ended"
    kinds = facts.errors
    mostly = f": {'mostly ' if len(kinds) > 1 else ''}{kinds[0]}" if kinds else ""
    return (
        "Look at the endpoint.",
        f"{facts.passed.errors:,} {words} in an error of its own{mostly}.",
    )


def _effort(facts: Facts, verdict: TargetResult) -> str:
    """Say what the missing cases take, at this run's speed and price, run as often each."""
    if verdict.n_needed is None or facts.e2e.mean.value is None:
        return ""
    trials = len(facts.data.trials) / max(1, facts.data.trials["case_id"].nunique())
    more = max(0, verdict.n_needed - verdict.estimate.n) * trials
    usd = facts.cost.value
    return effort(more * facts.e2e.mean.value, None if usd is None else more * usd)


def close(needs: str) -> str:
    """Return what would decide, in few words where nothing would."""
    return _CLOSE if needs.startswith("too near") else needs
