from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.columns import floats
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.latency import succeeded
from liftlab.analysis.slow_steps import SlowSteps, slow_steps
from liftlab.analysis.success import success_by, success_by_group, success_rate
from liftlab.reporting.figures import cost, curves, rates
from liftlab.reporting.figures import slow as slow_figures
from liftlab.reporting.figures.bars import Bar, Bars, Part
from liftlab.reporting.figures.base import GREY, HUES, NARROW, WIDE, Figure, in_view, label
from liftlab.reporting.figures.trials import LATER, case_bars, stage_bars, stage_names, trial_bars
from liftlab.store import RunData
from tests.reporting.conftest import synthetic_run

TARGETS = {"original": 5.0, "revised target": 15.0}


def bars(run: RunData) -> Figure:
    return stage_bars(run, TARGETS, caption="c")


def slow(run: RunData) -> SlowSteps:
    return slow_steps(run.trials, run.stages, run.attempts)


def strip(run: RunData) -> Figure:
    medians = dict.fromkeys(stage_names(run.stages), Estimate(value=1.0, n=1, unit="s"))
    return slow_figures.latency_strip(run.stages, slow(run), medians, caption="c")


def categories(run: RunData) -> Figure:
    rows = [success_rate(run.trials, group="all"), *success_by_group(run.trials, "category")]
    return rates.success_by_category(rows, 0.7, caption="c")


def by_time(run: RunData) -> Figure:
    curve = success_by(floats(run.trials, "e2e_s"), succeeded(run.trials))
    return curves.right_by(curve, TARGETS, caption="c")


def excess(run: RunData) -> Figure:
    return slow_figures.causes(slow(run), caption="c")


FIGURES = [bars, strip, categories, by_time, excess]
Maker = Callable[[RunData], Figure]


def trial_bars_of(run: RunData) -> list[Bar]:
    return trial_bars(run, stage_names(run.stages))


@pytest.mark.parametrize("make", FIGURES)
def test_every_figure_has_words_and_draws(make: Maker, any_run: RunData) -> None:
    figure = make(any_run)
    assert len(re.findall(r"\.(?: |$)", figure.alt)) == 2
    for width in (WIDE, NARROW):
        svg = figure.svg(width)
        assert ElementTree.fromstring(svg).get("aria-label")
        assert "http" not in svg
        assert "<metadata" not in svg
        assert len(svg) < 900_000
    assert plt.get_fignums() == []


def test_figures_take_ink_and_typeface_from_the_page(week2: RunData) -> None:
    svg = bars(week2).svg()
    assert "currentColor" in svg
    assert "DejaVu" not in svg
    assert not re.search(r"#(010203|040506|070809|fdfcfb|0a0b0c)", svg)


def test_a_figure_is_the_same_each_time(week2: RunData) -> None:
    assert strip(week2).svg() == strip(week2).svg()


def test_two_figures_of_a_page_share_no_id(week2: RunData) -> None:
    ids = [each for make in FIGURES for each in re.findall(r'\bid="([^"]+)"', make(week2).svg())]
    assert len(set(ids)) == len(ids)


def test_the_words_say_the_numbers(week2: RunData) -> None:
    alt = bars(week2).alt
    assert "original 5 s, revised target 15 s" in alt
    assert "The first is max_of_two: 27.1 s" in alt
    assert "(NLP → IR 10.0 s, IR → Code 4.16 s)" in alt
    assert "all 1 of 5" not in alt
    assert "arithmetic 0 of 2" in categories(week2).alt
    assert "7.3 s unexplained" in excess(week2).alt
    assert "IR → Code: 5 steps, 4.12 s to 19.8 s, median 1 s, 2 slow" in strip(week2).alt


def test_bars_split_untimed_attempts_evenly_and_say_so(week2: RunData) -> None:
    slowest = trial_bars_of(week2)[0]
    parts = [part.amount for part in slowest.parts if part.kind == "IR → Code"]
    assert parts == pytest.approx([6.59] * 3)
    assert "attempts without times of their own" in bars(week2).svg()
    assert slowest.beside.endswith("failed after 3 attempts: indentation errors")


def test_bars_place_timed_attempts_where_they_were(forty: RunData) -> None:
    for bar in trial_bars_of(forty):
        case, repeat = bar.name.split()
        trial = forty.trials.set_index(["case_id", "repeat"]).loc[(case, int(repeat))]
        assert bar.end == pytest.approx(float(trial["e2e_s"]))
    assert "attempts without times of their own" not in bars(forty).svg()


