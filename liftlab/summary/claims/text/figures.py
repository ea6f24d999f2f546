"""The figures in a sentence: what each counts in, and which of them say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?:\.[0-9]{1,6})?"
Kind = Literal["share", "count", "times", "seconds", "usd", "whole", "other"]
_FREE = r"(?<![0-9.,a-z_/@$])"
_UNITS = {  # in the unit of the summary
    "ms": 1e-3, "millisecond": 1e-3, "msec": 1e-3, "µs": 1e-6, "us": 1e-6, "s": 1.0, "sec": 1.0,
    "second": 1.0, "min": 60.0, "minute": 60.0, "m": 60.0, "%": 0.01, "usd": 1.0, "$": 1.0,
    "dollar": 1.0, "cent": 0.01, "ct": 0.01, "¢": 0.01, "x": 1.0,
}  # fmt: skip
_SECONDS = r"(?:milliseconds?|msecs?|ms|µs|us|seconds?|secs?|s|minutes?|mins?)(?![a-z0-9/])"
_FIGURE = re.compile(
    rf"(?P<usd>(?:\$|\busd ?)(?P<u>{NUMBER}))(?![0-9%])"
    rf"|(?P<count>(?<![0-9.,/:-])(?P<a>[0-9]{{1,3}}(?:,[0-9]{{3}})|[0-9]{{1,6}}) ?(?:/|(?:out )?of"
    rf"(?: the| our| all)?|(?<= )in)(?: (?=[0-9])|(?<=/))(?P<b>[0-9]{{1,3}}(?:,[0-9]{{3}})"
    rf"|[0-9]{{1,6}})"
    rf"\b(?![/.:-]?[0-9]| ?(?:%|{_SECONDS})))"
    rf"|(?P<between>\bbetween )?{_FREE}(?P<low>{NUMBER}) ?(?:{_SECONDS}|%|\$)?"
    rf" ?(?:-|to|…|\.\.\.?|(?(between)and|(?!))) ?(?P<high>{NUMBER})"
    rf" ?-?(?P<range>{_SECONDS}|%|usd)"
    rf"|\b(?P<whole>all|every one of|none of|not one of)(?: of)?(?: the| our)? (?P<of>[0-9]{{1,6}})"
    rf"\b(?= [a-z])"
    rf"|{_FREE}(?P<n>{NUMBER}) ?-?(?P<unit>{_SECONDS}|%|x(?![a-z0-9])|usd|dollars?|\$|cents?\b|¢"
    rf"|ct\b)"
    rf"|(?P<other>[€£] ?{NUMBER}|{NUMBER} ?(?:eur|€|£)|{NUMBER} ?(?:k?b|mb|gb|tokens)\b)"
    r"|(?P<passk>\bpass ?@ ?[0-9]{1,3}['\"]? ?(?:of|=|:|was|is|at)? ?)(?P<k>0?\.[0-9]{1,4}"
    r"|1\.0+)(?! ?%|[0-9])"
    r"|(?P<none>\b(?:no|none of(?: the)?|not one of(?: the)?)"
    r"(?= (?:[a-z]+ ){0,2}(?:answers?|prompts?|requests?|cases?|functions?)\b))"
    r"|(?P<all>\b(?:all|every)(?: of the| the)?"
    r"(?= (?:[a-z]+ ){0,2}(?:answers?|prompts?|requests?|cases?|functions?)\b))"
)
# Numbers that are no claim: dates, sizes of samples, intervals, versions.
_BLANK = re.compile(
    r"\b[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?\b|\bn ?= ?[0-9,]{1,9}|\bp ?[<=] ?0?\.[0-9]{1,6}"
    rf"|[0-9.]{{1,6}} ?% (?:confidence |credible )?(?:interval|ci|limits?|(?:lower|upper) bound)s?"
    rf"(?: of)?[:=]? ?[\[(]?(?:(?:{NUMBER}|[<>] ?[0-9.]{{1,6}}) ?(?:%|{_SECONDS}|usd)?"
    rf"(?: ?(?:-|to|,|and) ?[<>]? ?{NUMBER} ?(?:%|{_SECONDS}|usd)?)?)?[\])]?"
    rf"|\b(?:ci|interval|iqr)[:=]? ?[\[(]?{NUMBER} ?(?:%|{_SECONDS}|usd)? ?(?:-|to|,) ?{NUMBER}"
    rf" ?(?:%|{_SECONDS}|usd)?[\])]?"
    rf"|(?<![0-9.,])[0-9]{{1,3}} [0-9]{{3}} ?(?:{_SECONDS})\b"  # "4 380 ms": which is meant?
    rf"|\((?:at least|at most|likely) {NUMBER}(?: ?(?:-|to) ?{NUMBER})? ?(?:%|{_SECONDS}|usd)?"
    rf"|(?:±|\+/-|\+-) ?{NUMBER} ?(?:%|{_SECONDS}|percentage points|points|pp|usd)?"
    r"|\bv[0-9][0-9.]{0,9}\b"
)
_SAME = re.compile(r"^ ?(?:\(|\[|=|,? ?(?:that is|or)\b,?|/|\|| - )? ?~?$")
_SIGNED = re.compile(r"(?:^|[ (|,])[+-] ?$")  # "+30 %": a change
_JOINED = re.compile(
    r"^[)\]]? ?(?:\([^()]{0,40}\)|[a-z ]{0,20}) ?(?:down |up )?to ?(?:only |just )?~?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a sentence."""

    kind: Kind  # what it counts in
    value: float  # a fraction, a factor, seconds or USD
    off: float  # by how much it may be off as it was written
    # start, end: where it stands
    start: int
    end: int
    # count, total: of "28 of 40"
    count: int | None = None
    total: int | None = None
    low: float | None = None  # of a range, its lower end
    was: float | None = None  # of a change, the figure before


