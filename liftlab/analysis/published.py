"""Published figures beside the rows that they are of: which come out, and which survive.

A figure *comes out* where some usual rule gives it, to the digits it was printed with: the median
of the successes only, a deviation over n, a price. It *survives* where the rule that liftlab
stands by gives it, too: all rows that ended, the functional verdict, the price that is billed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.columns import Floats, floats, is_one_of, is_true, labels
from liftlab.analysis.latency import succeeded
from liftlab.words import be

Survives = Literal["yes", "no", "cannot be checked"]
_Statistic = tuple[str, Callable[[Floats], float], str]
# By statistic: name, function, and what is wrong with it. The first is ours.
_STATISTICS: dict[str, list[_Statistic]] = {
    "mean": [("mean", lambda x: float(x.mean()), "")],
    "median": [("median", lambda x: float(np.median(x)), "")],
    "cv": [("standard deviation / mean", lambda x: float(x.std(ddof=1) / x.mean()), "")],
    "std": [
        ("sample standard deviation", lambda x: float(x.std(ddof=1)), ""),
        ("population standard deviation", lambda x: float(x.std()), "divided by n, not by n - 1"),
    ],
}
_LATENCY = re.compile(r"(?P<stage>\w+?)_(?P<statistic>mean|median|std|cv)(?P<seconds>_s)?")
_CHANGE = re.compile(r"(?P<day>[a-z0-9]+)_faster_(?P<stage>\w+)")
_GROUP = re.compile(r"by_(?P<by>category|complexity)\.(?P<name>.*)\.(?P<what>passed|total|rate)")
_COST = re.compile(r"cost_(?P<requests>\d+)_usd")
_TOTALS = ("trials", "total_runs", "total_tests", "total")
_RIGHT = ("successes", "successful_runs", "execution_success", "both_success", "success", "passed")
_RIGHT_RATES = ("success_rate", "execution_rate", "both_rate")
_NO_COST = "a price has no rate, or a time is missing"
_NOTHING = "there is none to sum up: 0 stands for no value"
_MOST_DECIMALS = 9  # a figure with more was written by a program; sums differ in their last bits
_NOT_FIGURES = re.compile(r"target_.*|title|date|success_means|.*_case")
_NOT_HELD = "the run did not record it"


class Rule(NamedTuple):
    """One way to compute a figure: its name, what it gives here, and what is wrong with it."""

    words: str
    value: float | None
    fault: str = ""


class Spec(NamedTuple):
    """What a figure means, and the rules that may have given it, ours first."""

    what: str
    unit: str
    rules: list[Rule]
    bar: tuple[Survives, str] | None = None  # why it cannot survive, whatever the rules give
    factor: float = 1.0  # from the rules' unit to the published one


@dataclass(frozen=True, slots=True)
class _Day:
    """A published summary, the tables of its run, USD by price, and summaries of other days."""

    published: Mapping[str, Any]
    trials: pd.DataFrame
    stages: pd.DataFrame
    usd: Mapping[str, ArrayLike]
    earlier: Mapping[str, Mapping[str, Any]]

    def spec(self, field: str) -> Spec:
        """Return what a field means, and every rule that may have given it."""
        stages = {"e2e", *(str(name) for name in labels(self.stages, "stage") if name is not None)}
        if simple := _count_spec(field, self.trials) or self._cost(field):
            return simple
        if (change := _CHANGE.fullmatch(field)) and change["day"] in self.earlier:
            return self._change(change["stage"], self.earlier[change["day"]])
        if (found := _LATENCY.fullmatch(field)) and found["stage"] in stages:
            return self._latency(found["stage"], found["statistic"], seconds=bool(found["seconds"]))
        if field in ("memory_mean_mb", "memory_mean", "memory_peak"):
            return self._memory(field)
        name = field.removesuffix("_s")
        if name in stages:  # one time that was published as such: of a single trial
            _, seconds, _ = next(self._populations(name))
            value = float(seconds[0]) if len(seconds) == 1 else None
            return Spec(name.replace("_", " "), "s", [Rule("the only trial", value)])
        what = "time to wake the endpoint" if name == "wake" else name.replace("_", " ")
        return Spec(what, "s" if field.endswith("_s") else "", [])

    def _cost(self, field: str) -> Spec | None:
        requests = _COST.fullmatch(field)
        names = {
            "cost_per_request_usd": ("Cost of a request", 1.0),
            "cost_per_request_mean": ("Cost of a request", 1.0),
            "total_cost_usd": ("Cost of the run", None),
        }
        if requests is None and field not in names:
            return None
        count = float(requests["requests"]) if requests else None
        what, times = (f"Cost of {count:,.0f} requests", count) if count else names[field]
        rules: list[Rule] = []
        for price, amounts in self.usd.items():
            spent = np.asarray(amounts, dtype=np.float64)
            value = None
            if len(spent) and np.isfinite(spent).all():
                total = float(spent.sum())
                value = total if times is None else times * total / len(spent)
            fault = f"not at the endpoint's price, {next(iter(self.usd))}" if rules else ""
            rules.append(Rule(f"price {price}", value, fault))
        unknown = all(rule.value is None for rule in rules)
        return Spec(what, "USD", rules, ("cannot be checked", _NO_COST) if unknown else None)

    def _change(self, stage: str, before: Mapping[str, Any]) -> Spec:
        """Return the spec of "x better than that day": one run of one prompt against another's."""
        if stage == "success":
            rates = [day.get("success_rate", math.nan) for day in (self.published, before)]
            n = " and ".join(str(day.get("trials", "?")) for day in (self.published, before))
            why = f"different prompts, {n} trials: not comparable"
            rules = [Rule("points", rates[0] - rates[1])]
            return Spec("Success rate, more", "%", rules, ("no", why))
        case, column = self.published.get("compared_case"), "latency_s"
        rows = self.stages[labels(self.stages, "stage") == stage]
        if stage == "e2e":
            rows, column = self.trials, "e2e_s"
        mine, was = floats(rows[labels(rows, "case_id") == case], column), before.get(f"{stage}_s")
        faster = 1 - float(mine[0]) / was if was and len(mine) == 1 else None
        why = "one request of one prompt and one of another do not show a change"
        what = f"{stage.replace('_', ' ')}, faster"
        return Spec(what, "%", [Rule(f"{case} against the earlier prompt", faster)], ("no", why))

    def _latency(self, stage: str, statistic: str, *, seconds: bool) -> Spec:
        rules = []
        for words, values, left_out in self._populations(stage):
            for name, function, flaw in _STATISTICS[statistic]:
                enough = len(values) >= (1 if statistic in ("mean", "median") else 2)
                fault = "; ".join(part for part in (left_out, flaw) if part)
                rules.append(Rule(f"{name}, {words}", function(values) if enough else None, fault))
                if not enough:
                    rules.append(Rule(f"0 for want of a {name}, {words}", 0.0, _NOTHING))
        name = {"cv": "coefficient of variation", "std": "SD"}.get(statistic, statistic)
        what = f"{stage.replace('_', ' ')}, {name}"
        if statistic == "cv":
            return Spec(what, "%", rules)
        return Spec(what, "s" if seconds else "ms", rules, factor=1.0 if seconds else 1e3)

    def _populations(self, stage: str) -> Iterator[tuple[str, Floats, str]]:
        """Yield which rows, their latencies, and who is missing; all that ended come first."""
        rows, column = self.trials, "e2e_s"
        if stage != "e2e":
            key, column = ["case_id", "repeat"], "latency_s"
            judged = [name for name in ("completed", "outcome") if name in rows]
            mine = self.stages[labels(self.stages, "stage") == stage]
            rows = mine.merge(rows[[*key, *judged]], on=key, how="left")
        seconds = floats(rows, column)
        ended = np.isfinite(seconds)
        for words, kept in (
            ("all that ended, failures too", ended),
            ("successes only", ended & is_true(rows, "completed")),
            ("right answers only", ended & succeeded(rows)),
        ):
            out, n = int(ended.sum() - kept.sum()), int(ended.sum())
            yield words, seconds[kept], f"leaves out failures: {out} of {n}" if out else ""

    def _memory(self, field: str) -> Spec:
        known = self.stages[np.isfinite(floats(self.stages, "client_peak_mb"))]
        if len(known) == 0:
            return Spec("Client memory", "MB", [])
        sums = known.groupby(["case_id", "repeat"])["client_peak_mb"].sum().to_numpy(np.float64)
        if field == "memory_peak":
            rule = Rule("largest sum over a trial's stages", float(sums.max()))
            return Spec("Client memory, peak", "MB", [rule])
        return Spec("Client memory, mean", "MB", [Rule("mean of those sums", float(sums.mean()))])


