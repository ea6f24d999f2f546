"""Estimates in words: the value, its interval, or why one of them is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text.base import Text, joined, marked, write

_LEVEL = re.compile(r"^[\d.]+ % (interval|lower bound|upper bound)")
_BOUNDS = {"interval": "likely", "lower bound": "at least", "upper bound": "at most"}


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


def likely(estimate: Estimate) -> str:
    """Return the interval for a reader without statistics, or why there is none.

    Examples
    --------
    >>> likely(Estimate(value=0.7, low=0.52, high=0.84, confidence=0.95, n=40, unit="%"))
    'likely 52–84 %'
    """
    known = _LEVEL.sub(lambda bound: _BOUNDS[bound[1]], estimate.interval)
    return "; ".join(part for part in (known, estimate.reason) if part)


def with_likely(estimate: Estimate) -> Text:
    """Return the value, and behind it in brackets where it likely lies."""
    known = likely(estimate)
    return write("{} ({})", value(estimate), known) if known else value(estimate)


def listed(names: Sequence[str], most: int = 4) -> Text:
    """Write names with commas, and how many more there are.

    Examples
    --------
    >>> listed(["lists", "strings", "sets"], most=2), listed(["lists", "strings"])
    ('lists, strings and 1 more', 'lists and strings')
    """
    more = len(names) - most
    if more > 0:
        return write("{} and {} more", joined(names[:most], ", "), f"{more:,}")
    return joined([joined(names[:-1], ", "), *names[-1:]], " and ")


def sentences(*parts: str) -> tuple[str, ...]:
    """Return those parts that say something."""
    return tuple(part for part in parts if part)
