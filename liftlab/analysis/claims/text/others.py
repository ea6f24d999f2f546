"""Claims without a figure of their own: "works well for", sums of stages; and throughput."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.text.figures import Sentence
from liftlab.analysis.claims.text.found import Found, tied
from liftlab.analysis.claims.text.names import Names
from liftlab.analysis.claims.text.times import OTHER_NOTE

_WORKS = re.compile(
    r"\bworks? (?:well|reliably|fine|correctly|great|perfectly|flawlessly)\b"
    r"|\b(?:generates?|produces?|writes?) (?:working|correct|valid)\b"
    r"|\bhandles? [^.;]{1,60}\b(?:correctly|well|flawlessly|reliably|perfectly|fine)\b"
    r"|\b(?:are|is) handled (?:correctly|well|flawlessly|reliably|perfectly|fine)\b"
    r"|\breliabl[ey] (?:for|on|with|generates?|produces?|handles?)\b"
)


_SOMETHING = re.compile(
    r"(?<!system)(?<!service)(?<!pipeline)(?<!model)(?<!it)(?<!tool)(?<=[a-z0-9]) $"
)


def _of_something_else(text: str, match: re.Match[str]) -> bool:
    """Whether "works well" is said of a strategy, a meeting, or the like."""
    named = re.match(r" (?:for|on|with)\b", text[match.end() :])
    return not named and bool(_SOMETHING.search(text[: match.start()]))


def works(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read "works well for these"."""
    text = sentence.text
    for match in _WORKS.finditer(text):
        if any(each.kind in ("share", "count") for each in sentence.figures):
            continue  # a rate of how often it works
        if re.search(r"\b(?:not|never|doesn't|don't) ?$", text[: match.start()][-12:]):
            continue
        cases = names.cases_in(text) or names.category_in(text)[1]
        if not cases and match[0].startswith("work") and _of_something_else(text, match):
            continue
        yield tied("works", match.start(), metric="works", cases=cases)


_SUM = re.compile(
    r"(?:end.to.end|e2e|total)[^|]{0,20}(?:=|equals|is the sum of|is simply)[^|]{0,30}(?:\+|plus\b)"
    r"|\bsum of (?:the |both |its |all |our )*(?:two |single )?stages?\b[^|.]{0,20}"
    r"\b(?:match|equal|is|gives)"
    r"|\bstages? (?:times )?(?:add|sum) up to\b"
)


def sums(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read "end to end = a + b"."""
    del names
    match = _SUM.search(sentence.text)
    if match:
        yield tied("sum of stages", match.start(), metric="sum")


_OTHER = re.compile(
    r"(?<![0-9.,])([0-9][0-9.,]{0,9}) ?(?:tokens?|tok|requests?|req|calls|prompts|tasks"
    r"|queries)(?: ?/ ?| per | a )(?:s|sec|second|min|minute)\b|\b[0-9.]{1,6} (?:rps|qps"
    r"|tps)\b"
)


_CAPPED = re.compile(r"\b(?:allow|limit|cap|quota|refuse|throttl|at most|maximum)")


def other(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read a throughput, which no rule rules."""
    del names
    match = _OTHER.search(sentence.text)
    if match and not _CAPPED.search(sentence.text):
        yield Found(kind="throughput", at=match.start(), note=OTHER_NOTE)