def _counts(trials: pd.DataFrame) -> dict[str, Spec]:
    """Return the counts and rates of a summary: right is what passes, to parse is not enough."""
    n = len(trials)
    judged = is_one_of(trials, "outcome", ["pass", "fail"]).any()
    parsed, completed = (float(is_true(trials, name).sum()) for name in ("parsed", "completed"))
    bar: tuple[Survives, str] | None = None
    counts = [
        ("answers that parse", parsed, _wrong(trials, "parsed")),
        ("trials in which every stage gave a value", completed, _wrong(trials, "completed")),
    ]
    if judged:
        counts.insert(0, ("answers that pass all checks", float(succeeded(trials).sum()), ""))
    else:
        bar = ("cannot be checked", "the answers were not run against checks")
    good = [Rule(*row) for row in counts]
    rest = [Rule(f"all but {words}", n - count, fault) for words, count, fault in counts]
    rate = [Rule(f"share of {words}", count / max(n, 1), fault) for words, count, fault in counts]
    compiled = Rule("answers that compiled", completed)
    compiled_rate = compiled._replace(value=completed / max(n, 1))
    return {
        **dict.fromkeys(_TOTALS, Spec("Trials", "", [Rule("trials", float(n))])),
        **dict.fromkeys(("compilation_success", "compiled"), Spec("Compiled", "", [compiled])),
        "compilation_rate": Spec("Share compiled", "%", [compiled_rate]),
        **dict.fromkeys(_RIGHT, Spec("Successes", "", good, bar)),
        **dict.fromkeys(_RIGHT_RATES, Spec("Success rate", "%", rate, bar)),
        "failed_runs": Spec("Failures", "", rest, bar),
    }


