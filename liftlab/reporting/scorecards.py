"""Scorecards: what, the number, its interval or why it has none, the verdict in a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from liftlab.reporting.html import Html, tag
from liftlab.reporting.text.base import write

# The colour of each verdict and ruling. Those that are not here are shown without a judgement.
_COLORS = {
    "met": "good",
    "supported": "good",
    "right": "good",
    "pass": "good",
    "faster": "good",
    "better": "good",
    "equivalent": "good",
    "not met": "bad",
    "contradicted": "bad",
    "fail": "bad",
    "error": "bad",
    "slower": "bad",
    "worse": "bad",
    "undecided": "undecided",
    "cannot tell": "undecided",
    "not supported": "undecided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """One number that a reader should leave with."""

    what: str  # its name
    number: str  # the number with its unit, or an en dash
    why: str = ""  # the interval, or why there is none and what would give it
    verdict: str = ""  # "met", "not met", "undecided", "not measurable", or empty
    target: str = ""  # what the verdict is about

    def html(self) -> Html:
        """Return the scorecard."""
        said = write("{}: {}", self.target, self.verdict) if self.target else self.verdict
        return tag(
            "div",
            tag("p", self.what, cls="what"),
            tag("p", self.number, cls="number"),
            tag("p", self.why, cls="why"),
            verdict(self.verdict, said) if self.verdict else "",
            cls="tile",
        )


def scorecards(shown: Iterable[Scorecard]) -> Html:
    """Return scorecards beside each other, as many as the page is wide for."""
    return tag("div", *(card.html() for card in shown), cls="tiles")


def verdict(word: str, said: str = "") -> Html:
    """Return a verdict as a coloured word.

    Examples
    --------
    >>> str(verdict("met"))
    '<span class="verdict good">met</span>'
    """
    return tag("span", said or word, cls=f"verdict {_COLORS.get(word, 'unmeasured')}")
