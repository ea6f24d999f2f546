"""How people word how long it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liftlab.analysis.claims.model import Population, Statistic
from liftlab.analysis.claims.text import mood
from liftlab.analysis.claims.text.figures import Figure, Sentence
from liftlab.analysis.claims.text.found import Found, tied
from liftlab.analysis.claims.text.names import Names

_STATISTICS: dict[str, Statistic] = {
    "median": "median",
    "p50": "median",
    "typical": "median",
    "typically": "median",
    "50th": "median",
    "mean": "mean",
    "average": "mean",
    "avg": "mean",
    "averages": "mean",
    "averaged": "mean",
    "averaging": "mean",
}
_STATISTIC = re.compile(r"\b(median|p50|typical(?:ly)?|mean|averag(?:e[sd]?|ing)|avg|50th)\b")
_RANK = re.compile(r"\bp(9[0-9](?:\.[0-9]{1,2})?|75|8[05])\b")
_PART = re.compile(
    r"^ ?(?:of )?(?:all |the |our )?(?:prompts|cases|requests|runs|answers|calls|responses"
    r"|generations)\b"
    r"[^0-9.;]{0,50}(?:\bin|\bwithin|\bunder|\bbelow|<=?|\bless than|\bat most|\bfaster than"
    r"|\bby)(?: under)? ?~?$"
)
UNDER = re.compile(
    r"(?:<=?|\bunder|\bbelow|\bless than|\bwithin|\bat most|\bup to|\bno more than"
    r"|\bnever (?:over|above|exceeds?|exceeded)"
    r"|(?:\bno|\bnever|\bnot a single)\b[^.,;<]{0,40}\b(?:longer than|over|exceed(?:s|ed)?"
    r"|above|more than)|\bfaster than"
    r"|\bmeets?(?: our| the)?|\bmet (?:the|our)|\bhits?(?: our| the)?) ?(?:the |our |a )?~?$"
)
_EVERY = re.compile(
    r"\b(?:never|always|consistently|without exception|every|each|all|none|nothing|not a single"
    r"|no [a-z]+)\b"
)
_TAKES = re.compile(
    r"(?:\b(?:takes?|took|requires?|need(?:s|ed)?|in|at|with|is|are|was|were|of|responds? in"
    r"|returns? in|comes? back in|after"
    r"|requests?|response|latency|turnaround|time|end to end|end-to-end|e2e|to ir|to code"
    r"|stage|generation|ttft)\b[^0-9.;]{0,12}"
    r"|[:=|(]) ?(?:about |around |roughly |only |just |almost |nearly )?~?$"
)
_AFTER = re.compile(
    r"^[- ]?(?:latency|end.to.end|e2e|response|turnaround|per (?:request|prompt|call)"
    r"|a (?:request|prompt|call)|on average"
    r"|to (?:respond|answer|generate|complete))"
)
_ABOUT_TIME = re.compile(
    r"latenc|\btakes?\b|\btook\b|respon[ds]|turnaround|\btime\b|\btimes\b|end.to.end|e2e"
    r"|\bto ir\b|\bto code\b|\bstages?\b|\bsteps?\b|\btotal\b|\benglish\b|\bpython\b"
    r"|request|prompt|\bcode\b|generate|generation|\banswers?\b|\bp50\b|median|\bmean\b|average|\bavg\b"
    r"|typical|duration|percentile"
    r"|\bcall\b|\bcalls\b|\bfast\b|\bspeed\b|pipeline"
)
_NOT_THESE = re.compile(
    r"time-?outs?\b|\bback-?off|\bback off|\bretry after|\bdeadline|\bpolling|\bsleep|\bci\b"
    r"|\bbuild|\binstall|\bdemo\b|\bmeeting"
    r"|\bdeploy|\bset-?up\b|\bdownload|\bpulls?\b|\brestart|\bboot|\bimage\b|\bunit tests?"
    r"|\btests? (?:run|take|finish|suite)"
    r"|\bsuite (?:takes|ran|runs)|\bbenchmark (?:takes|took|ran)|\bheartbeat|\bevery [0-9]"
    r"|\beffort|\breview|\bcompile|\bsession"
    r"|\bapproximately 1 |\brun each\b|\binterval\b|\bper hour\b|\bslower than the\b"
    r"|\bmigration|\bhealth\b|\bwake|\bidle"
)
_EXTREME = re.compile(
    r"\b(?:fastest|slowest|min(?:imum)?|max(?:imum)?|worst|best|longest|shortest|outliers?|stragglers?|peak)\b"
)
_LIMITS = re.compile(r"^[^,;|(]{0,4}(?:goal|target|slo|sla|budget|limit|bar)\b|^.{0,12}achievable")
_SPREAD_SECONDS = re.compile(
    r"(?:standard deviation|\bsd\b|jitter|\+/-|±|\bvaries by|\bspread)(?:e2e|[^0-9;.]){0,40}$"
    r"|[±] ?$"
)
_FIRST = re.compile(r"\b(?:ttft|time to first token|first token|inter-token|itl|tpot)\b")
OTHER_NOTE = "no rule for it: the tables of the run hold it"
_SINGLE = re.compile(
    r"\b(?:tests?|case|example) ?(?:\([^()]{0,30}\) ?)?(?:took|needed|showed|ran|:)"
)
_SOME = re.compile(r"\bsucce|when successful|of successes|leav(?:e|ing) out|exclud")
_SOME_OF = re.compile(
    r"\b(?:over|of|for|among|without) (?:only )?(?:the |those |all )?(?:[a-z0-9]+ )?"
    r"(?:(?:that|which) (?:parsed?|succeeded|passed|worked|finished well|ended well)"
    r"|succe\w+|fail\w+)"
    r"[^.;]{0,25}$"
)
_GIVEN_N = re.compile(r"\bn ?= ?([0-9]{1,6})\b")
LONG_S = 120.0  # what takes longer is rarely one request
_AHEAD_NOTE = "a forecast: no row of the run stands behind it"


def quantiles_of_shares(
    sentence: Sentence, figure: Figure, names: Names
) -> Iterator[tuple[Figure, Found]]:
    """Read "95 % of requests finish within 27 s": gives the time that it takes with it."""
    later = [each for each in sentence.figures if each.start >= figure.end]
    if figure.value < 0.5 or figure.value >= 1 or not later or later[0].kind != "seconds":
        return
    between = sentence.text[figure.end : later[0].start]
    if _PART.match(between):
        found = _quantile(sentence, later[0], names, round(figure.value, 6))
        yield later[0], found


def seconds(sentence: Sentence, figure: Figure, names: Names) -> Iterator[Found]:
    """Read a time: a quantile, a target, a forecast, a spread, a median or a mean."""
    left, right = sentence.left(figure), sentence.right(figure)
    clause = sentence.clause(figure)
    of_limit = bool(_LIMITS.match(right))
    reached = of_limit and mood.attained(sentence)
    other = figure.value <= 0 or of_limit or _NOT_THESE.search(f"{left[-60:]}{clause}")
    if other and not reached:
        return
    stage = names.stage_of(sentence, figure)
    rank = _rank(sentence, figure)
    if figure.low is not None:
        if mood.ahead(sentence) and _ABOUT_TIME.search(sentence.text):
            yield Found(kind="forecast", at=figure.start, note=_AHEAD_NOTE)
    elif _FIRST.search(left) or _FIRST.match(right):
        yield Found(kind="time to first token", at=figure.start, note=OTHER_NOTE)
    elif rank:
        yield _quantile(sentence, figure, names, rank)
    elif _SPREAD_SECONDS.search(left):
        note = "a spread in seconds: as a share of the mean it could be ruled"
        yield Found(kind="spread", at=figure.start, note=note)
    elif _is_limit(sentence, figure):
        yield _limit(sentence, figure, stage)
    elif mood.ahead(sentence):
        if _ABOUT_TIME.search(sentence.text):
            yield Found(kind="forecast", at=figure.start, note=_AHEAD_NOTE)
    elif names.one_case(left) and not _statistic(sentence, figure):
        return
    elif not _EXTREME.search(left[-50:] + clause):
        yield from _figure(sentence, figure, stage, names)


def _limit(sentence: Sentence, figure: Figure, stage: str) -> Found:
    """Read a limit on a median or a mean, or one that no request is said to go over."""
    named = _statistic(sentence, figure)
    if not named and _EVERY.search(sentence.before(figure)):
        kind = "latency target"
        return tied(kind, figure.start, metric="every", value=figure.value, stage=stage)
    return tied(
        "latency target",
        figure.start,
        metric="latency_target",
        value=figure.value,
        statistic=named or "median",
        stage=stage,
    )


def _figure(sentence: Sentence, figure: Figure, stage: str, names: Names) -> Iterator[Found]:
    """Read a time as a median or a mean, if its words say that it is one of this system's."""
    left, right = sentence.left(figure), sentence.right(figure)
    statistic = _statistic(sentence, figure)
    raw = (sentence.piece.raw or _SINGLE.search(left)) and not statistic
    if figure.value >= LONG_S and not (statistic or re.search("latenc|respon|request", left)):
        return
    if re.search(r"\b(?:minutes?|mins?|hours?) ?(?:and )?$", sentence.text[: figure.start]):
        return  # the rest of "30 minutes 27 seconds"
    takes = _TAKES.search(left) or _AFTER.match(right) or re.match(r" ?(?:±|\+/-)", right)
    if raw or not (statistic or (takes and (_ABOUT_TIME.search(sentence.text)))):
        return
    some = _SOME.search(sentence.after(figure) + right[:20]) or _SOME_OF.search(left)
    given = _GIVEN_N.search(sentence.text)
    if some or (given and int(given[1]) < names.trials):
        population: Population = "completed" if stage == "e2e" else "ok"
    else:
        population = "all"
    named: Statistic = statistic or "median"
    yield tied(
        named,
        figure.start,
        metric="latency",
        value=figure.value,
        decimals=figure.decimals,
        statistic=named,
        stage=stage,
        population=population,
    )


