"""What to do next: what to fix first and why, and how much evidence is missing."""

from __future__ import annotations

from collections.abc import Iterator

from liftlab.reporting.facts import Facts

_CLOSE = "too close to call"  # no number of trials that can be run would decide


def next_steps(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield what to do and why, the most useful first."""
    if facts.failures:
        top, wrong = facts.failures[0], sum(share.count for share in facts.failures)
        interval = f" ({top.of_failures.interval})" if top.of_failures.interval else ""
        yield (
            f"Fix the {top.failure_class.replace('_', ' ')} first.",
            f"It holds {top.count:,} of {wrong:,} failures{interval}.",
        )
    for name, verdict in (("success", facts.success_verdict()), ("time", facts.time_verdict())):
        if verdict is not None and verdict.verdict == "undecided":
            needs = f"{verdict.needs[:1].upper()}{verdict.needs[1:]}."
            lead = _CLOSE if needs.startswith("Too near") else "not settled"
            yield f"The {name} target is {lead}.", needs
    puzzling = [each for each in facts.slow if each.advice]
    if puzzling:
        left = sum(max(0.0, each.unexplained_s) for each in puzzling)
        yield (
            "Find where the slow time goes.",
            f"{left:.1f} s are unexplained: {puzzling[0].advice}.",
        )
    if facts.passed.errors:
        words = "trial ended" if facts.passed.errors == 1 else "trials ended"
        yield "Look at the endpoint.", f"{facts.passed.errors:,} {words} in an error of its own."


def close(needs: str) -> str:
    """Return what would decide, in few words where nothing would."""
    return _CLOSE if needs.startswith("too near") else needs
