"""Text as patterns want it: lower case, no marks, numbers in figures."""

from __future__ import annotations

import re

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_WORDS = {word: number for number, word in enumerate(_SMALL.split())}
_WORDS |= {"fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40}
_WORDS |= {"fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_PARTS = {"half": 50, "third": 33, "quarter": 25, "fifth": 20, "tenth": 10}
_ALL = "|".join(_WORDS)
_SUBSTITUTES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<!--.*?-->|</?[a-z][^<>]{0,200}>"), " "),
    (re.compile(r"!\[([^\[\]]{0,200})\]\([^()\s]{0,500}\)"), " "),
    (re.compile(r"\[([^\[\]]{0,300})\]\([^()]{0,500}\)"), r"\1"),
    (re.compile(r"<?\b(?:https?|ftp)://[^\s<>]{1,500}>?"), " "),
    (re.compile(r"[*`\\]|~~"), ""),
    (re.compile(r"_"), " "),
    (
        re.compile(
            r"(?<![0-9.,a-z_])([~$]?[0-9][0-9.,]{0,9} ?(?:%|ms|s|secs?|seconds|cents?|ct)?)"
            r"\s*(?:-+>|→|⇒|=>|➜|➔)\s*(?=[~$]?[0-9])"
        ),
        r"from \1 to ",
    ),
    (re.compile(r"\s*(?:-+>|→|⇒|=>|➜|➔)\s*"), " to "),
    (re.compile(r"-to-"), " to "),
    (re.compile("≤|&le;"), "<="),
    (re.compile("≥|&ge;"), ">="),
    (re.compile("&lt;"), "<"),
    (re.compile("&gt;"), ">"),
    (re.compile(r"[≈∼]|\bca\. ?(?=[0-9])"), "~"),
    (re.compile("−|–(?=[0-9 ]?[0-9])"), "-"),  # a minus, or a range
    (re.compile("[\u00a0\u2009\u202f]"), " "),
    (re.compile("×"), "x"),
    (re.compile(r"\bvs\.|\bversus\b"), "vs"),
    (re.compile(r"\bavg\."), "avg"),
    (re.compile(r"\bapprox\.|\bapproximately\b"), "about"),
    (
        re.compile(r"\bst(?:anda)?r?d\.? ?dev(?:iation|\.)?(?![a-z])|\bstddev\b"),
        "standard deviation",
    ),
    (re.compile(r"\be\.g\."), "eg"),
    (re.compile(r"\bi\.e\."), "that is"),
    (re.compile(r"\bno\. (?=[0-9])"), "no "),
    (re.compile(r"\b(?:percent(?!ag)|per cent|pct\b\.?|per-cent)"), "%"),
    (re.compile(r"\b([0-9]{2}(?:\.[0-9])?)(?:[a-z]{2})?[- ]percentile"), r"p\1"),
    (re.compile(r"\b([0-9]{2}(?:\.[0-9])?)[a-z]{2}[- ]%(?:ile)?"), r"p\1"),
    (re.compile(r"(?<![0-9.,])([0-9]{1,4}),([0-9]{1,2})(?![0-9,])(?=\s?[a-z%$€¢]|$)"), r"\1.\2"),
    (re.compile(r"(?<![0-9.])\.([0-9])"), r"0.\1"),
    (re.compile(r"([0-9]) (?:thousand|k)\b|([0-9])k\b"), r"\1\2,000"),
    (re.compile(r"\bten thousand\b"), "10,000"),
    (re.compile(r"\bper thousand\b"), "per 1,000"),
    (re.compile(r"\b(?:a|one) thousand\b"), "1,000"),
    (re.compile(r"\b(?:a|one|1) million\b"), "1,000,000"),
    (re.compile(r"\bhalf a minute\b"), "30 s"),
    (re.compile(r"\ba quarter of a minute\b"), "15 s"),
    (re.compile(r"\ba factor of (?=[0-9])"), "by "),
    (re.compile(r"\b(?:a|one) hundred\b"), "100"),
    (re.compile(r"\b(?:a|one) cent\b"), "1 cent"),
    (re.compile(r"\bby (?:almost|nearly|about|around|roughly|over|some) "), "by "),
    (re.compile(r"\btwice (?=as |the |faster|slower)"), "2x "),
    (re.compile(r"\bhalf (?=as (?:fast|slow|much|long)\b|the (?:time|cost|price)\b)"), "0.5x "),
    (re.compile(r"\bthrice\b|\bthree times\b"), "3x"),
    (re.compile(r"([0-9.]+) times (?=as |faster|slower|quicker|higher|lower|more|less)"), r"\1x "),
    (re.compile(r"([0-9.]+)-fold\b"), r"\1x"),
    (re.compile(r"\b(?:by )?by ([0-9.]+[0-9])(?![0-9]*[ .]?[0-9a-z%$-])"), r"by \1x"),
    (re.compile(r"\bsub[- ](?=[0-9])"), "under "),
)
_COUNTED = re.compile(rf"\b({_ALL})(?= (?:out of|of|in) (?:the |our )?(?:{_ALL}|[0-9]+)\b)")
_NOUNS = r"prompts?|cases?|requests?|answers?|calls?|runs?|tests?|functions?|responses?|attempts?"
_COUNTED_NOUN = re.compile(
    rf"\b({_ALL}|[0-9]{{1,6}}) (?:of (?:the|our) )?({_NOUNS}) (?:out of|in|of)"
    rf" ({_ALL}|[0-9]{{1,6}})\b"
)
_COUNTED_END = re.compile(rf"((?:out of|of|in) )(?:the |our )?({_ALL})\b")
_UNITS = re.compile(
    rf"\b({_ALL})(?=[ -](?:%|(?:s|secs?|seconds?|cents?|dollars|x|times|requests|prompts|calls"
    rf"|runs)\b))"
)
_PART = re.compile(
    rf"\b(a|one|two|three|1|2|3)[ -]({'|'.join(_PARTS)})s?\b"
    r"(?= (?:of|faster|slower|quicker|cheaper|shorter|longer|less|lower|more|higher|fewer)\b)"
    rf"|(?<=\bby )(a|one|two|three) ({'|'.join(_PARTS)})s?\b"
    r"|\bhalf(?= (?:of|a|1)\b)|(?<=\bby )half\b"
)
_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return text in lower case, without Markdown's marks, numbers in figures, arrows as "to".

    Examples
    --------
    >>> plain("- **NLP → IR**: `10.4s` median")
    '- nlp to ir: 10.4s median'
    >>> plain("Four out of five prompts, ≈ a third of a cent, the 95th percentile")
    '4 out of 5 prompts, ~ 33% of 1 cent, the p95'
    >>> plain("21.7 s → 14.9 s, down by almost a third")
    'from 21.7 s to 14.9 s, down by 33%'
    """
    found = text.lower()
    for pattern, to in _SUBSTITUTES:
        found = pattern.sub(to, found)
    found = _COUNTED_NOUN.sub(r"\1 out of \3 \2", found)
    found = _COUNTED.sub(lambda match: str(_WORDS[match[1]]), found)
    found = _COUNTED_END.sub(_ended, found)
    found = _UNITS.sub(lambda match: str(_WORDS[match[1]]), found)
    found = _PART.sub(_share, found)
    return _SPACES.sub(" ", found).strip()


def _ended(match: re.Match[str]) -> str:
    return f"{match[1]}{_WORDS[match[2]]}"


def _share(match: re.Match[str]) -> str:
    number, part = match[1] or match[3], match[2] or match[4]
    if not part:
        return "50%"
    times = {"a": 1, "one": 1, "two": 2, "three": 3}.get(number) or int(number)
    return f"{times * _PARTS[part] + (part == 'third' and times == 2)}%"
