"""What a claim is about and says, and what a ruling holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from liftlab.analysis.columns import floats, is_one_of, rows
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import SuccessRate
from liftlab.analysis.targets import NOTHING_ANSWERED, OF_ALL
from liftlab.records import STALE
from liftlab.settings.targets import AT_LEAST, AT_MOST, TIME_METRIC, Population
from liftlab.summary.targets import estimate_of
from liftlab.words import stage_words

if TYPE_CHECKING:
    from liftlab.analysis.latency import LatencySummary
    from liftlab.summary.claims.file import Comparison
    from liftlab.summary.run import RunSummary

# Beside the metrics of targets: the ends of the times, their spread, and shares within a time.
_OF_TIMES = re.compile(r"(?P<what>[A-Za-z][\w-]*?)_(?P<statistic>max_s|min_s|cv|sd_s|within)")
PASS_AT_K = re.compile(r"pass_at_(?P<k>[0-9]{1,3})")
PLANNED = re.compile(r"planned_p(?P<rank>50|90|95)_s")
OTHERS = ("failure_share", "share_of_failures", "slow_steps", "right_within")
KNOWN_STAGES = ("nlp_to_ir", "ir_to_code", "code")
_SHARES = ("success_rate", "parsed_rate", "error_rate", "worst_class_share", *OTHERS)
_STATISTICS = {
    "median": "median",
    "mean": "mean",
    "max_s": "slowest",
    "min_s": "fastest",
    "cv": "coefficient of variation",
    "sd_s": "standard deviation",
}
_NAMES = {
    "success_rate": "success rate",
    "parsed_rate": "share of answers that parse",
    "error_rate": "error rate",
    "worst_class_share": "share of the most frequent failure",
    "prompts_tested": "prompts tested",
    "cost_per_trial_usd": "cost of a request",
    "cost_per_pass_usd": "cost of a right answer",
    "failure_share": "share of answers",
    "share_of_failures": "share of failures",
    "slow_steps": "slow steps",
    "right_within": "share with a right answer",
}
Relation = Literal["is", "at_most", "at_least"]
Verdict = Literal["supported", "not supported", "contradicted", "not measurable"]
# What is claimed of a run that is no single figure of it.
Other = Literal["change", "explained", "sum", "association", "works"]
ALONE = "misleading alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity of a run."""

    metric: str  # as targets name it, such as "e2e_median_s"; or one of the others of this file
    population: Population = "answered"  # of a time: whose
    # categories, difficulties ("difficulty=easy") or a failure class ("class=timeout")
    groups: tuple[str, ...] = ()
    within_s: float | None = None  # of a share of requests within a time

    @property
    def is_share(self) -> bool:
        """Whether it is a fraction from 0 to 1."""
        known = self.metric in _SHARES or PASS_AT_K.fullmatch(self.metric)
        return bool(known) or self.metric.endswith(("_cv", "_within"))

    @property
    def stage(self) -> str:
        """The stage that it is a time of; empty for others."""
        timed = _timed(self.metric)
        return timed["what"] if timed and self.metric not in OTHERS else ""

    def words(self) -> str:
        """Return its name for people."""
        if self.metric in _NAMES or self.metric in NUMBERS:
            groups = ", ".join(group.partition("=")[2].replace("_", " ") for group in self.groups)
            within = f" within {self.within_s:g} s" if self.within_s is not None else ""
            name = _NAMES.get(self.metric) or NUMBERS[self.metric][0]
            return f"{name}{within}" + (f" ({groups})" if groups else "")
        if tries := PASS_AT_K.fullmatch(self.metric):
            return f"pass@{tries['k']}"
        if planned := PLANNED.fullmatch(self.metric):
            return f"end to end P{planned['rank']} with the planned stages"
        timed = _timed(self.metric)
        assert timed is not None
        of = " of right answers" if self.population == "right" else ""
        stage, statistic = stage_words(timed["what"]), timed["statistic"]
        if statistic == "within":
            return f"share of requests within {self.within_s:g} s"
        return f"{stage} {_STATISTICS.get(statistic, statistic.upper())}{of}"


def _timed(metric: str) -> re.Match[str] | None:
    return TIME_METRIC.fullmatch(metric) or _OF_TIMES.fullmatch(metric)


def is_known(metric: str) -> bool:
    """Whether there is a quantity of this name."""
    patterns = (TIME_METRIC, _OF_TIMES, PLANNED, PASS_AT_K)
    return metric in (*AT_LEAST, *AT_MOST, *OTHERS) or any(p.fullmatch(metric) for p in patterns)


def metric_words(metric: str) -> str:
    """Return the name of a metric for people; what is none stays as it is."""
    known = TIME_METRIC.fullmatch(metric) or metric in (*AT_LEAST, *AT_MOST)
    return Quantity(metric=metric).words() if known else metric


