"""Where the time goes: attempts of a trial, prompts' means, and how much a stage could save."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.reporting.figures.trials import case_bars, stage_bars, stage_levers, trial_bars
from liftlab.store import RunData
from tests.reporting.conftest import synthetic_run

NAMES = ["nlp_to_ir", "ir_to_code"]


def test_a_trial_s_bar_says_its_stages_attempts_and_what_went_wrong(week2: RunData) -> None:
    bars = {bar.name: bar for bar in trial_bars(week2, NAMES)}
    assert [bar.name for bar in trial_bars(week2, NAMES)] == [
        "max_of_two", "is_even", "multiply", "add_numbers", "string_length",
    ]  # fmt: skip
    slow = bars["max_of_two"]
    assert slow.words == "NLP → IR 7.33 s, IR → Code 19.8 s in 3 attempts"
    assert [part.hatched for part in slow.parts] == [False, False, True, True]
    assert slow.is_bad
    right = bars["is_even"]
    assert (right.is_bad, right.beside) == (False, "26.9 s")
    assert bars["multiply"].is_bad


@pytest.mark.parametrize("bars_of", [trial_bars, case_bars])
def test_no_bar_s_time_is_rounded_onto_the_target(week2: RunData, bars_of: Any) -> None:
    beside = {bar.name: bar.beside for bar in bars_of(week2, NAMES, [15.0, 60.0])}
    assert beside["multiply"].startswith("14.96 s")
    assert beside["is_even"] == "26.9 s"


def test_a_request_that_failed_says_why_and_after_how_many_attempts(week2: RunData) -> None:
    failed = week2.trials["case_id"] == "max_of_two"
    trials = week2.trials.assign(
        outcome=week2.trials["outcome"].mask(failed, "error"),
        failure_class=week2.trials["failure_class"].mask(failed, "endpoint_error"),
    )
    stages = week2.stages.copy()
    mine = stages["case_id"] == "max_of_two"
    stages["error_class"] = stages["error_class"].mask(mine, "http_5xx")
    bars = {
        bar.name: bar for bar in trial_bars(replace(week2, trials=trials, stages=stages), NAMES)
    }
    assert bars["max_of_two"].beside == "27.1 s  failed after 3 attempts: server error"
    silent = replace(week2, trials=trials.assign(outcome=None, failure_class=None, completed=False))
    beside = {bar.name: bar.beside for bar in trial_bars(silent, NAMES)}
    assert beside["add_numbers"].endswith("s  not finished")


def test_repeats_are_told_apart_by_their_number(week2: RunData) -> None:
    twice = pd.concat([week2.trials, week2.trials.assign(repeat=2)], ignore_index=True)
    names = [bar.name for bar in trial_bars(replace(week2, trials=twice), NAMES)]
    assert names[0] == "max_of_two 1"
    assert "max_of_two 2" in names


def test_timed_attempts_stand_where_they_were(week2: RunData) -> None:
    sent = np.arange(13.0)
    run = replace(week2, attempts=week2.attempts.assign(sent_s=sent, last_byte_s=sent + 0.75))
    for bar in trial_bars(run, NAMES):
        assert {part.amount for part in bar.parts} == {0.75}
        starts = [part.start for part in bar.parts]
        later = [part for part in bar.parts if part.hatched]
        assert starts[0] == 0.0
        assert len(later) == len(bar.parts) - 2


@pytest.mark.parametrize("unknown", ["sent_s", "last_byte_s"])
def test_attempts_of_a_step_are_equally_long_where_one_s_times_are_not_known(
    week2: RunData, unknown: str
) -> None:
    sent = np.arange(13.0)
    attempts = week2.attempts.assign(sent_s=sent, last_byte_s=sent + 0.75)
    second = (attempts["case_id"] == "max_of_two") & (attempts["attempt"] == 2)
    attempts[unknown] = attempts[unknown].mask(second)
    bars = {bar.name: bar for bar in trial_bars(replace(week2, attempts=attempts), NAMES)}
    first, *code = bars["max_of_two"].parts
    assert first.amount == 0.75
    assert [part.amount for part in code] == pytest.approx([19.77 / 3] * 3)


def test_a_prompt_s_bar_is_the_mean_of_its_requests(week2: RunData) -> None:
    slower = week2.trials.assign(repeat=2, e2e_s=2 * week2.trials["e2e_s"])
    unknown = week2.trials.assign(repeat=3, e2e_s=np.nan)
    stages = [week2.stages.assign(repeat=1), week2.stages.assign(repeat=2)]
    stages[1]["latency_s"] *= 2
    run = replace(
        week2,
        trials=pd.concat([week2.trials, slower, unknown], ignore_index=True),
        stages=pd.concat(stages, ignore_index=True),
    )
    bars = case_bars(run, NAMES)
    assert [bar.name for bar in bars][:2] == ["max_of_two", "is_even"]
    assert bars[0].end == pytest.approx(1.5 * 27.1)
    assert bars[0].beside.endswith(" s  0 of 2 right")
    assert (bars[1].is_bad, bars[1].beside.endswith("right")) == (False, False)
    mean = [1.5 * 7.33, 0.0, 1.5 * 19.77 / 3, 1.5 * 19.77 * 2 / 3]
    assert [part.amount for part in bars[0].parts] == pytest.approx(mean)
    assert [part.hatched for part in bars[0].parts] == [False, True, False, True]
    starts = [0.0, mean[0], mean[0], mean[0] + mean[2]]
    assert [part.start for part in bars[0].parts] == pytest.approx(starts)


@pytest.mark.parametrize(
    ("cases", "repeats", "shown"),
    [
        (60, 1, "each request"),
        (61, 1, "mean of each prompt"),
        (2, 31, "mean of each prompt"),
        (200, 1, "mean of each prompt"),
        (201, 1, "Curves"),
        (1, 61, "Curves"),
    ],
)
def test_many_trials_are_drawn_otherwise(cases: int, repeats: int, shown: str) -> None:
    assert shown in stage_bars(synthetic_run(cases, repeats), {}, caption="c").alt


def effect(**more: Any) -> Any:
    plain = {"name": "code", "saves_p50_s": 0.5, "critical": 1.0, "planned": False}
    return type("Effect", (), plain | more)()


def test_a_stage_at_half_its_time_saves_what_the_median_request_waits_for() -> None:
    figure = stage_levers(
        [effect(), effect(name="nlp_to_ir", saves_p50_s=-0.1, critical=0.25, planned=True)],
        caption="c",
    )
    (axes,) = figure.draw(900).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.5])  # none below nothing
    said = [text.get_text() for text in axes.texts]
    assert "500 ms" in said
    assert any("waited for in 25 % of requests" in text for text in said)
    assert sum("waited" in text for text in said) == 1


@pytest.mark.parametrize(("cases", "said"), [(61, True), (40, False)])
def test_prompts_that_are_not_drawn_are_counted(cases: int, said: bool) -> None:
    figure = stage_bars(synthetic_run(cases, 2), {}, caption="c")
    (axes,) = figure.draw(900).axes
    assert len(axes.get_yticklabels()) == 40
    assert (f"the 40 slowest of {cases} prompts" in axes.get_xlabel()) is said


def test_a_trial_without_a_time_comes_last(week2: RunData) -> None:
    lost = week2.trials["case_id"] == "max_of_two"
    trials = week2.trials.assign(e2e_s=week2.trials["e2e_s"].mask(lost))
    bars = trial_bars(replace(week2, trials=trials), NAMES)
    assert bars[-1].name == "max_of_two"
    assert bars[-1].beside.startswith("no time")


def test_a_step_without_a_time_has_no_part(week2: RunData) -> None:
    lost = (week2.stages["case_id"] == "is_even") & (week2.stages["stage"] == "ir_to_code")
    stages = week2.stages.assign(latency_s=week2.stages["latency_s"].mask(lost))
    bars = {bar.name: bar for bar in trial_bars(replace(week2, stages=stages), NAMES)}
    assert bars["is_even"].words == "NLP → IR 9.81 s"
    assert len(bars["is_even"].parts) == 1


def test_a_trial_of_one_attempt_that_failed_names_no_number(week2: RunData) -> None:
    undone = week2.trials.assign(completed=False)
    bars = {bar.name: bar.beside for bar in trial_bars(replace(week2, trials=undone), NAMES)}
    assert "after" not in bars["multiply"]
    assert "after 3 attempts" in bars["max_of_two"]


def test_many_trials_are_a_curve_a_stage_and_one_for_the_whole() -> None:
    (axes,) = stage_bars(synthetic_run(201, 1), {}, caption="c").draw(900).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "end to end", "NLP → IR", "IR → Code",
    ]  # fmt: skip
    run = synthetic_run(201, 1)
    one = replace(run, stages=run.stages[run.stages["stage"] == "ir_to_code"])
    (axes,) = stage_bars(one, {}, caption="c").draw(900).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["end to end"]


def test_a_lever_that_all_wait_for_names_no_share() -> None:
    for critical, waits in ((1.0, False), (0.99, True)):
        (axes,) = stage_levers([effect(critical=critical)], caption="c").draw(900).axes
        assert any("waited" in text.get_text() for text in axes.texts) is waits
