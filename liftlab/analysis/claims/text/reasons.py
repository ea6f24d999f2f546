"""How people word why something was slow, and what a cold start costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.causes import Cause
from liftlab.analysis.claims.text.figures import NUMBER, Figure, Sentence
from liftlab.analysis.claims.text.found import Found, pair, tied
from liftlab.analysis.claims.text.names import Names
from liftlab.analysis.claims.text.times import UNDER

_WARM = re.compile(
    r"\bwarm(?:ed|-up|up)?\b|\b(?:later|subsequent|following|second) (?:ones|requests|calls)"
)
_COLD = re.compile(r"\bcold\b")
_APART = re.compile(
    r"slow|fast|add|penalt|overhead|cost|differ|extra|negligible|only|more|longer|->|vs"
)
_BARE = re.compile(rf"\({NUMBER} (?:vs|against|to|compared (?:to|with)) {NUMBER}\)")


def cold(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read a cold start set against a warm request."""
    del names
    text = sentence.text
    warm_at, cold_at = _WARM.search(text), _COLD.search(text)
    if not cold_at or not (warm_at or _APART.search(text)):
        return
    times = [each for each in sentence.figures if each.kind == "seconds" and each.value > 0]
    if len(times) == 1 and (bare := _BARE.search(text)):  # "adds 0.4 s (15.3 vs 14.9)"
        both = bare.span()
        pair_of = [each for each in sentence.numbers if both[0] <= each.start < both[1]]
        warm, other = sorted(pair_of, key=lambda each: each.value)
        two = pair(warm.value, other.value, "a warm request", "a cold one")
        yield tied("cold against warm", cold_at.start(), metric="cold_start", comparison=two)
        return
    versus = re.search(r"\bvs\b|\bagainst\b|\bcompared (?:to|with)\b", text)
    if versus and warm_at and len(times) > 2:  # the two that stand on either side
        first = [each for each in times if each.end <= versus.start()][-1:]
        times = first + [each for each in times if each.start >= versus.end()][:1]
    if warm_at and len(times) >= 2:
        warm, other = min(
            ((one, two) for one in times for two in times if one is not two),
            key=lambda both: _gap(both[0], warm_at) + _gap(both[1], cold_at),
        )
        two = pair(warm.value, other.value, "a warm request", "a cold one")
        yield tied("cold against warm", cold_at.start(), metric="cold_start", comparison=two)
    elif any(UNDER.search(sentence.left(each)) for each in times):
        return  # a limit on what cold ones take
    elif times or any(each.kind in ("share", "times") for each in sentence.figures):
        note = "one figure for cold and warm: give both times"
        yield Found(kind="cold against warm", at=cold_at.start(), note=note)


def _gap(figure: Figure, word: re.Match[str]) -> int:
    return max(figure.start - word.end(), word.start() - figure.end)


_CAUSES: dict[str, Cause] = {
    "retr": "retry",
    "asked again": "retry",
    "cold": "cold_start",
    "queue": "queue",
    "queuing": "queue",
    "token": "longer_answer",
    "long output": "longer_answer",
    "longer output": "longer_answer",
    "longer answer": "longer_answer",
    "back-off": "back_off",
    "backoff": "back_off",
}
_BECAUSE = re.compile(
    r"\b(?:explained by|due to|caused by|because(?: of)?|com(?:es?|ing) from|attributed to"
    r"|down to|owing to|stems? from|traced? (?:back )?to|blamed? on|put down to"
    r"|result of|thanks to|reason (?:is|was))\b(.{1,60})"
)
_EXPLAINS = re.compile(
    r"\b(?:(?:fully |alone |entirely )?explains?|accounts? for|caused?|(?:is|are|was|were) (?:the"
    r" (?:reason|cause)|why|to blame|behind|responsible))\b(.{1,60})"
)
_SLOWNESS = re.compile(r"outlier|straggler|slow|spike|delay|excess")
_PARTLY = re.compile(r"\b(?:part|partly|some|only|half|third|most)\b|[0-9] ?%|[0-9] ?s\b")
_SLOW = re.compile(
    r"outlier|straggler|slow|spike|latency|excess|delay|variance|\b[0-9.]+ ?s\b|took"
    r"|takes|long|tail"
)


def because(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read why something was slow, the slowness named first or the cause."""
    for match in _BECAUSE.finditer(sentence.text):
        before = sentence.text[: match.start()]
        if _SLOW.search(before):
            yield from _caused(sentence, match, slow=before, by=match[1], names=names)
    for match in _EXPLAINS.finditer(sentence.text):
        before = sentence.text[: match.start()]
        if _cause(before) and _SLOWNESS.search(match[1]) and not _PARTLY.search(match[1]):
            yield from _caused(sentence, match, slow=match[1], by=before, names=names)


def _cause(text: str) -> str:
    return next((name for word, name in _CAUSES.items() if word in text), "")


def _caused(
    sentence: Sentence, match: re.Match[str], *, slow: str, by: str, names: Names
) -> Iterator[Found]:
    cause = _cause(by)
    stage = names.stage(slow, by, sentence.piece.around)
    if cause:
        yield tied("explained by", match.start(), metric="explained", cause=cause, stage=stage)
    elif _SLOWNESS.search(slow):
        note = "no cause that is recorded is named"
        yield Found(kind="explained by", at=match.start(), note=note)
