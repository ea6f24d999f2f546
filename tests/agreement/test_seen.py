"""What was seen of one run computed many times over, each on a run of that shape: it is gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from liftlab.analysis.columns import floats
from liftlab.jobs import opening
from liftlab.reporting import markdown
from liftlab.reporting.sections import section_of
from liftlab.reporting.text import findings, messages, provenance, targets
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

ROOT = Path(__file__).parents[2]
RESULTS = [
    "targets", "answers", "failures", "right_by", "trials", "latency", "spread", "slow", "drift",
    "cost", "budget", "published", "claims", "recommendations", "provenance",
]  # fmt: skip
SHAPES = ["model", "simulator", "most_errors", "timeouts", "unequal", "seldom_right", "bimodal"]
SHAPES += ["long_prompts", "cold_cache", "one", "none", "all_errors"]
SPAN = re.compile(r"(?<![\w.–])(?<!< )([\d.,]+)–([\d.,]+) (%|s|ms|USD)")
Make = Callable[[str], RunData]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})


@pytest.fixture(scope="module")
def of(project: Project, make: Make) -> Callable[[str], RunSummary]:
    kept: dict[str, RunSummary] = {}

    def summary(name: str) -> RunSummary:
        if name not in kept:
            known = name == "week2_day1"
            run = opening.open_run(name, project=project) if known else make(name)
            kept[name] = summarize(run, project)
        return kept[name]

    return summary


@pytest.fixture(scope="module")
def day(of: Callable[[str], RunSummary]) -> RunSummary:
    return of("week2_day1")


Of = Callable[[str], RunSummary]


def page(summary: RunSummary, *names: str) -> str:
    """Return the words of sections, without figures and markup."""
    shown = [section_of(getattr(summary, name)).html().text for name in names or RESULTS]
    shown += [] if names else [section_of(summary).html().text]
    bare = re.sub(r"<svg.*?</svg>|<style.*?</style>|data:[^\"]*", "", " ".join(shown), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def written(summary: RunSummary) -> Iterator[str]:
    """Yield all that goes out of a run: its pages, `status.md` and `daily.md`."""
    yield page(summary)
    yield markdown.status(summary)
    yield markdown.daily(summary)


# 1


@pytest.mark.parametrize("name", ["model", "timeouts", "unequal", "seldom_right"])
def test_by_when_ends_at_the_success_rate(name: str, of: Of) -> None:
    summary = of(name)
    curve, rate = summary.right_by.curve, summary.answers.success.estimate
    last = curve.at(float(curve.seconds[-1]))
    assert last.value == pytest.approx(rate.value)
    assert (last.low, last.high) == pytest.approx((rate.low, rate.high))
    assert "never succeed" not in page(summary)


# 2


def test_p95_is_of_requests(of: Of) -> None:
    """Of every prompt one request took 1 s and one 10 s: half of their sum is no time at all."""
    times = of("bimodal").latency.e2e
    assert times.p95.value == pytest.approx(10.0)
    assert (times.p95.n, times.p95.cases) == (40, 20)
    seconds = floats(of("bimodal").run.trials, "e2e_s")
    assert times.mean.value == pytest.approx(seconds.mean())
    assert times.std_s == pytest.approx(seconds.std(ddof=1))


@pytest.mark.parametrize("name", ["model", "one", "unequal", "week2_day1"])
def test_a_quantile_is_measurable_everywhere_or_nowhere(name: str, of: Of) -> None:
    summary = of(name)
    known = summary.latency.e2e.p95.value is not None
    for text in written(summary):
        assert not (known and "P95 is not measurable" in text)
        assert known or not re.search(r"P95(?: is|:) \d", text)


# 3


@pytest.mark.parametrize("name", ["model", "bimodal"])
def test_planned_stages_add_no_more_than_they_take(name: str, of: Of) -> None:
    summary = of(name)
    budget = summary.budget.budget
    assert budget is not None
    least, most = (
        sum(ends) for ends in zip(*((s.low_s, s.high_s) for s in budget.planned), strict=True)
    )
    for q, times in {0.5: summary.latency.e2e.p50, 0.95: summary.latency.e2e.p95}.items():
        now, planned = budget.without[q].value, budget.with_planned[q].value
        assert now == times.value
        assert now is not None
        assert planned is not None
        assert least <= planned - now <= most


# 4


def test_one_right_of_five_is_undecided_wherever_it_is_judged(day: RunSummary) -> None:
    target = day.targets.of("success_rate")
    assert target is not None
    assert target.verdict == "undecided"
    assert target.result.estimate.interval == "95 % interval 1–72 %"
    for text in [findings.title(day), *(say(day) for _, say in messages.AUDIENCES.values())]:
        assert "70 % is met" not in text
        assert "70 % is not met" not in text
    assert {row.ruling for row in day.claims.rows if "70 %" in row.claim.statement} == {
        "not supported"
    }


@pytest.mark.parametrize("name", ["week2_day1", "model", "unequal", "one"])
def test_every_open_target_has_a_number_that_would_decide(name: str, of: Of) -> None:
    for text in written(of(name)):
        assert "number of trials" not in text
        assert "hardly change" not in text


def test_no_figure_is_rounded_onto_its_limit(day: RunSummary) -> None:
    for text in written(day):
        assert not re.search(r"\b15\.0 s", text)
        assert "14.96 s" in text


# 5


def test_a_run_has_one_price(day: RunSummary) -> None:
    assert day.cost.request.value == pytest.approx(19.608 * 1.10 / 3600)
    assert day.cost.request.point == "0.0060 USD"
    elsewhere = page(day, *(name for name in RESULTS if name not in ("published", "claims")))
    for text in (elsewhere, markdown.status(day), markdown.daily(day)):
        assert "0.0060 USD" in text
        assert not re.search(r"\b(?:0\.0034|3\.37|33\.68|0\.056|0\.092|5\.99)\b", text)
    assert "0.0034" in page(day, "published")


# 6, 7


@pytest.mark.parametrize("name", [*SHAPES, "slow_case", "week2_day1"])
def test_causes_and_the_rest_are_the_excess(name: str, of: Of) -> None:
    slow = of(name).slow.steps
    for step in slow:
        parts = [part.seconds for part in step.parts]
        assert sum(parts) + step.unexplained_s == pytest.approx(step.excess_s)
        assert min([*parts, step.unexplained_s]) >= 0
        assert all(seconds >= 0.01 * step.excess_s for seconds in parts)
    assert len(slow) == sum(slow.counts().values())
    assert not slow.steps.duplicated(["case_id", "repeat", "stage"]).any()


def test_the_slowest_steps_are_on_the_list(day: RunSummary) -> None:
    took = [(step.case_id, step.took_s) for step in day.slow.steps]
    assert took == [("max_of_two", 19.77), ("is_even", 17.08)]


@pytest.mark.parametrize("name", ["model", "long_prompts", "slow_case", "cold_cache", "bimodal"])
def test_a_run_with_nothing_the_matter_is_not_to_be_investigated(name: str, of: Of) -> None:
    """Not for a prompt cache that was cold, a case slow by nature, or prompts of many lengths."""
    summary = of(name)
    assert not len(summary.slow.steps.beyond_chance)
    assert "record" not in page(summary, "slow")
    assert "stall" not in page(summary, "slow")


def test_a_prompt_that_was_not_cached_is_probable(of: Of) -> None:
    odd = [s for s in of("cold_cache").slow.steps if (s.case_id, s.repeat) == ("case_007", 2)]
    assert {step.probably for step in odd} == {"uncached_prompt"}
    assert "probably its prompt was not cached" in page(of("cold_cache"), "slow")


# 8


def test_every_stage_that_drifts_is_in_the_headline(of: Of) -> None:
    """End to end nothing changes: what one stage gains the other loses."""
    drift = of("opposed").drift
    assert [row.what for row in drift.times.drifting] == ["nlp_to_ir", "ir_to_code"]
    title = section_of(drift).title
    assert "NLP → IR took 60 % longer" in title
    assert "IR → Code took 38 % less" in title
    assert "did not change" not in page(of("opposed"), "drift")


# 9


def test_where_nothing_was_answered_nothing_is_judged(of: Of) -> None:
    summary = of("all_errors")
    verdicts = {row.metric: row.verdict for row in summary.targets.rows}
    assert verdicts.pop("error_rate") == "not met"
    assert set(verdicts.values()) == {"not measurable"}
    for text in written(summary):
        assert not re.search(r"\d s(?:econds)? is met|\b\d+(?:\.\d+)? m?s;", text)
        assert "would end" not in text
    assert summary.budget.budget is None


def test_errors_fail_a_run_and_their_times_are_nobodys(of: Of) -> None:
    summary = of("most_errors")
    assert summary.latency.e2e.p50.value == pytest.approx(2.0, rel=0.3)  # a refusal took 0.04 s
    assert summary.latency.e2e.n == summary.answers.answered < summary.answers.trials
    target = summary.targets.of("error_rate")
    assert target is not None
    assert target.verdict == "not met"
    for text in (findings.title(summary), page(summary, "answers")):
        assert f"{summary.answers.errors} of 40 requests failed at the endpoint" in text


# 10


def test_a_sped_up_run_says_so_and_has_one_time_scale(of: Of) -> None:
    summary = of("simulator")
    assert "simulated, run 100 times as fast" in provenance.line(summary.run)
    median = summary.latency.e2e.p50
    assert median.value == pytest.approx(float(np.median(floats(summary.run.trials, "e2e_s"))))
    for text in written(summary):
        assert median.point in text.replace("\\", "")


# 11


def test_one_of_ten_prompts_is_ten_percent(of: Of) -> None:
    summary = of("unequal")
    rate = summary.answers.success.estimate
    assert rate.point == "10 %"
    assert (rate.n, rate.cases) == (19, 10)
    for text in written(summary):
        assert "52.6" not in text
        assert "53 %" not in text


def test_retries_are_counted_once(day: RunSummary) -> None:
    even = next(step for step in day.slow.steps if step.case_id == "is_even")
    assert even.seconds("retry") == pytest.approx(4.16, abs=0.02)
    assert day.recommendations.rows


@pytest.mark.parametrize("name", ["model", "most_errors", "week2_day1"])
def test_a_class_has_one_share_of_answers_and_one_of_failures(name: str, of: Of) -> None:
    summary = of(name)
    assert summary.failures.rows == summary.answers.failures
    worst = summary.answers.worst_class
    assert worst.value == summary.failures.rows[0].of_trials.value


# 12


@pytest.mark.parametrize("name", [*SHAPES, "week2_day1"])
def test_figures_are_written_for_people(name: str, of: Of) -> None:
    for text in written(of(name)):
        assert not re.search(r"(?<!\w)\d+(?:\.\d+)?e[-+]?\d+(?!\w)", text)
        assert "99.2857" not in text
        for low, high, unit in re.findall(
            r"(?<![\w.–])(?<!< )([\d.,]+)–([\d.,]+) (%|s|ms|USD)", text
        ):
            assert low != high, (low, high, unit)
            decimals = [len(end.partition(".")[2]) for end in (low, high)]
            assert decimals[0] == decimals[1], (low, high, unit)


# 13 is of the ruler of foreign claims: `tests/summary/claims`.


def test_the_verdict_of_a_target_is_the_same_in_every_place(day: RunSummary) -> None:
    for row in day.targets.rows:
        assert f"{targets.limit(row)}: {row.verdict}" in targets.sentence(row, day.answers)
        assert row.verdict in page(day, "targets")


def test_cached_tokens_without_a_rate_are_said(make: Make, project: Project) -> None:
    run = make("long_prompts")
    rates = "[mine]\nusd_per_million_prompt_tokens = 1.0\nusd_per_million_output_tokens = 4.0\n"
    priced = replace(run, costs=run.costs.assign(price_id="mine", cost_model="tokens"))
    path = project.path("runs") / "prices.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rates)
    here = load_project(ROOT, environ={}, overrides={"paths.prices": str(path)})
    assert "The price has no rate for cached tokens." in page(summarize(priced, here), "cost")
