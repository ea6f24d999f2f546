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
# Behind a limit: whether it holds.
_HOLDS = re.compile(
    r"^[^.;]{0,30}?(?:[:=(,|-]| to) ?(?:(?P<yes>yes|true|ok|pass(?:ed)?\b|[✅✔✓☑])"
    r"|(?P<no>no\b|false|fail(?:ed)?\b|[❌✘✗✖]))|^ ?(?P<y>[✅✔✓☑])|^ ?(?P<n>[❌✘✗✖])"
)
OPEN = re.compile(
    r"\b(?:undecided|not (?:yet )?decided|not measurable|whether|can not say|cannot say|unclear"
    r"|unknown"
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
    r"^\W*without\b"
    r"|\b(?:if|unless|would|could|should|shall|must|might|may|can|will|won't|let us|let's|aim\w*"
    r"|hop(?:e|es|ing)|want(?:s|ed)?|wish|need(?:s|ed)? to|plans?|planned|planning|intend\w*"
    r"|expect(?:s|ed|ing)?|assume\w*|assuming|suppos\w+|estimat\w+|forecast\w*|predict\w*"
    r"|project(?:ed|ion)|ideally|(?:is|are|yet) to be|ha(?:ve|s) to|going to|aspir\w+|promise\w*"
    r"|guarantee\w*|commit\w*"
    r"|budget(?:ed)?|allow\w*|require[sd]?|imagine|example|hypothetical\w*|not true|never said"
    r"|no longer|probably|perhaps|maybe|seems?|likely|guess\w*|think|believe[sd]?|rumou?r\w*|until"
    r"|once we|as soon as|try|trying|doubt\w*|pretend|threshold|alert\w*|cap(?:ped)?"
    r"|[0-9,]{1,9} (?:more )?prompts? takes?)\b"
)
_SAID = re.compile(
    r"\b(?:sa(?:id|ys)|claim(?:s|ed)?|according to|report(?:s|ed) (?:by|that)|announc\w+"
    r"|advertise\w*|advertising|told|heard|stated?|wrote|quot(?:e|es|ed))\b"
)
TARGET = re.compile(
    r"\b(?:targets?|goals?|limit|objectives?|threshold|slos?|slas?|aim|bar|requirements?"
    r"|criteri(?:on|a))\b"
)
_AIMED = re.compile(
    rf"{TARGET.pattern}|\b(?:okrs?|acceptance|milestones?|promised|shooting for|get to|needs?"
    r"|launch|by (?:q[1-4]|next|the end|20[0-9]{2}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]*))\b"
)
_IN_FACT = re.compile(
    r"\b(?:now|today|current(?:ly)?|actual(?:ly)?|measured|in fact|in reality|instead|here"
    r"|(?:we|it)(?: a|')re|we (?:have|got|get|see|measured|saw)|ours?)\b"
)
_CONSEQUENCE = re.compile(
    r",? so (?!that\b)|, (?:which|but|because|hence|thus|and (?:we|that|this))\b| - (?!if|when)"
)
DENIED = re.compile(
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
ABOUT = re.compile(  # a figure that is given as a round one
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


def unread(left: str, right: str, *, planned: bool) -> str:
    """Return why a figure is no claim by the words on both sides; empty where it may be one."""
    if right.rstrip().endswith("?"):
        return "a question"
    segment = left + _CONSEQUENCE.split(right, maxsplit=1)[0]
    if _UNDONE.match(segment):
        return "a plan"
    if _NOT_REAL.search(segment):
        return "a condition, plan or guess"
    if _SAID.search(segment):
        return "what others say"
    if planned and not SETTLED.search(segment):
        return "a goal or plan"
    return ""


def aimed(left: str) -> bool:
    """Whether the words before a figure speak of what is wanted, and not of what is."""
    wanted = [match.end() for match in _AIMED.finditer(left)]
    return bool(wanted) and not (
        _IN_FACT.search(left, wanted[-1]) or SETTLED.search(left, wanted[0])
    )


def target(clause: str, left: str, right: str, *, limit: bool) -> str:
    """Return "met", "not met", or "open" for a target that a clause names; empty for none.

    `left`, `right`: what stands before the figure in the clause, and behind it.
    `limit`: whether the clause has a limit, as "≤ 15 s": then it needs no word for it.
    """
    if limit and (holds := _HOLDS.match(right)):
        return "met" if holds["yes"] or holds["y"] else "not met"
    settled, named = SETTLED.search(clause), TARGET.search(clause)
    if not settled or not (named or limit):
        return "open" if named else ""
    if not limit and re.search("[0-9].*?:", left) and SETTLED.search(left):
        return ""  # "the 70 % target is not met: 38 %"
    before = clause[: settled.start()][-12:]
    denied = settled["verdict"].startswith(("not", "miss")) or DENIED.search(before)
    return "not met" if denied else "met"


def relation(left: str, right: str) -> Relation:
    """Return whether a figure is a limit, by the words before and behind it."""
    if not ABOUT.search(left):
        for name, before, behind in _BOUNDS:
            if re.search(before, left[-40:]) or re.match(behind, right):
                return name
    return "is"
