"""How people word that something became better or worse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.found import Found, change, points

_BETTER = (
    r"faster|slower|quicker|speedier|shorter|longer|less time|more time|lower|higher|cheaper"
    r"|dearer|more expensive"
)
_CHANGED = re.compile(
    rf"^ ?\(?(?:as )?(?:{_BETTER}|fast\b|slow\b|long\b|the (?:time|speed|price)"
    r"|speed-?up|faster|less\b|more\b|better\b|worse\b"
    r"|(?:improvement|reduction|decrease|increase|drop|gain|cut|saving)s?\b|down\b|up\b|off\b)"
)
_CHANGED_BY = re.compile(
    r"(?:\bby|\bdown|\bup|\bfell|\bdropped|\breduced|\bcut|\bimproved|\bincreased|\bdecreased"
    r"|\brose|\bgrew|\bshaved"
    r"|speed-?ups?(?: of)?|faster|slower|quicker|improvement of|reduction of|increase of"
    r"|gain of|saves?|saving)"
    r"[ :(]{0,2}(?:by )?(?:about |roughly |over |more than |almost |some |another )?~?[+-]?$"
)
_VERB = re.compile(
    r"\b(?:by|down|up|fell|fall(?:s|en)?|drop(?:s|ped)?|reduce|reducing|cut|improv|increase|decrease|rose"
    r"|ris(?:es|en)|grew|went|speed|sped"
    r"|faster|slower|quicker|better|worse|lower|higher|cheaper|shaved|save|saving|doubled|halved"
    r"|than (?:last|before|in|week))"
)
_RANGE = re.compile(r"\b(?:rang|spread|vari|between)\w*[^.;]{0,20}$")
_UP_FROM = re.compile(r"\b(?:up|down) from (?:only |just |about )?~?$")
_POINTS = re.compile(r"^ ?(?:percentage[- ]points?|points?\b|pp\b|%-?points?|ppts?\b)")
_SPEED = re.compile(
    r"latenc|jitter|variance|\btimes?\b|seconds?|fast|slow|quick|speed|end.to.end|e2e|response"
    r"|duration|throughput|\bstage\b|\bto ir\b"
    r"|to code\b|code generation|\bcalls?\b|\brequests?\b"
)
_COSTS = re.compile(r"\bcosts?\b|\bcheap|\bspend|\bbill\b|\bprice|\bexpens|[$¢]")
_RATES = re.compile(r"succe|pass|accura|correct|reliab|(?:error|failure) rate")
_NOT_CHANGES = re.compile(
    r"\bsmaller\b|\blarger\b|\bsize\b|\bmemory\b|\bbinary\b|\bcoverage\b|\blines\b"
)


def changes(sentence: Sentence, figure: Figure) -> Iterator[Found]:
    """Read "x % faster", "3x as fast", "+30 %", "from a to b" as a change."""
    left, right = sentence.left(figure), sentence.right(figure)
    if _NOT_CHANGES.search(f"{left[-30:]} {right[:30]}"):
        return
    signed = re.search(r"(?:^|[ (:|])[+-] ?~?$", left)
    if re.match(" ?points?\\b", right) and not _RATES.search(sentence.text):
        return
    by = _CHANGED.match(right) or _CHANGED_BY.search(left) or signed
    if figure.kind == "seconds":
        if _is_pair(sentence, figure):
            yield from _of_times(sentence, figure)
    elif figure.kind not in ("share", "times"):
        return
    elif figure.kind == "share" and (
        _POINTS.match(right)
        or (by and _is_of_rates(sentence, figure))
        or (_UP_FROM.search(left) and _RATES.search(sentence.text))
    ):
        yield points(sentence, figure)
    elif by or (figure.kind == "times" and _VERB.search(sentence.text)):
        yield from _of_times(sentence, figure)
    elif figure.kind == "share" and _pair_of_rates(sentence, figure):
        yield points(sentence, figure)


def _of_times(sentence: Sentence, figure: Figure) -> Iterator[Found]:
    text = sentence.text
    if {"cold", "warm"} <= set(re.findall("cold|warm", text)):
        return
    subject = text if sentence.piece.header else sentence.left(figure)
    about = " ".join((text, *sentence.piece.around[-2:]))
    if re.search(r"\b(?:goal|target)\b", text) and figure.kind == "times":
        note = "a ratio to a goal: say the figure and the goal"
        yield Found(kind="change", at=figure.start, note=note)
    elif _COSTS.search(subject) and not re.search("faster|slower|latenc", text):
        yield Found(kind="change", at=figure.start, note="a change of costs: compare the two runs")
    elif _SPEED.search(about) or re.search(r"faster|slower|quicker|speed", text):
        yield change(sentence, figure.start)


def _is_of_rates(sentence: Sentence, figure: Figure) -> bool:
    near = f"{sentence.left(figure)} {sentence.right(figure)[:40]}"
    near = near if _RATES.search(near) else sentence.text if sentence.piece.header else near
    return bool(_RATES.search(near)) and not re.search("faster|slower|quicker|latenc", near)


def _pair_of_rates(sentence: Sentence, figure: Figure) -> bool:
    """Whether two percentages stand as "from a to b", of which this is the first."""
    two = [each for each in sentence.figures if each.kind == "share"]
    at = two.index(figure)
    if len(two) < at + 2 or not _RATES.search(sentence.text):
        return False
    return sentence.text[figure.end : two[at + 1].start].strip() == "to"


def _is_pair(sentence: Sentence, figure: Figure) -> bool:
    """Whether two times stand as "from a to b", or a time is said to be saved."""
    left, right = sentence.left(figure), sentence.right(figure)
    if figure.low is not None:
        told = _VERB.search(sentence.text) or re.search(r"\bfrom ~?$", left)
        return figure.low > 0 and bool(told) and not _RANGE.search(left)
    saved = re.search(r"\b(?:shaved|saved|saves|cut)\b[^.,;]{0,12}$", left)
    return bool(saved) or bool(
        re.search(r"\bfrom\b[^.,;]{0,20}$", left) and re.match(r"[^.,;]{0,25}\bto\b", right)
    )
