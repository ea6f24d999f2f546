"""How people word a dozen kinds of claims. Every pattern is bounded: no text takes long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from liftlab.analysis.causes import BACKOFF, COLD, OUTPUT_TOKENS, QUEUE, RETRY
from liftlab.analysis.claims.figures import (
    NUMBER,
    RATIO,
    SECONDS,
    Found,
    as_number,
    as_seconds,
    change,
    decimals_of,
    pair,
    points,
    tied,
)
from liftlab.analysis.claims.lines import Line, Names
from liftlab.analysis.claims.model import Statistic
from liftlab.analysis.success import Measure

PERCENT = re.compile(rf"(?<![0-9.,])({NUMBER}) ?(?:%|percent\b|per cent\b)")
_TIMES = re.compile(rf"(?<![0-9.,])({NUMBER}) ?[x×] (?:as )?(?:faster|slower|quicker|fast|slow)\b")
_GOOD = re.compile(r"succe|pass|correct|accura|work|reliab|right|valid")
_BAD = re.compile(r"fail|error|affect|wrong|broken|bug")
_UNDER = re.compile(r"(?:<=?|under|below|less than|within|at most|up to) ?[~$]?$")
_LEAST = re.compile(r"(?:>=?|at least|over|above|more than|exceeds?) ?~?$")
_PLAN = re.compile(
    r"\b(?:if|whether|should|goal|target of|need to)\b[^.;|]{0,30}$|e\.g\.[^.;|]{0,15}$"
)
_AHEAD = re.compile(r"\b(?:estimat|project(?:ed|ion)|expect|forecast|will take|anticipat)")
_CHANGED = re.compile(
    r" ?(?:\(?(?:faster|slower|quicker)|speed-?up|less time|improvement in (?:lat|speed|time)"
    r"|reduction in (?:lat|time)|lower lat|higher lat)"
)
_CHANGED_BY = re.compile(
    r"(?:faster|slower|latency (?:fell|rose|dropped|down|up)|sped up) (?:by )?~?$"
)
_SPREAD = re.compile(r"\+? ?(?:latency )?(?:varia|cv\b|coefficient of var|spread|jitter)")
_SPREAD_OF = re.compile(r"(?:variance|variation|\bcv|spread|jitter)[^0-9|]{0,15}$")
_SHARE = re.compile(r" ?of (?:all |the |our )?(?:prompts|cases|tests|requests|runs|answers)\b")
_QUANTILE = re.compile(r"\bp(9[0-9](?:\.9)?|75|8[05])\b|\b(9[0-9]|75|8[05])th percentile")
_STATISTICS: dict[str, Statistic] = {
    "median": "median",
    "p50": "median",
    "typical": "median",
    "mean": "mean",
    "average": "mean",
    "avg": "mean",
}
_STATISTIC = re.compile(r"\b(median|p50|typical|mean|average|avg)")
_TAKES = re.compile(
    r"(?:\b(?:takes|requires|in|at|with|responds in|latency|latency of|latency is)|latency:) ?"
    r"(?:about |around |roughly |only )?~?$"
)
_CAUSES = {
    "retr": RETRY,
    "cold": COLD,
    "queue": QUEUE,
    "token": OUTPUT_TOKENS,
    "longer output": OUTPUT_TOKENS,
    "back-off": BACKOFF,
    "backoff": BACKOFF,
}
_BECAUSE = re.compile(
    r"(?:explained by|due to|caused by|because of|comes from|attributed to)(.{1,60})"
)
_SLOW = re.compile(r"outlier|slow|spike|latency|excess|delay|variance")
_STEADY = re.compile(r"\b(?:consistent|stable|steady|predictable)\b")
_WORKS = re.compile(
    r"\b(?:works? (?:well|reliably|fine|correctly|great) for|generates? (?:working|correct))"
)
_SUM = re.compile(r"(?:end to end|e2e)[^|]{0,20}(?:=|equals|is the sum of)[^|]{0,30}\+")
_MONEY = re.compile(rf"(?:\$|\busd ?)({NUMBER})|(?<![0-9.,])({NUMBER}) ?(?:usd|dollars)\b")
_REQUEST = r"(?:request|call|prompt|generation|query)"
_EACH = re.compile(rf" ?(?:/|per|an?|each|for each|for every) ?{_REQUEST}\b")
_MANY = re.compile(rf"({NUMBER})(k?) ?{_REQUEST}s\b")
_STEADY_CV = 0.05  # what "consistent" is taken to say where no figure is given


def find(line: Line, names: Names) -> Iterator[Found]:
    """Yield the claims of a line, by each way of putting them."""
    for recognise in _RECOGNISERS:
        yield from recognise(line, names)


def _percentages(line: Line, names: Names) -> Iterator[Found]:
    text = line.text
    for match in PERCENT.finditer(text):
        pre, post = text[max(0, match.start() - 45) : match.start()], text[match.end() :][:45]
        share = as_number(match[1]) / 100
        decimals = decimals_of(match[1]) + 2
        if _CHANGED.match(post) or _CHANGED_BY.search(pre):
            yield change(line)
        elif _SPREAD.match(post) or _SPREAD_OF.search(pre):
            if share > 0 and not _PLAN.search(pre):
                stage = names.stage(text, match.start(), line.stage)
                yield tied("spread", metric="spread", value=share, stage=stage)
        elif re.search(r"[+-] ?$", pre) and _GOOD.search(text):
            yield points(line, match[1])
        elif (
            not line.header
            and not _PLAN.search(pre)
            and not re.match(r" ?(?:confidence|interval|ci\b)", post)
        ):
            yield from _rate(line, names, share, decimals, pre, post)


def _rate(
    line: Line, names: Names, share: float, decimals: int, pre: str, post: str
) -> Iterator[Found]:
    """Read a percentage as a rate of success, or of failure, of all cases or of a category."""
    near = f"{pre[-30:]} {post[:30]}"
    of_prompts = _SHARE.match(post)
    bad = _BAD.search(near if not of_prompts else f"{pre} {post}")
    good = _GOOD.search(near)
    if share > 1 or not (bad or good):
        return
    fails = bool(bad) and not (good and _nearer(pre, post, _GOOD, _BAD))
    value = 1 - share if fails else share
    category, cases = names.category_in(post) if of_prompts else ("", ())
    least = bool(_LEAST.search(pre)) or post.startswith("+")
    under = bool(_UNDER.search(pre))
    if (least and not fails) or (under and fails):
        if 0 < value < 1:
            yield tied("success target", metric="success_target", value=value, measures=_BOTH)
        return
    if least or under:
        return
    kind = f"share of {category} prompts" if category else "success rate"
    yield tied(
        kind,
        metric="success_rate",
        value=round(value, 10),
        decimals=decimals,
        measures=_BOTH,
        cases=cases,
    )


def _counts(line: Line, names: Names) -> Iterator[Found]:
    del names
    text = line.text
    if line.header:  # a comparison's figures are read with it
        return
    for match in RATIO.finditer(text):
        count, total = int(match[1]), int(match[2])
        pre, post = text[max(0, match.start() - 25) : match.start()], text[match.end() :][:25]
        beside = PERCENT.search(pre[-15:]) or PERCENT.search(post[:15])
        near = f"{pre} {post}"
        if not 0 <= count <= total or total == 0 or beside:
            continue
        if re.match(r" ?(?:done|complete|finished|must|goals)", post):
            continue
        fails = bool(_BAD.search(near)) and not _nearer(pre, post, _GOOD, _BAD)
        if fails or _GOOD.search(near):
            value = (total - count if fails else count) / total
            yield tied(
                "success rate", metric="success_rate", value=value, decimals=2, measures=_BOTH
            )


def _times(line: Line, names: Names) -> Iterator[Found]:
    text = line.text
    if line.header or {"cold", "warm"} <= set(re.findall("cold|warm", text)):
        return
    for match in SECONDS.finditer(text):
        pre, post = text[max(0, match.start() - 45) : match.start()], text[match.end() :][:30]
        seconds = as_seconds(match)
        decimals = decimals_of(match[1]) + (3 if match[2] == "ms" else 0)
        stage = names.stage(text, match.start(), line.stage)
        clause = _clause(text, match.start(), match.end())
        statistic = _STATISTIC.search(clause)
        named: Statistic = _STATISTICS[statistic[1]] if statistic else "median"
        rank = [m for m in _QUANTILE.finditer(pre) if len(pre) - m.end() <= 25]
        if (
            seconds <= 0
            or "timeout" in clause
            or re.match(r"[^,;|]{0,3}(?:goal|target)|.{0,12}achievable", post)
        ):
            continue
        if rank:
            q = float(rank[-1][1] or rank[-1][2]) / 100
            yield tied(
                "quantile",
                metric="quantile",
                quantiles=(q,),
                value=seconds,
                decimals=decimals,
                stage=stage,
            )
        elif _UNDER.search(pre):
            if not _PLAN.search(pre):
                yield tied(
                    "latency target",
                    metric="latency_target",
                    value=seconds,
                    statistic=named,
                    stage=stage,
                )
        elif _AHEAD.search(text):
            yield Found(kind="forecast", note="a forecast: no row of the run stands behind it")
        elif statistic or _TAKES.search(pre) or re.match(r" (?:latency|end to end|e2e)\b", post):
            some = "succe" in _clause(text, match.start(), match.end() + len(" (when"))
            yield tied(
                named,
                metric="latency",
                value=seconds,
                decimals=decimals,
                statistic=named,
                stage=stage,
                population=("completed" if stage == "e2e" else "ok") if some else "all",
            )


def _ratios(line: Line, names: Names) -> Iterator[Found]:
    del names
    for _ in _TIMES.finditer(line.text):
        if "goal" in line.text or "target" in line.text:
            yield Found(kind="change", note="a ratio to a goal: say the figure and the goal")
        else:
            yield change(line)


def _steady(line: Line, names: Names) -> Iterator[Found]:
    text = line.text
    if any(_SPREAD.match(text[m.end() :][:30]) for m in PERCENT.finditer(text)):
        return
    for match in _STEADY.finditer(text):
        known = any(name in text for name in names.stages) or line.stage
        negated = re.search(r"\b(?:not|never|in) ?(?:very )?$", text[: match.start()][-12:])
        if (known or "latenc" in text) and not negated:
            stage = names.stage(text, match.start(), line.stage)
            yield tied("spread", metric="spread", value=_STEADY_CV, stage=stage)


def _cold(line: Line, names: Names) -> Iterator[Found]:
    del names
    found = [
        SECONDS.search(line.text, match.end(), match.end() + 40) if match else None
        for match in (re.search(r"\bwarm", line.text), re.search(r"\bcold", line.text))
    ]
    if found[0] and found[1] and found[0].start() != found[1].start():
        warm, cold = as_seconds(found[0]), as_seconds(found[1])
        if warm > 0 and cold > 0:
            two = pair(warm, cold, "a warm request", "a cold one")
            yield tied("cold against warm", metric="cold_start", comparison=two)


def _because(line: Line, names: Names) -> Iterator[Found]:
    for match in _BECAUSE.finditer(line.text):
        if not _SLOW.search(line.text):
            continue
        cause = next((name for word, name in _CAUSES.items() if word in match[1]), "")
        stage = names.stage(line.text, match.start(), line.stage)
        if cause:
            yield tied("explained by", metric="explained", cause=cause, stage=stage)
        else:
            yield Found(kind="explained by", note="no cause that is recorded is named")


def _works(line: Line, names: Names) -> Iterator[Found]:
    for match in _WORKS.finditer(line.text):
        rest = line.text[match.start() :].split(". ")[0]
        cases = names.cases_in(rest) if " for" in match[0] else ()
        category = names.category_in(rest)[1]
        yield tied("works", metric="works", cases=cases or category)


def _sums(line: Line, names: Names) -> Iterator[Found]:
    del names
    if _SUM.search(line.text):
        yield tied("sum of stages", metric="sum")


def _costs(line: Line, names: Names) -> Iterator[Found]:
    text = line.text
    for match in _MONEY.finditer(text):
        pre, post = text[max(0, match.start() - 45) : match.start()], text[match.end() :][:45]
        number = match[1] or match[2]
        usd, count = as_number(number), 1.0
        if usd <= 0 or re.match(r" ?(?:/|per|an?) ?(?:h\b|hour|hr)", post):
            continue
        many = _MANY.search(post) or _MANY.search(pre)
        if not _EACH.match(post):
            if many:
                count = as_number(many[1]) * (1000 if many[2] else 1)
            elif not (_EACH.search(pre) or re.search(rf"{_REQUEST}[^.|]{{0,20}}cost", pre)):
                yield Found(kind="cost", note="it does not say of how many requests")
                continue
        if count < 1:
            continue
        bound = bool(_UNDER.search(pre + text[match.start() : match.start(1)] if match[1] else pre))
        yield tied(
            "cost target" if bound else "cost",
            metric="cost",
            value=usd / count,
            decimals=decimals_of(number) + len(str(int(count))) - 1,
            price=names.price,
        )


def _clause(text: str, start: int, end: int) -> str:
    """Return the words around a figure, up to a comma, a semicolon or a bar."""
    before = re.split(r"[,;|]|\. ", text[max(0, start - 60) : start])[-1]
    after = re.split(r"[,;|]|\. ", text[end : end + 40])[0]
    return f"{before}{text[start:end]}{after}"


def _nearer(pre: str, post: str, one: re.Pattern[str], other: re.Pattern[str]) -> bool:
    """Whether one pattern stands nearer to the figure than another."""
    return _away(pre, post, one) < _away(pre, post, other)


def _away(pre: str, post: str, pattern: re.Pattern[str]) -> int:
    ends = [len(pre) - match.end() for match in pattern.finditer(pre)]
    starts = [match.start() for match in pattern.finditer(post)]
    return min([*ends, *starts], default=1_000)


_BOTH: tuple[Measure, ...] = ("parsed", "pass")
_RECOGNISERS: tuple[Callable[[Line, Names], Iterator[Found]], ...] = (
    _percentages,
    _counts,
    _times,
    _ratios,
    _steady,
    _cold,
    _because,
    _works,
    _sums,
    _costs,
)