def _count_spec(field: str, trials: pd.DataFrame) -> Spec | None:
    """Return the spec of a count or a rate, of all trials or of one category or complexity."""
    found = _GROUP.fullmatch(field)
    if found is None:
        return _counts(trials).get(field)
    column = "category" if found["by"] == "category" else "difficulty"
    mine = trials[labels(trials, column) == found["name"]]
    what = {"total": "trials", "passed": "successes", "rate": "success_rate"}[found["what"]]
    spec = _counts(mine)[what]
    return spec._replace(what=f"{found['name']}, {spec.what.lower()}")


def _wrong(trials: pd.DataFrame, counted: str) -> str:
    """Say how many that were counted as successes are wrong."""
    wrong = int((is_true(trials, counted) & is_one_of(trials, "outcome", ["fail"])).sum())
    return f"{wrong:,} of those counted as right {be(wrong)} wrong" if wrong else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigure:
    """One published figure against the rows."""

    # field, what: its key in the summary, and its name for people; "%" is a fraction
    field: str
    what: str
    unit: str
    published: float
    # recomputed, rule: by the rule that liftlab stands by; None where the rows hold nothing
    recomputed: float | None
    rule: str
    comes_out_as: str  # the rule that gives the published digits; empty if none is known
    # survives: whether `recomputed` has the published digits; explanation: why not
    survives: Survives
    explanation: str


def compare_published(
    published: Mapping[str, Any],
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    *,
    usd: Mapping[str, ArrayLike] | None = None,
    earlier: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[PublishedFigure]:
    """Set each figure of a published summary beside what its rows give.

    `published`: keys of `data/reference/*.toml` (seconds), or of the first benchmark's files
    (`nlp_to_ir_median`, …: milliseconds). What is no figure is passed over. `trials`, `stages`: the
    tables of its run, with verdicts. `usd`: of each trial by the name of a price, the one that is
    billed first. `earlier`: summaries of other days, for figures such as `week1_faster_e2e`.

    Examples
    --------
    >>> times = {"e2e_s": [14.92, 14.96, 14.16, 27.10, 26.90], "completed": [1, 1, 1, 0, 1]}
    >>> [row] = compare_published({"e2e_median_s": 14.9}, pd.DataFrame(times), pd.DataFrame())
    >>> row.comes_out_as, row.recomputed, row.survives
    ('median, successes only', 14.96, 'no')
    """
    rows, day = [], _Day(published, trials, stages, usd or {}, earlier or {})
    for field, value in published.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or _NOT_FIGURES.fullmatch(field):
            continue
        rows.append(_judge(field, float(value), day.spec(field)))
    return rows


def matches(value: float | None, published: float, unit: str = "") -> bool:
    """Say whether a value, rounded to the digits of a published one, is that one."""
    if value is None or not math.isfinite(value):
        return False
    text = f"{published:.{_MOST_DECIMALS}f}".rstrip("0")
    decimals = max(len(text.partition(".")[2]), 2 if unit == "%" else 0)
    slack = 0.5 * 10.0**-decimals if decimals < _MOST_DECIMALS else 0.0
    return abs(value - published) <= slack + 1e-9 * max(1.0, abs(published))


def _judge(field: str, value: float, spec: Spec) -> PublishedFigure:
    given = (rule for rule in spec.rules if rule.value is not None)
    known = [rule._replace(value=(rule.value or 0.0) * spec.factor) for rule in given]
    gives = next((rule for rule in known if matches(rule.value, value, spec.unit)), None)
    ours = known[0] if known and spec.bar is None else None
    survives: Survives = "yes" if gives is not None and gives is ours else "no"
    why = "" if survives == "yes" else gives.fault if gives else "no rule that is known gives it"
    if spec.bar is not None:
        survives, why = spec.bar
    elif not known:
        survives, why = "cannot be checked", _NOT_HELD
    return PublishedFigure(
        field=field,
        what=spec.what,
        unit=spec.unit,
        published=value,
        recomputed=ours.value if ours else None,
        rule=ours.words if ours else "",
        comes_out_as=gives.words if gives else "",
        survives=survives,
        explanation=why,
    )
