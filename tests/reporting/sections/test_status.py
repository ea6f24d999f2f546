"""A run as a whole: its scorecards, targets, claims, published figures and where it is from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.published import compare_published
from liftlab.reporting.sections import section_of
from liftlab.reporting.sections.status import published_rows
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import summarize
from tests.reporting.conftest import tables_in

PROJECT = load_project(Path(__file__).parents[3], environ={})


def test_a_published_figure_in_milliseconds_is_read_in_its_own_unit(
    week2: RunData, project_folder: Path
) -> None:
    figures = compare_published({"nlp_to_ir_mean": 9744.0}, week2.trials, week2.stages)
    published = summarize(week2, load_project(project_folder)).published
    [row] = published_rows(replace(published, rows=tuple(figures)))
    assert (row["Figure"], row["Published"]) == ("NLP → IR, mean", "9.74 s")
    assert str(row["Recomputed"]).endswith(" s")


def cards(run: RunData, **parts: Any) -> dict[str, str]:
    """Return the scorecards of a run: what each shows, by what it is."""
    summary = summarize(run, PROJECT)
    vars(summary).update(parts)
    shown = section_of(summary).parts
    tiles = re.findall(
        '"what">(.*?)</p><p class="number">(.*?)</p>', str(shown[0] if shown else "")
    )
    return {what: re.sub("<[^>]*>", "", number) for what, number in tiles}


def test_the_scorecards_of_a_suite_run(week2: RunData, forty: RunData) -> None:
    assert cards(forty) == {
        "Right answers": "27 of 40",
        "End to end, median": "2.24 s",
        "End to end, P95": "2.94 s",
        "Cost of a right answer": "–",
    }
    lost = forty.trials.index < 4
    trials = forty.trials.assign(outcome=forty.trials["outcome"].mask(lost, "error"))
    assert cards(replace(forty, trials=trials))["Failed at the endpoint"] == "4 of 40"
    load: Any = SimpleNamespace(
        ok=9, n=10, loop="closed loop", rps=1.0, missing=0, errors=(), spreads=(),
        reasoned_only=0, stale=0, reused=9,
    )  # fmt: skip
    ungraded = week2.trials.assign(outcome="ungraded", failure_class=None)
    assert cards(replace(week2, trials=ungraded))["Right answers"] == "–"
    assert cards(forty, load=load) == {}


def test_a_scorecard_has_the_verdict_of_its_target(forty: RunData) -> None:
    html = str(section_of(summarize(forty, PROJECT)).parts[0])
    for said in ("target ≥ 70 %: ", "target ≤ 15 s: "):
        assert said in html
    p95 = html[html.index("End to end, P95") :]
    assert "target" not in p95[: p95.index("Cost of")]


def test_the_scorecards_of_capacity(forty: RunData) -> None:
    level: Any = SimpleNamespace(at_once=8)
    found: Any = SimpleNamespace(
        goodput=Estimate(value=2.5, n=9, unit="a second"), knee=Estimate(value=4.0, n=9),
        worse=(level,), levels=(), knees=(), best=None,
        plan=SimpleNamespace(limit_s=15.0, metric="e2e_p95_s"), meets=None,
    )  # fmt: skip
    shown = cards(forty, capacity=found)
    assert list(shown.values()) == ["2.5", "4", "get worse"]
    found.worse = ()
    assert list(cards(forty, capacity=found).values())[-1] == "no change seen"


def test_targets_are_a_row_each_and_their_intervals_a_click_away(forty: RunData) -> None:
    section = section_of(summarize(forty, PROJECT).targets)
    shown, folded = tables_in(section.html())
    by_name = {row["Target"]: row for row in shown}
    assert by_name["Success rate"]["Limit"] == "≥ 70 %"
    assert (by_name["Success rate"]["Value"], by_name["Success rate"]["Verdict"]) == (
        "68 %", "undecided",
    )  # fmt: skip
    assert sum(name.endswith(" (not required)") for name in by_name) == sum(
        not row.required for row in summarize(forty, PROJECT).targets.rows
    )
    assert "95 % interval" not in shown[0]
    assert {row["Target"]: row["95 % interval"] for row in folded}["Success rate"] == "50–82 %"
    none = replace(summarize(forty, PROJECT).targets, rows=())
    assert section_of(none).is_empty


def test_steps_are_a_list_and_none_is_said(forty: RunData) -> None:
    found = summarize(forty, PROJECT).recommendations
    assert str(section_of(found).parts[0]).count("<li>") == len(found.rows)
    none = section_of(replace(found, rows=()))
    assert (none.parts, bool(none.title)) == ((), True)


def test_claims_are_counted_by_what_the_rows_support(forty: RunData) -> None:
    claims = summarize(forty, PROJECT).claims
    rulings = ("supported", "contradicted", "supported")
    rows: Any = [
        SimpleNamespace(claim=SimpleNamespace(statement=f"s{n}"), ruling=ruling, may_say="m")
        for n, ruling in enumerate(rulings)
    ]
    section = section_of(replace(claims, rows=rows))
    assert section.title.startswith("2 of 3 claims are ")
    (shown,) = tables_in(section.details[0][1])
    assert [row["Ruling"] for row in shown] == list(rulings)
    assert shown[0]["Claim"] == "“s0”"
    assert section_of(replace(claims, rows=())).is_empty


@pytest.mark.parametrize(
    ("name", "value", "published", "recomputed"),
    [
        ("nlp_to_ir_mean", 9744.0, "9.74 s", "9.74 s"),
        ("success_rate", 0.2, "20 %", "20 %"),
    ],
)
def test_a_published_figure_stands_beside_the_recomputed_one(
    name: str, value: float, published: str, recomputed: str, week2: RunData, project_folder: Path
) -> None:
    figures = compare_published({name: value}, week2.trials, week2.stages)
    found = summarize(week2, load_project(project_folder)).published
    section = section_of(replace(found, rows=tuple(figures)))
    assert section.title.startswith("1 of 1 ")
    ((_, html),) = section.details
    (rows,) = tables_in(html)
    assert (rows[0]["Published"], rows[0]["Recomputed"]) == (published, recomputed)
    assert rows[0]["Verdict"] == "holds"
    other = compare_published({name: 3 * value}, week2.trials, week2.stages)
    assert section_of(replace(found, rows=tuple(other))).title.startswith("0 of 1 ")


def facts(run: RunData, **row: Any) -> dict[str, str]:
    known = replace(run, run=replace(run.run, **row))
    ((_, html),) = section_of(summarize(known, PROJECT).provenance).details
    pairs = re.findall("<th[^>]*>(.*?)</th><td>(.*?)</td>", str(html))
    return {name: re.sub("<[^>]*>", "", value) for name, value in pairs}


def test_what_is_known_of_a_run_is_listed_and_nothing_else(forty: RunData) -> None:
    bare = facts(forty, order_seed=None)
    assert {"Order", "Sampling", "Client memory, peak", "Client CPU", "Read as"}.isdisjoint(bare)
    assert (bare["Suite"], bare["Timing uncertainty"]) == ("mvp", "0.4 ms")
    full = facts(
        forty, order_seed=0, temperature=0.0, max_tokens=2048, top_p=None, sampling_seed=7,
        client_peak_mb=151.26, client_cpu_share=0.25,
    )  # fmt: skip
    assert full["Order"].endswith("seed 0")
    assert full["Sampling"] == "temperature 0.0, max tokens 2,048, seed 7"
    assert (full["Client memory, peak"], full["Client CPU"][:2]) == ("151.3 MB", "25")


@pytest.mark.parametrize(
    ("outcome", "e2e_s", "owes"),
    [("pass", 1.0, True), ("ungraded", 1.0, False), ("fail", None, False)],
)
def test_a_page_owes_figures_where_answers_have_a_verdict_and_a_time(
    outcome: str, e2e_s: float | None, owes: bool, forty: RunData
) -> None:
    run = replace(forty, trials=forty.trials.assign(outcome=outcome, e2e_s=e2e_s))
    provenance = summarize(run, PROJECT).provenance
    for result in (provenance, provenance.brief):
        section = section_of(result)
        assert (section.owes, section.is_end) == (owes, True)
