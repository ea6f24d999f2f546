"""How people word how much times vary."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.found import Found, tied
from liftlab.analysis.claims.text.names import Names

_SPREAD = re.compile(
    r"^\+? ?(?:latency |of |relative )?(?:varia|cv\b|coefficient of var|spread|jitter"
    r"|deviation|fluctuation)"
)
_SPREAD_OF = re.compile(
    r"(?:variance|variation|variability|varies|vary|\bcv\b|spread|jitter|standard deviation"
    r"|fluctuat|±|\+/-)[^0-9|;.]{0,45}$"
)
_STEADY = re.compile(
    r"\b(?:consistent(?:ly)?|stable|steady|predictable|rock.solid|hardly var(?:y|ies)"
    r"|barely var(?:y|ies)"
    r"|(?:low|little|no|minimal|negligible|small) (?:variance|variation|jitter|spread)"
    r"|(?:variance|variation|jitter|spread)\b[^.;,]{0,20}\b(?:is|are|was) (?:negligible|low"
    r"|small|minimal)|deterministic)\b"
)
_OF_TIME = re.compile(
    r"latenc|respon[ds]|\btimes?\b|\bto ir\b|\bto code\b|\bstage\b|end.to.end|e2e|seconds"
    r"|[0-9] ?s\b|\bfast\b|turnaround|sub-second"
)
_NEGATED = re.compile(
    r"\b(?:not|never|in|un|less|isn't|aren't|hardly) ?(?:very |always |yet )?$|un$|in$"
)
_LIMIT = re.compile(
    r"(?:[<>]=?|\b(?:under|below|less than|at most|within|up to|no more than)) ?~?$"
)
STEADY_CV = 0.05  # what "consistent" is taken to say where no figure is given


def spreads(sentence: Sentence, figure: Figure, names: Names) -> Iterator[Found]:
    """Read a percentage as a coefficient of variation."""
    left, right = sentence.left(figure), sentence.right(figure)
    if re.search(
        r"\b(?:fell|dropped|reduced|down|decreased|improved|cut|rose|up) (?:by )?~?$", left
    ):
        return  # that it changed, not how large it is
    if figure.value > 0 and (_SPREAD.match(right) or _SPREAD_OF.search(left)):
        stage = names.stage_of(sentence, figure)
        said = {} if _LIMIT.search(left) else {"decimals": figure.decimals}
        yield tied("spread", figure.start, metric="spread", value=figure.value, stage=stage, **said)


def steady(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read "very consistent" as a claim that times hardly vary."""
    around = sentence.piece.around
    for match in _STEADY.finditer(sentence.text):
        before = sentence.text[: match.start()]
        if _NEGATED.search(before[-14:]):
            continue
        known = _OF_TIME.search(sentence.text) or names.stage_in(" ".join(around))
        if known:
            stage = names.stage(before, sentence.text[match.end() :], around)
            yield tied("spread", match.start(), metric="spread", value=STEADY_CV, stage=stage)
