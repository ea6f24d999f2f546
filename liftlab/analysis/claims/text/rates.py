"""How people word how often it is right, and what they set against it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.text import mood
from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.found import Found, tied
from liftlab.analysis.claims.text.names import Names
from liftlab.analysis.success import Measure

GOOD = re.compile(
    r"succe|\bpass|correct|accura|\bwork(?:s|ed|ing)?\b|reliab|\bright\b|\bvalid|usable|\bsolve"
    r"|\bgreen\b|\bhandle|✅|\bok\b"
    r"|\bproduces? (?:working|python|code)|\bgenerates? (?:working|python|code)"
    r"|\bparse(?:[sd]|able)?\b|\bparsable\b|\bcompile"
)
BAD = re.compile(
    r"\bfail|\berror|affect|\bwrong|\bbroken|\bbug|\bincorrect|\binvalid|\bcrash|❌|\bhits?\b"
    r"|\btrips?\b"
    r"|\b(?:did|do|does|could) not (?:produce|return|give|yield|end|get|come)\b"
    r"|\bnot (?:work|pass|succeed|parse|right)|^ ?(?:were|was|are|is|did|do|does) not\b"
    r"|\btimed? ?out\b|\bhallucinat|\bmisses\b|\bsuffer|\bspoil"
)
_LEAST = re.compile(
    r"(?:>=?|at least|over|above|more than|exceed(?:s|ed|ing)?|better than|no less than|beyond"
    r"|clears?"
    r"|reach(?:es|ed)|achieves?|hits?) ?(?:the |a |an |our )?~?$"
)
_OR_MORE = re.compile(r"^(?:\+(?! ?[0-9])| or (?:more|better|higher|above))")
_UNDER = re.compile(
    r"(?:<=?|under|below|less than|fewer than|at most|up to|no more than) ?(?:the |a )?~?$"
)
_BAR = re.compile(r"^ ?(?:success |pass )?(?:rate )?(?:bar|target|goal|threshold|mark)\b")
_OF_TIME = re.compile(r"^ ?of the time\b")
_HIT = re.compile(r"\bhits? ?~?$")
_OF_BAR = re.compile(
    r"\b(?:bar|target|goal|threshold|mark)(?: of| is| was|:)? ?(?:at least |>=? ?)?~?$"
)
_SHARE = re.compile(
    r"^ ?of (?:all |the |our |these )?(?:test |simple )?(?:prompts|cases|tests|requests|runs"
    r"|answers|calls"
    r"|responses|functions|generations|time)\b"
)
_NOT_THESE = re.compile(
    r"\bdone\b|\bexecuted\b|\btested\b|\battempted\b"
    r"|\bcompleted?\b(?! (?:in|within|success))|\bfinished\b|coverage|uptime|availab"
    r"|utili[sz]|confiden"
    r"|\binterval|\bci\b|discount|\bdocs?\b|documentation|\bwritten\b|\bmemory\b|\bcpu\b"
    r"|\bgpu\b|\bdisk\b|smaller"
    r"|larger|bigger|\bsize\b|\btickets?\b|\bgoals\b|milestone|\breview|\bprogress\b|effort"
    r"|likelihood"
    r"|of the total|of total|traffic|[0-9] through\b|\bpriorit|must-have|\bpeople\b"
    r"|\bcommits?\b|\bquota\b"
    r"|\bunit tests?\b|\bci run|\bbuild\b|^ ?(?:working )?days?\b"
    r"|\bof the (?:variance|excess|sum|bill|cost)"
)
_RATE_OF = re.compile(
    r"(?:rate|pass@1|accuracy|success)\)?(?: value)? ?(?:is|was|of|at|=|:|stands at)? ?~?$"
)
_ALL = re.compile(
    r"\b(?:all|every|each)\b(?! test suites?)[^.;]{0,20}\b(?:prompts?|requests?|cases?"
    r"|answers?|calls?|functions?)\b"
    r"[^.;]{0,20}(?:succe|\bpass(?:ed|es)?\b|\bwork|\bcorrect|\bright\b)"
    r"|\b(?:no|not a single|not 1|none of the|zero|0)\b[^.;]{0,15}\b(?:prompts?|requests?"
    r"|cases?|calls?|runs?)\b"
    r"[^.;]{0,15}\b(?:fail|error|wrong)"
)
BOTH: tuple[Measure, ...] = ("parsed", "pass")
_PARSE = re.compile(
    r"\bpars(?:es?|ed|ing|e?able)\b|\bcompiles?\b|\bsyntactically\b|\bis valid python\b"
)
_RIGHT = re.compile(
    r"\bcorrect|\bright\b|accura|\bpass@|\bfunctional"
    r"|\b(?:pass(?:es|ed)?|fail(?:s|ed)?) (?:all |every )?(?:of )?(?:the |their |its )?"
    r"(?:functional )?(?:checks?|tests?)\b"
)


def measured(text: str) -> tuple[Measure, ...]:
    """Return what a text counts as a success: what it names, else both."""
    if _PARSE.search(text):
        return BOTH if _RIGHT.search(text) else ("parsed",)
    return ("pass",) if _RIGHT.search(text) else BOTH


def shares(sentence: Sentence, figure: Figure, names: Names) -> Iterator[Found]:
    """Read a percentage, or a count, as a rate of success or of failure."""
    left, right = sentence.left(figure)[-60:], sentence.right(figure)[:70]
    if _NOT_THESE.search(f"{left[-40:]} {sentence.after(figure)}") or figure.value > 1:
        return
    if re.match(r" to [0-9.]+ ?%", sentence.text[figure.end :]) or re.search(r"% to $", left):
        return
    of_prompts = _SHARE.match(right)
    near = f"{left} {right}"
    good, bad = GOOD.search(near), BAD.search(near)
    if not (good or bad) and figure.kind != "count":
        near = " ".join(sentence.piece.around[-1:]) if _BAR.match(right) or not left.strip() else ""
        near = sentence.piece.text if _OF_TIME.match(right) and len(left) < 12 else near
        good = GOOD.search(near) or (_BAR.match(right) and _LEAST.search(left))
    of_goal = _OF_BAR.search(left) and mood.attained(sentence)
    if not (good or bad or of_goal):
        return
    fails = bool(bad) and not (good and _away(left, right, GOOD) <= _away(left, right, BAD))
    value = 1 - figure.value if fails else figure.value
    named = of_prompts or figure.kind == "count"
    titled = sentence.before(figure).rstrip().endswith(":")  # "strings: 4 of 8"
    category, cases = names.category_in(left[-40:] if titled else right) if named else ("", ())
    if named and not category:
        category, cases = names.category_in(right if titled else left[-40:])
    counted = measured(near)
    at_least = _LEAST.search(left) and not (fails and _HIT.search(left))
    least = bool(at_least or _OR_MORE.match(right))
    under = bool(_UNDER.search(left))
    if of_goal or (_BAR.match(right) and mood.attained(sentence)):
        least = True
    if mood.ahead(sentence) and not least:
        note = "a forecast: no row of the run stands behind it"
        yield Found(kind="forecast", at=figure.start, note=note)
    elif (least and not fails) or (under and fails):
        if 0 < value < 1:
            yield tied(
                "success target",
                figure.start,
                metric="success_target",
                value=value,
                measures=counted,
            )
    elif least or under:
        note = "a bound on the wrong side: say the count"
        yield Found(kind="success rate", at=figure.start, note=note)
    else:
        yield tied(
            f"share of {category} prompts" if category else "success rate",
            figure.start,
            metric="success_rate",
            value=round(value, 10),
            decimals=figure.decimals,
            measures=counted,
            cases=cases,
        )


def all_or_none(sentence: Sentence, names: Names) -> Iterator[Found]:
    """Read "all prompts succeed" and "no request failed", and a rate without a unit."""
    del names
    has = {figure.kind for figure in sentence.figures}
    match = _ALL.search(sentence.text)
    if match and not has & {"share", "count", "seconds"}:
        yield tied(
            "success rate",
            match.start(),
            metric="success_rate",
            value=1.0,
            decimals=2,
            measures=measured(sentence.text),
        )
    for figure in sentence.numbers:
        left = sentence.text[max(0, figure.start - 40) : figure.start]
        if (
            0 < figure.value <= 1
            and figure.decimals
            and _RATE_OF.search(left)
            and GOOD.search(left)
        ):
            yield tied(
                "success rate",
                figure.start,
                metric="success_rate",
                value=figure.value,
                decimals=figure.decimals,
                measures=measured(sentence.text),
            )


def _away(left: str, right: str, pattern: re.Pattern[str]) -> int:
    ends = [len(left) - match.end() for match in pattern.finditer(left)]
    starts = [match.start() for match in pattern.finditer(right)]
    return min([*ends, *starts], default=1_000)