def _is_limit(sentence: Sentence, figure: Figure) -> bool:
    left, right = sentence.left(figure), sentence.right(figure)
    if UNDER.search(left):
        return bool(_ABOUT_TIME.search(sentence.text)) or mood.attained(sentence) or len(left) < 30
    return bool(_LIMITS.match(right)) and mood.attained(sentence)


def _quantile(sentence: Sentence, figure: Figure, names: Names, q: float) -> Found:
    stage = names.stage_of(sentence, figure)
    return tied(
        "quantile",
        figure.start,
        metric="quantile",
        quantiles=(q,),
        value=figure.value,
        decimals=figure.decimals,
        stage=stage,
    )


def _rank(sentence: Sentence, figure: Figure) -> float | None:
    """Return the quantile that a time is said to be."""
    listed = re.search(r"\bp[0-9.]+(?: ?/ ?p[0-9.]+)+", sentence.text[: figure.start])
    if listed:  # "p50/p95/p99: a / b / c"
        times = [e for e in sentence.figures if e.kind == "seconds" and e.start >= listed.end()]
        ranks = re.findall(r"p([0-9.]+)", listed[0])
        place = times.index(figure) if figure in times else len(ranks)
        if place < len(ranks):
            return float(ranks[place]) / 100 if float(ranks[place]) > 50 else None
    left, right = sentence.left(figure), sentence.after(figure)
    found = [*_RANK.finditer(left)]
    if found and not _STATISTIC.search(left[found[-1].end() :]):
        return float(found[-1][1]) / 100
    match = _RANK.match(right.strip(" (")) if not _STATISTIC.search(left) else None
    return float(match[1]) / 100 if match else None


def _statistic(sentence: Sentence, figure: Figure) -> Statistic | None:
    left, after = sentence.left(figure), sentence.after(figure)
    listed = re.search(r"\bp50 ?/", sentence.text[: figure.start])
    found = [*_STATISTIC.finditer(left)]
    later = _STATISTIC.search(after)
    if later and (not found or later.start() < len(left) - found[-1].end()):
        return _STATISTICS[later[1]]
    if found:
        return _STATISTICS[found[-1][1]]
    return "median" if listed else None
