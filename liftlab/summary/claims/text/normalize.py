"""Text as patterns want it: lower case, no marks, numbers in figures."""

from __future__ import annotations

import re

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve"
_WORDS = {word: number for number, word in enumerate(_SMALL.split())}
_WORDS |= {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
_WORDS |= {"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_PARTS = {"half": "50%", "a half": "50%", "a third": "33.3%", "one third": "33.3%"}
_PARTS |= {"two thirds": "66.7%", "a quarter": "25%", "one quarter": "25%", "a fifth": "20%"}
_PARTS |= {"three quarters": "75%", "a tenth": "10%", "one tenth": "10%", "one fifth": "20%"}
_ALL = "|".join(_WORDS)
_SUBSTITUTES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\\\(?=[^\w\s])"), ""),
    (re.compile(r"<!--.{0,500}?-->|</?[a-z][^<>]{0,200}>"), " "),
    (re.compile(r"!\[[^\[\]]{0,200}\]\([^()\s]{0,500}\)"), " "),
    (re.compile(r"\[([^\[\]]{0,300})\]\([^()]{0,500}\)"), r"\1"),
    (re.compile(r"<?\b(?:https?|ftp)://[^\s<>]{1,500}>?"), " "),
    (re.compile(r"[*`\\]|~~|(?<!\w)_|_(?!\w)"), ""),
    (re.compile(r"_"), " "),
    (re.compile(r"\s*(?:-+>|→|⇒|=>|➜|➔)\s*"), " to "),
    (re.compile(r"(?<=\w)[-‑](?:to|2)[-‑](?=\w)"), " to "),
    (re.compile(r"(?<=[a-z])[-‑](?=[a-z])"), " "),
    (re.compile("≤|&le;"), "<="),
    (re.compile("≥|&ge;"), ">="),
    (re.compile("&lt;"), "<"),
    (re.compile("&gt;"), ">"),
    (re.compile(r"[≈∼]|\bca\. ?(?=[0-9])"), "~"),
    (re.compile("−|–|‑"), "-"),
    (re.compile("—"), " - "),
    (re.compile("[\u00a0\u2009\u202f]"), " "),
    (re.compile("×"), "x"),
    (re.compile(r"\bvs\.|\bversus\b"), "vs"),
    (re.compile(r"\bavg\."), "avg"),
    (re.compile(r"\bapprox\.|\bapproximately\b|\bcirca\b"), "about"),
    (re.compile(r"\be\.g\.|\bi\.e\."), "that is"),
    (re.compile(r"\b(?:percent(?!ag|ile)|per cent|pct\b\.?)"), "%"),
    (re.compile(r"\b([0-9]{2}(?:\.[0-9])?)(?:[a-z]{2})?[- ](?:percentile|% ?ile)"), r"p\1"),
    (re.compile(r"\bp(?:[- _]([0-9]{2})\b|\(([0-9]{2})\))"), r"p\1\2"),
    (re.compile(r"(?<![0-9.,])([0-9]{1,4}),([0-9]{1,2})(?![0-9,])(?=\s?([a-z%$€¢]|$))"), r"\1.\2"),
    (re.compile(r"(?<![0-9.])\.([0-9])"), r"0.\1"),
    (re.compile(r"\((s|ms|%|usd)\)\s*[:=|]\s*(~?[0-9][0-9.,]{0,12})(?=\s|$)"), r": \2 \1"),
    (re.compile(r"(?:\$|\busd) ?(?:/|per) ?(request|call|prompt|answer)s? ?[:="
        r"|] ?([0-9.]{1,12})"), r"per \1: \2 usd"),
    (re.compile(r"\bhalf a second\b"), "0.5 s"),
    (re.compile(r"\bhalf a minute\b"), "30 s"),
    (re.compile(r"\bsub[- ](?=[0-9])"), "under "),
)  # fmt: skip
_NOUNS = (
    "prompts?|cases?|requests?|answers?|calls?|runs?|tests?|functions?|responses?|steps?|failures?"
    "|errors?|retries|retry|attempts?|generations?|wrong|right|correct|missing"
)
_NUMBER = re.compile(
    rf"\b({_ALL})\b(?= (?:out of|of|in) |[ -](?:%|s\b|secs?\b|seconds?\b|minutes?\b|cents?\b"
    rf"|dollars?\b|of\b)"
    rf"|,? (?:{_NOUNS})\b)|(?<=out of )({_ALL})\b|(?<=[0-9] of )({_ALL})\b|(?<=[0-9] in )({_ALL})\b"
)
_PART = re.compile(
    rf"\b({'|'.join(sorted(_PARTS, key=len, reverse=True))})s?\b(?= (?:of|the)\b)", re.IGNORECASE
)
_COUNTED_NOUN = re.compile(
    rf"\b([0-9]{{1,6}}) ({_NOUNS}) (?:out of|in|of)(?: the| all| our)? ([0-9]{{1,6}})\b"
)
_SPACES = re.compile(r"\s+")


def normalize(text: str) -> str:
    """Return text in lower case, without Markdown's marks, numbers in figures, arrows as "to".

    Examples
    --------
    >>> normalize("- **NLP → IR**: `10.4s` median")
    '- nlp to ir: 10.4s median'
    >>> normalize("Four out of five prompts, ≈ two thirds of it, the 95th percentile")
    '4 out of 5 prompts, ~ 66.7% of it, the p95'
    """
    found = text.lower()
    for pattern, to in _SUBSTITUTES:
        found = pattern.sub(to, found)
    for _ in range(2):  # "four" first, then what is "of five"
        found = _NUMBER.sub(lambda m: str(_WORDS[next(filter(None, m.groups()))]), found)
    found = _PART.sub(lambda match: _PARTS[match[1].replace("-", " ")], found)
    found = _COUNTED_NOUN.sub(r"\1 of \3 \2", found)
    return _SPACES.sub(" ", found).strip()
