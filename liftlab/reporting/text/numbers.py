"""Estimates in words: the value, its interval, or why one of them is missing."""

from __future__ import annotations

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text.base import Text, marked, write


def value(estimate: Estimate) -> Text:
    """Return an estimate's value with its unit, marked as what it is."""
    return marked(estimate.point, estimate.quantity)


def interval(estimate: Estimate) -> str:
    """Return the interval, or why there is none, for the team."""
    return "; ".join(part for part in (estimate.interval, estimate.reason) if part)


def with_interval(estimate: Estimate) -> Text:
    """Return the value, and behind it in brackets what is known of how sure it is."""
    known = interval(estimate)
    return write("{} ({})", value(estimate), known) if known else value(estimate)


def listed(names: list[str], most: int = 4) -> str:
    """Write names with commas, and how many more there are.

    Examples
    --------
    >>> listed(["lists", "strings", "sets"], most=2), listed(["lists", "strings"])
    ('lists, strings and 1 more', 'lists and strings')
    """
    more = len(names) - most
    if more > 0:
        return f"{', '.join(names[:most])} and {more:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sentences(*parts: str) -> tuple[str, ...]:
    """Return those parts that say something."""
    return tuple(part for part in parts if part)