def half_a_digit(number: str, unit: float = 1.0) -> float:
    """Return by how much a written number may be off: half of its last digit.

    Zeros at the end of a whole number are digits only as far as a half of a percent goes.

    Examples
    --------
    >>> half_a_digit("14.9"), half_a_digit("4180"), half_a_digit("0.8", 100.0)
    (0.05, 5.0, 0.005)
    """
    digits = number.replace(",", "")
    decimals = len(digits.partition(".")[2])
    half = 0.5 * 10.0**-decimals
    if unit == 100.0:  # a fraction that was written as a percentage
        return min(half, 0.005)
    if not decimals and float(digits):
        zeros = len(digits) - len(digits.rstrip("0"))
        half = max(half, min(0.5 * 10.0**zeros, 0.005 * float(digits)))
    return half


def figures(text: str, *, changes: bool = False) -> tuple[Figure, ...]:
    """Return the figures of a sentence; of a change only the last, which knows the first.

    `changes`: whether the sentence tells of a change, so that "1.9 s to 850 ms" is no range.
    """
    blank = _BLANK.sub(lambda match: " " * len(match[0]), text)
    found = [figure for match in _FIGURE.finditer(blank) if (figure := _figure(match, changes))]
    return tuple(_joined(found, blank, changes))


def _figure(match: re.Match[str], changes: bool) -> Figure | None:
    """Return the figure that was matched; None where it is none."""
    start, end = match.span()
    bare = Figure(kind="other", value=0.0, off=0.0, start=start, end=end)
    if unit := match["unit"]:
        if _SIGNED.search(match.string[:start]):
            return replace(bare, kind="times")
        return _one(_kind(unit), match["n"], _scale(unit), start, end)
    if match["range"]:
        return _range(match, changes)
    if match["count"] or match["whole"]:
        total = int((match["b"] or match["of"]).replace(",", ""))
        none = (match["whole"] or "").startswith("no")
        count = 0 if none else int((match["a"] or match["of"]).replace(",", ""))
        whole = replace(bare, kind="count", off=0.005, count=count, total=total)
        return replace(whole, value=count / total) if 0 <= count <= total > 0 else None
    if match["usd"] or match["passk"]:
        kind: Kind = "usd" if match["usd"] else "share"
        name = "u" if match["usd"] else "k"
        return _one(kind, match[name], 1.0, match.start(name) if match["k"] else start, end)
    return bare if match["other"] else replace(bare, kind="share", value=float(bool(match["all"])))


def _range(match: re.Match[str], changes: bool) -> Figure:
    """Return a range, or of a change its end; "1,900 ms to 0.85 s" has each in its own unit."""
    unit = match["range"]
    upper = _one(_kind(unit), match["high"], _scale(unit), *match.span())
    first = re.match(rf" ?({_SECONDS}|%)", match.string[match.end("low") :])
    low = float(match["low"].replace(",", "")) * _scale(first[1] if first else unit)
    return replace(upper, was=low) if changes and low > 0 else replace(upper, low=low)


def _one(kind: Kind, number: str, scale: float, start: int, end: int) -> Figure:
    value = float(number.replace(",", "")) * scale
    return Figure(kind=kind, value=value, off=half_a_digit(number) * scale, start=start, end=end)


def unit_of(word: str) -> tuple[Kind, float] | None:
    """Return what a unit counts in and what one of it is; None for a word that is none."""
    word = "%" if word == "percent" else word
    known = word in _UNITS or word.rstrip("s") in _UNITS
    return (_kind(word), _scale(word)) if known else None


def _scale(unit: str) -> float:
    return _UNITS.get(unit, _UNITS.get(unit.rstrip("s"), 1.0))


def _kind(unit: str) -> Kind:
    if unit == "%":
        return "share"
    if unit == "x":
        return "times"
    return "usd" if unit in ("usd", "$", "¢", "ct") or unit[0] in "dc" else "seconds"


def _joined(found: Sequence[Figure], text: str, changes: bool) -> list[Figure]:
    """Join a figure with the same in other units, drop its interval, and pair up changes."""
    kept: list[Figure] = []
    for figure in found:
        last = kept[-1] if kept else None
        between = text[last.end : figure.start] if last else ""
        if last and _SAME.match(between) and _says_the_same(last, figure):
            whole = last if last.kind in ("count", figure.kind) else figure
            bracket = re.match(r" ?[)\]]", text[figure.end :])
            closed = bracket.end() if bracket and re.search(r"[(\[]", between) else 0
            kept[-1] = replace(whole, start=last.start, end=figure.end + closed)
        elif last and figure.low is not None and re.match(r"^ ?[\[(,] ?$", between):
            kept[-1] = replace(last, end=figure.end)
        elif last and changes and last.kind == figure.kind and _JOINED.match(between):
            kept[-1] = replace(figure, was=last.value, start=last.start)
        else:
            kept.append(figure)
    return kept


def _says_the_same(first: Figure, second: Figure) -> bool:
    kinds = {first.kind, second.kind}
    if len(kinds) > 1 and kinds != {"share", "count"}:
        return False
    if first.low is not None or second.low is not None or "times" in kinds:
        return False
    return abs(first.value - second.value) <= max(first.off, second.off, 1e-9) * 1.01
