"""How people word what a request costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.found import Found, tied
from liftlab.analysis.claims.text.names import Names
from liftlab.analysis.claims.text.times import UNDER

_REQUEST = r"(?:requests?|calls?|prompts?|generations?|quer(?:y|ies)|answers?|req)"
_EACH = re.compile(rf"\b(?:per|an?|each|every) {_REQUEST}\b|/ ?{_REQUEST}\b|for each {_REQUEST}\b")
_SPENT_ON = re.compile(r"\b(?:costs?|spend|spent|pay|paid|bill|charged?|price)\b")
_MEAN = re.compile(r"\b(?:mean|average|avg) (?:cost|price)\b[^.;]{0,12}$")
_MANY = re.compile(rf"(?<![0-9.,])([0-9]{{1,3}}(?:,[0-9]{{3}})*|[0-9]{{1,8}}) {_REQUEST}\b")
_NO_COST = re.compile(
    r"^ ?(?:/|per|an?) ?(?:h\b|hour|hr|gpu|million|m tokens|1m|token|second|user\b)"
    r"|\bsubscri|\bpricing\b|\bper seat\b|\bsalar"
    r"|\b(?:freeing|saves?|saving)\b|\bper (?:million|1m|token)|\brevenue|\bfunding|\braised\b"
)
_SPENT = re.compile(
    r"cost|spend|spent|pay|bill|price|charge|cheap|expens|budget|[$¢]|usd|cent|\bct\b|works out"
    r"|month"
)


def costs(sentence: Sentence, figure: Figure, names: Names) -> Iterator[Found]:
    """Read what a request, or many, cost."""
    left, right = sentence.left(figure), sentence.right(figure)
    near = f"{left[-60:]} {right[:60]}"
    if (
        figure.value <= 0
        or _NO_COST.search(right[:30])
        or _NO_COST.search(left[-30:])
        or not _SPENT.search(sentence.text)
    ):
        return
    many = _MANY.search(right) or _MANY.search(left)
    each = _EACH.search(right) or _EACH.search(left) or _EACH.search(sentence.text)
    each = each or _MEAN.search(left)
    count = 1.0
    if many and not _EACH.match(right.lstrip()):
        count = float(many[1].replace(",", ""))
    elif not each and not re.search(rf"{_REQUEST}\b[^.|]{{0,30}}(?:cost|price)", near):
        if _SPENT_ON.search(sentence.text):
            note = "it does not say of how many requests"
            yield Found(kind="cost", at=figure.start, note=note)
        return
    if count < 1:
        return
    bound = bool(UNDER.search(left) or re.search(r"[<]=? ?$", left))
    yield tied(
        "cost target" if bound else "cost",
        figure.start,
        metric="cost",
        value=figure.value / count,
        decimals=figure.decimals + len(str(int(count))) - 1,
        price=names.price,
    )