def estimate(summary: RunSummary, wanted: Quantity) -> Estimate:
    """Return what the run's summary gives for a quantity."""
    metric = wanted.metric
    if planned := PLANNED.fullmatch(metric):
        return _planned(summary, int(planned["rank"]))
    if tries := PASS_AT_K.fullmatch(metric):
        known = {row.k: row.estimate for row in summary.answers.pass_at_k}
        return known.get(int(tries["k"])) or _none("the prompts were not repeated often enough")
    if timed := _OF_TIMES.fullmatch(metric):
        return _of_times(summary, wanted, timed["what"], timed["statistic"])
    if metric == "slow_steps":
        return _counted(*(counts(summary, wanted) or (0, 0)))
    if wanted.groups:
        return _of_groups(summary, wanted)
    nothing = not summary.answers.answered and metric not in OF_ALL
    return _none(NOTHING_ANSWERED) if nothing else estimate_of(summary, metric, wanted.population)


def _planned(summary: RunSummary, rank: int) -> Estimate:
    budget = summary.budget.budget
    if budget is None or not budget.planned:
        return _none("no stage is planned, or nothing was answered")
    return budget.with_planned[rank / 100]


def number(summary: RunSummary, wanted: Quantity) -> int | None:
    """Return a whole number of a run; None where it was not recorded."""
    return NUMBERS[wanted.metric][1](summary, wanted)


def _attempts(summary: RunSummary, _: Quantity) -> int | None:
    sent = floats(summary.run.columns("stage", "attempts"), "attempts").sum()
    return None if math.isnan(sent) else int(sent)


def _retries(summary: RunSummary, wanted: Quantity) -> int | None:
    attempts, run = _attempts(summary, wanted), summary.run
    reasons = run.counted("attempt", "retry_reason")
    stale = int(rows(reasons)[is_one_of(reasons, "retry_reason", [STALE])].sum())
    return None if attempts is None else attempts - run.size("stage") - stale


def _slow_steps(summary: RunSummary, _: Quantity) -> int | None:
    return None if summary.slow.left_out else len(summary.slow.steps)


def _of_classes(summary: RunSummary, wanted: Quantity) -> int:
    """Return how many failures are of the classes that are named."""
    rows = summary.failures.rows
    return sum(row.count for row in rows if f"class={row.failure_class}" in wanted.groups)


# Whole numbers of a run: their names for people, and how they are counted.
NUMBERS: dict[str, tuple[str, Callable[[Any, Quantity], int | None]]] = {
    "requests": ("requests", lambda summary, _: summary.answers.trials),
    "prompts": ("prompts", lambda summary, _: summary.answers.cases),
    "repeats": ("repeats", lambda summary, _: summary.run.run.repeats),
    "right_answers": ("right answers", lambda summary, _: summary.answers.right),
    "wrong_answers": ("wrong answers", lambda summary, _: summary.answers.wrong),
    "parsed_answers": ("answers that parse", lambda summary, _: summary.answers.parsed.successes),
    "failed_requests": ("failed requests", lambda summary, _: summary.answers.errors),
    "number_of_slow_steps": ("slow steps", _slow_steps),
    "steps": ("steps", lambda summary, _: summary.run.size("stage")),
    "attempts": ("attempts", _attempts),
    "retries": ("retries", _retries),
    "failures_of_class": ("failures", _of_classes),
}


def counts(summary: RunSummary, wanted: Quantity) -> tuple[int, int] | None:
    """Return how many of how many a share is; None where it is no count of the summary's."""
    answers, metric = summary.answers, wanted.metric
    if metric in ("success_rate", "parsed_rate"):
        if not wanted.groups:
            whole = answers.success if metric == "success_rate" else answers.parsed
            return whole.successes, whole.trials
        return _summed(_rates(summary, wanted)) if metric == "success_rate" else None
    if metric == "error_rate":
        return answers.errors, answers.trials
    if metric == "slow_steps" and not summary.slow.left_out:
        return len(summary.slow.steps), summary.slow.steps.total
    if metric in ("failure_share", "share_of_failures"):
        total = answers.graded if metric == "failure_share" else summary.failures.count
        return _of_classes(summary, wanted), total
    return None


def _of_times(summary: RunSummary, wanted: Quantity, what: str, statistic: str) -> Estimate:
    if wanted.metric == "right_within":
        return summary.right_by.curve.at(wanted.within_s or 0.0)
    rows = summary.latency.of(what, wanted.population)
    if rows is None:
        return _none(f"{stage_words(what)} was not timed in this run")
    if not rows.n:
        return _none(NOTHING_ANSWERED)
    if statistic == "cv":
        return rows.cv
    if statistic == "within":
        return _within(rows, wanted.within_s or 0.0)
    value = {"max_s": rows.high_s, "min_s": rows.low_s, "sd_s": rows.std_s}[statistic]
    over = statistic == "max_s" and rows.given_up > 0
    return Estimate(value=value, n=rows.n, cases=rows.cases, unit="s", over=over)


