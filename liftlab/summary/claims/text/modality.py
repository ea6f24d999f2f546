"""Whether a sentence says how things are: goals, plans, questions and quotations do not."""

from __future__ import annotations

import re

from liftlab.summary.claims.model import Relation

_QUOTED = re.compile(r"[“\"«][^“”\"«»]{3,300}[”\"»]|(?<!\w)'[^']{8,300}'(?!\w)")
# What is settled, so that a line among goals says how things are.
SETTLED = re.compile(
    r"\b(?P<verdict>not (?:met|meet|reached|reach|achieved|hit)|miss(?:ed|es)?"
    r"|met|meets?|reached|reach(?:es)?|achieved?|hits?)\b"
)
_OPEN = re.compile(
    r"\b(?:undecided|not measurable|whether|can not say|cannot say|unclear|unknown"
    r"|(?:is|still|remains|left) open)\b|^open\b"
)
_PLANS = re.compile(
    r"\b(?:next (?:steps?|up|sprint|week|runs?)|want(?:ed)? to|vision|ask|tomorrow|roadmap|to ?do"
    r"|plans?|planned|goals?|targets?|objectives?|risks?|recommendations?|open questions|future"
    r"|backlog|(?:success|acceptance) criteria|requirements?|assumptions?|hypothes[ie]s|slos?|slas?"
    r"|estimates?|forecasts?|budget|example|template|method(?:ology)?|setup|background"
    r"|related work|published|previous|history)\b"
)
_NOT_REAL = re.compile(
    r"\b(?:if|unless|would|could|should|shall|must|might|may|can|will|won't|let us|let's|aim\w*"
    r"|hop(?:e|es|ing)|want(?:s|ed)?|wish|need(?:s|ed)? to|plans?|planned|planning|intend\w*"
    r"|expect(?:s|ed|ing)?|assume\w*|assuming|suppos\w+|estimat\w+|forecast\w*|predict\w*"
    r"|project(?:ed|ion)|ideally|to be|going to|aspir\w+|promise\w*|guarantee\w*|commit\w*"
    r"|budget(?:ed)?|allow\w*|require[sd]?|imagine|example|hypothetical\w*|not true|never said"
    r"|no longer|probably|perhaps|maybe|seems?|likely|guess\w*|think|believe[sd]?|rumou?r\w*|until"
    r"|once we|as soon as|try|trying|doubt\w*|pretend|threshold|alert\w*|cap(?:ped)?"
    r"|[0-9,]{1,9} (?:more )?prompts? takes?)\b"
)
_SAID = re.compile(
    r"\b(?:sa(?:id|ys)|claim(?:s|ed)?|according to|report(?:s|ed) (?:by|that)|announc\w+"
    r"|advertise\w*|advertising|told|heard|stated?|wrote|quot(?:e|es|ed))\b"
)
_TARGET = re.compile(
    r"\b(?:targets?|goals?|limit|objective|threshold|slo|sla|aim|bar|requirements?|criteri(?:on"
    r"|a))\b"
)
_DENIED = re.compile(
    r"\b(?:not|never|nowhere near|isn't|aren't|wasn't|no longer|neither|hardly|doesn't|don't)\b"
)
_MORE = r" ?(?:about |than |our |the |its )?~?\$?$"
_BOUNDS: tuple[tuple[Relation, str, str], ...] = (  # before the figure, or behind it
    (
        "at_most",
        r"(?:\b(?:under|below|less than|at most|no more than|not more than|up to|within|faster than"
        rf"|never (?:over|above|more than)|no longer than|fewer than)|<=?){_MORE}",
        r" ?(?:or (?:less|faster|under|below)|at most\b)",
    ),
    (
        "at_least",
        r"(?:\b(?:over|above|more than|at least|no less than|exceeds?|exceeding|upwards of)"
        rf"|>=?){_MORE}",
        r" ?(?:\+|or (?:more|better|higher)|at least\b)",
    ),
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|nearly|almost|some|close to"
    r"|(?:just|slightly|a (?:little|bit|touch|hair)) (?:under|over|below|above))|~) ?\$?$"
)
_UNDONE = re.compile(r"^\[ \]|^(?:⏳|🔜|todo\b)")


def without_quotes(text: str) -> str:
    """Return a text with its quotations blanked out, every other letter in its place."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)


def plans(heading: str) -> bool:
    """Whether a heading, or a column's name, says that what it holds is still to come."""
    return bool(_PLANS.search(heading) and not SETTLED.search(heading))


def unread(segment: str, *, planned: bool) -> str:
    """Return why a part of a sentence is no claim; empty where it may be one."""
    if segment.rstrip().endswith("?"):
        return "a question"
    if _UNDONE.match(segment):
        return "a plan"
    if _NOT_REAL.search(segment):
        return "a condition, plan or guess"
    if _SAID.search(segment):
        return "what others say"
    if planned and not SETTLED.search(segment):
        return "a goal or plan"
    return ""


def is_open(clause: str) -> bool:
    """Whether a clause leaves open what it speaks of."""
    return bool(_OPEN.search(clause))


def target(clause: str, *, limit: bool) -> str:
    """Return "met", "not met", or "open" for a target that a clause names; empty for none.

    `limit`: whether the clause has a limit, as "≤ 15 s": then it needs no word for it.
    """
    settled = SETTLED.search(clause)
    named = bool(_TARGET.search(clause))
    if not settled or not (named or limit):
        return "open" if named else ""
    verdict = settled["verdict"]
    before = clause[: settled.start()][-12:]
    denied = verdict.startswith(("not", "miss")) or _DENIED.search(before)
    return "not met" if denied else "met"


def is_about(left: str) -> bool:
    """Whether a figure is given as a round one, by the words before it."""
    return bool(_ABOUT.search(left))


def relation(left: str, right: str) -> Relation:
    """Return whether a figure is a limit, by the words before and behind it."""
    if is_about(left):
        return "is"
    for name, before, behind in _BOUNDS:
        if re.search(before, left[-40:]) or re.match(behind, right):
            return name
    return "is"


def denied(clause: str) -> bool:
    """Whether a clause denies what it says."""
    return bool(_DENIED.search(clause))
