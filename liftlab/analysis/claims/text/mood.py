"""Whether a sentence says what is, or what is wanted, guessed, asked, or said by others."""

from __future__ import annotations

import re

from liftlab.analysis.claims.text.figures import Figure, Sentence

_OTHERS = re.compile(
    r"\baccording to|\bsays? an? |\bstud(?:y|ies)\b|\bchatgpt\b|\bcopilot\b|\bindustry\b"
    r"|\bvendors?\b|\bcustomers? (?:say|said|told|report|claim|ask)"
    r"|\bcompetitors?\b|\badvertis|\bwrote\b"
    r"|\bquot(?:e|ed|ing)\b|\bwas the wording\b|\bfe(?:el|els|lt) like\b"
    r"|^[\"“][^\"”]+[\"”] ?[-–—(]"
    r"|[\"”] (?:was|is|stood|stands|appears?|read) (?:in|what)\b"
    r"|\b(?:legal|marketing|they|docs|documentation|paper|blog|website|provider|literature"
    r"|[a-z]+ project)"
    r" (?:says?|said|claims?|reports?|promises?|states?)\b"
)
_DENIED = re.compile(
    r"\b(?:not true|untrue|no evidence|no proof|not shown|not proven|myth)\b"
    r"|\b(?:can ?not|can't|could not|couldn't|do not|don't|won't|would not|should not|shouldn't"
    r"|must not|nobody can) (?:yet |really |honestly )?(?:be )?(?:say|said|claim|claimed|tell"
    r"|repeat|repeated|conclude|concluded|support|state|publish|quote|quoted|know|back)"
)
_ATTAINED = re.compile(
    r"\b(?:met|meets|we (?:do |now )?(?:meet|reach|clear|exceed|beat)|clears|hits?"
    r"|achieved|achieves|reached|reaches|attained|exceeded|exceeds"
    r"|beats?|beaten"
    r"|holds|held|cleared|surpass(?:es|ed)|satisf(?:ies|ied)|on target|within (?:the "
    r"|our )?(?:\S+ ){0,3}"
    r"(?:budget|target|slo|sla|goal)|(?:above|below|under) (?:the|our) \S+ ?(?:%|s|seconds)?"
    r" (?:bar|target|goal|threshold))\b"
)
_NOT_ATTAINED = re.compile(
    r"\b(?:to (?:meet|reach|clear|exceed|beat|hit)|will|if|whether|not|never|nor"
    r"|missed|misses|to be|far from|cannot|can't)\b"
)
_WANTED = re.compile(
    r"\b(?:goals?|targets?|targeted|targeting|aim(?:s|ing)? (?:for|to|at)|objective|slos?"
    r"|slas?|budget(?:s|ed)?"
    r"|threshold|requirement|should|must|shall|wants?|needs? to|plans?|(?<!as )planned|planning"
    r"|to-?do|intends?|hop(?:es?|ing)|(?:would|'d) like|would land|tries|try to|trying|ambition"
    r"|might|could (?:be|get|reach|bring|take|cost|save|drop|fall)"
    r"|whether"
    r"|(?:would|will) be (?:fine|enough|nice|good|acceptable|ok)|let'?s|assumes?|assuming|suppose"
    r"|promised?|success (?:metrics?|criteri\w+)|agree on|not (?:yet )?(?:measured|enough"
    r"|done)|yet to)\b"
    r"|^next\b[^.:]{0,15}:|^(?:original|revised target|acceptance)\b[^:]{0,40}:|\beg\b"
)
# "(target: < 2 s)", "against a goal of 5 s": an aim beside a figure that is none.
_BESIDE = re.compile(
    r"\([^()]{0,60}\b(?:goals?|targets?|slo|sla|budget|limit|was|previously)\b[^()]{0,60}\)"
    r"|(?:,|;|\bvs|\bagainst|\bcompared (?:to|with)) (?:the |a |an |our )?(?:original "
    r"|revised )?[<>=~$0-9. s%]{0,12}"
    r"\b(?:goal|target|slo|sla)\b[^.;]{0,40}$"
)
_BOUND = re.compile(
    r"[<>]|\b(?:under|below|above|at least|at most|less than|more than|over|exceed|up to"
    r"|within|by half|in half)\b"
)
_OF_DATA = re.compile(r"\b(?:based on|given) (?:the |our )?(?:data|measure)")
_IS = re.compile(
    r"\b(?:is|are|was|were|has|have|had|did|does|takes?|took|costs?|gave|gives|measured|found|ran"
    r"|now|today|currently|fails?|failed|succeeds?|succeeded|passe[sd]|works?|affects?|waits?"
    r"|achieved|met|reached|done|result|shows?|showed|needs?|needed|due to|because)\b"
)
_TURNED_OUT = re.compile(r"\bturn(?:s|ed) out\b")
_IF = re.compile(r"\b(?:if|unless|in case)\b(?! ?/| ?'|\))")
_ORDER = re.compile(
    r"^(?:[-*0-9.\[\] ]{0,6})(?:@?[a-z]{2,15}: )?"
    r"(?:measure|fix|reduce|raise|bring|improve|increase|decrease|lower"
    r"|get|keep|add"
    r"|define|expand|investigate|reproduce|aim|achieve|reach|find|ensure|optimi[sz]e|decide"
    r"|look|budget|wait"
    r"|check|verify|consider|collect|gather|try|(?:re)?run (?:each|the|all|a|again|more|[0-9])"
    r"|test (?:the|more|all|[0-9]))\b"
)
_REACHABLE = re.compile(r"achieve|achievable|reach|\bmet\b|attain|possible")
_AHEAD = re.compile(
    r"\bestimat|\bprojected\b|\bprojections?\b|\bwe project\b|\bexpect(?!ed an\b)|\bforecast"
    r"|\banticipat"
    r"|\bpredict(?!ab)|\bwill (?:take|push|cost|be|add|bring|rise|fall|drop|increase)\b"
    r"|\bgoing to\b|\bonce .{1,40}\b(?:is|are) (?:fixed|added|done|in)\b"
)


def of_others(sentence: Sentence) -> bool:
    """Whether somebody else's words or figures are told, or what is said is taken back."""
    return bool(_OTHERS.search(sentence.text) or _DENIED.search(sentence.text))


def attained(sentence: Sentence) -> bool:
    """Whether something that was wanted is said to be reached."""
    text = sentence.text
    return bool(_ATTAINED.search(text)) and not _NOT_ATTAINED.search(text)


def wanted(sentence: Sentence) -> bool:
    """Whether it tells a goal, a plan, a condition or a question, and not that it is reached."""
    told = _TURNED_OUT.split(sentence.text)[-1]
    text = _BESIDE.sub(" ", told).rstrip(' *"”)')
    if text.endswith("?"):
        return not _REACHABLE.search(text)
    if _IF.search(text):
        return True
    aims = sentence.piece.planned and (_BOUND.search(text) or not _IS.search(text))
    if aims or _ORDER.match(text):
        return not attained(sentence) and not _OF_DATA.search(text)
    return bool(_WANTED.search(text)) and not attained(sentence)


def is_aim(sentence: Sentence, figure: Figure) -> bool:
    """Whether a figure is an aim that stands beside a figure of what is."""
    if attained(sentence):
        return False
    return any(
        match.start() > 0 and match.start() <= figure.start < match.end()
        for match in _BESIDE.finditer(sentence.text)
    )


def ahead(sentence: Sentence) -> bool:
    """Whether it tells what is still to come."""
    return bool(_AHEAD.search(sentence.text))