def _within(rows: LatencySummary, seconds: float) -> Estimate:
    test = rows.p50.tested(seconds) if rows.p50.tested else None
    if test is None:
        return _none("no interval of the times is known")
    one = Estimate(value=test.rate, n=rows.n, cases=rows.cases, unit="%")
    return replace(one, low=test.low, high=test.high, confidence=test.confidence)


def _rates(summary: RunSummary, wanted: Quantity) -> list[SuccessRate]:
    known = (*summary.answers.by_category, *summary.answers.by_difficulty)
    by_name = {rate.estimate.quantity.partition(":")[2]: rate for rate in known}
    return [by_name[group] for group in wanted.groups if group in by_name]


def _summed(rates: list[SuccessRate]) -> tuple[int, int]:
    return sum(rate.successes for rate in rates), sum(rate.trials for rate in rates)


def _of_groups(summary: RunSummary, wanted: Quantity) -> Estimate:
    if wanted.metric in ("failure_share", "share_of_failures"):
        shares = {f"class={row.failure_class}": row for row in summary.failures.rows}
        if len(wanted.groups) != 1 or wanted.groups[0] not in shares:
            return _counted(*(counts(summary, wanted) or (0, 0)))
        named = shares[wanted.groups[0]]
        return named.of_trials if wanted.metric == "failure_share" else named.of_failures
    rates = _rates(summary, wanted)
    if len(rates) != len(wanted.groups):
        return _none("no prompt of this run is known to be of that kind")
    if wanted.metric != "success_rate":
        return _none("the summary has no such figure by kind of prompt")
    return rates[0].estimate if len(rates) == 1 else _counted(*_summed(rates))


def _counted(count: int, total: int) -> Estimate:
    return Estimate(value=count / total, n=total, unit="%") if total else _none(NOTHING_ANSWERED)


def _none(reason: str) -> Estimate:
    return Estimate(value=None, n=0, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim as data."""

    id: str  # its name in a list of claims
    statement: str  # what is claimed, in its own words
    what: Quantity | Other  # a quantity of the run, or another kind of claim
    relation: Relation = "is"  # whether the figure is the quantity, or a limit on it
    # the figure: a share, seconds or USD; None where it says only that there is one
    value: float | None = None
    off: float = 0.0  # by how much the figure may be off: half of the last digit that was written
    # count, total: of "28 of 40"
    count: int | None = None
    total: int | None = None
    cases: tuple[str, ...] = ()  # the cases that it names
    cause: str = ""  # what it says explains the slow steps of a stage
    stage: str = "e2e"  # the stage that `cause` and `association` are about
    comparison: Comparison | None = None  # figures that it sets against each other
    source: str = ""  # where it was said; "expected" for what readers will say next


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a run lets anyone say of a claim."""

    claim: Claim
    ruling: Verdict
    why: str  # the numbers that it rests on
    may_say: str  # a sentence that the run carries, to be used instead
    caveat: str = ""  # what has to be said with it even where it is supported

    def __post_init__(self) -> None:
        """Begin each sentence as a sentence."""
        for name in ("why", "may_say"):
            text: str = getattr(self, name)
            object.__setattr__(self, name, text[:1].upper() + text[1:])

    def beside(self, caveat: str) -> Ruling:
        """Return the ruling with another caveat."""
        return replace(self, caveat="; ".join(part for part in (self.caveat, caveat) if part))

    def as_json(self) -> dict[str, object]:
        """Return the ruling for scripts."""
        claim = self.claim
        quantity = claim.what if isinstance(claim.what, Quantity) else None
        return {
            "id": claim.id,
            "statement": claim.statement,
            "metric": quantity.metric if quantity else claim.what,
            "population": quantity.population if quantity else None,
            "groups": list(quantity.groups) if quantity else [],
            "relation": claim.relation,
            "value": claim.value,
            "source": claim.source or None,
            "ruling": self.ruling,
            "caveat": self.caveat or None,
            "why": self.why,
            "may_say": self.may_say,
        }

    def __str__(self) -> str:
        """Say the claim, the ruling, why, and what may be said."""
        tail = f", {self.caveat}" if self.caveat else ""
        name = f"{self.claim.id}, " if self.claim.id else ""
        return (
            f"{name}“{self.claim.statement}”: {self.ruling}{tail}. {self.why} Say: {self.may_say}"
        )