def test_above_sixty_trials_a_bar_is_the_mean_of_a_prompt(ten_thousand: RunData) -> None:
    drawn = case_bars(ten_thousand, stage_names(ten_thousand.stages))
    trials = ten_thousand.trials.groupby("case_id")
    assert len(drawn) == 20
    assert [bar.end for bar in drawn] == sorted((bar.end for bar in drawn), reverse=True)
    for bar in drawn:
        assert bar.end == pytest.approx(trials.get_group(bar.name)["e2e_s"].mean())
        assert [part.hatched for part in bar.parts] == [False, True] * 2
    right = (trials.get_group(drawn[0].name)["outcome"] == "pass").sum()
    assert drawn[0].beside.endswith(f"{right} of 500 right")
    assert "mean of a prompt" in bars(ten_thousand).svg()
    warm_up = ten_thousand.attempts.head(2).assign(case_id=None, repeat=None, attempt=None)
    attempts = pd.concat([warm_up, ten_thousand.attempts], ignore_index=True)
    assert bars(replace(ten_thousand, attempts=attempts)).svg() == bars(ten_thousand).svg()


def test_the_slowest_of_many_prompts_are_drawn_and_more_become_curves() -> None:
    assert "the 40 slowest of 84 prompts" in bars(synthetic_run(84, 1)).svg()
    for run in (synthetic_run(201, 1), synthetic_run(1, 61)):
        assert bars(run).alt.startswith("Curves")


def test_untimed_attempts_of_prompts_share_evenly_too(week2: RunData) -> None:
    many = pd.concat([week2.trials.assign(repeat=n) for n in range(1, 14)])
    stages = pd.concat([week2.stages.assign(repeat=n) for n in range(1, 14)])
    drawn = case_bars(replace(week2, trials=many, stages=stages), stage_names(stages))
    assert [part.amount for part in drawn[0].parts if part.hatched][-1] == pytest.approx(13.18)


SHARES = [{"a": 0.5, "b": 0.5}, {"a": 0.99, "b": 0.005, "c": 0.005}, {"a": 1.0, "c": 0.0}]


def test_kinds_under_one_percent_of_every_bar_are_one() -> None:
    rows = [
        Bar(name="x", parts=tuple(Part(kind=kind, amount=a) for kind, a in shares.items()))
        for shares in SHARES
    ]
    hues = {"a": "#111111", "b": "#222222", "c": "#333333"}
    svg = Bars(rows=rows, hues=hues, axis=["s"], targets={}).figure("Bars", caption="c").svg()
    named = set(re.findall(r">(a|b|c|other)<", svg))
    assert named == {"a", "b", "other"}
    assert set(re.findall("#(?:111111|222222|333333)", svg)) == set(hues.values())


def test_a_stage_more_needs_no_other_line(week2: RunData) -> None:
    intent = week2.stages[week2.stages["stage"] == "ir_to_code"].assign(
        stage="intent_inference", position=2, latency_s=1.0
    )
    run = replace(week2, stages=pd.concat([week2.stages, intent], ignore_index=True))
    assert "intent inference" in bars(run).alt
    assert "intent inference" in bars(run).svg()


def test_stages_beyond_the_hues_share_the_last_and_are_named(week2: RunData) -> None:
    more = [
        week2.stages.head(1).assign(stage=f"stage_{place}", position=place, latency_s=1.0)
        for place in range(2, 8)
    ]
    run = replace(week2, stages=pd.concat([week2.stages, *more], ignore_index=True))
    kinds = {part.kind for bar in trial_bars_of(run) for part in bar.parts}
    assert len(kinds) == len(HUES)
    assert LATER in bars(run).svg()


def test_every_cause_and_every_part_of_a_bill_has_a_hue() -> None:
    causes = [cause for _, kind in slow_figures.KINDS.values() for cause in kind]
    assert sorted(causes) == sorted(CAUSES)
    hues = {hue for hue, _ in slow_figures.KINDS.values()}
    assert len(hues | {GREY}) == len(HUES)
    assert set(cost.HUES.values()) <= set(HUES)


def test_a_trial_without_a_time_is_shown(week2: RunData) -> None:
    trials = week2.trials.assign(e2e_s=np.nan, completed=False, failure_class=None)
    run = replace(week2, trials=trials, stages=week2.stages.assign(latency_s=np.nan))
    assert "no time" in bars(run).svg()


def test_hostile_names_stay_text(week2: RunData) -> None:
    name = "$\\frac{a}{b}$ <script>\x00\u202e名前"
    rename = {"is_even": name}
    run = replace(
        week2,
        trials=week2.trials.assign(case_id=week2.trials["case_id"].replace(rename)),
        stages=week2.stages.assign(case_id=week2.stages["case_id"].replace(rename)),
        attempts=week2.attempts.assign(case_id=week2.attempts["case_id"].replace(rename)),
    )
    for make in (bars, strip, excess):
        svg = make(run).svg()
        ElementTree.fromstring(svg)
        assert "<script" not in svg
        assert "frac" in svg


def test_a_target_far_beyond_the_marks_is_told_not_drawn() -> None:
    near, far = in_view({"a": 5.0, "b": 15.0}, 2.5)
    assert near == {"a": 5.0}
    assert far == ["b 15 s is out of view"]
    assert in_view({"a": 5.0}, 0.0) == ({"a": 5.0}, [])


def test_labels_are_short() -> None:
    assert label("x" * 100, 10) == "xxxxxxxxx…"
