"""Two runs against each other, and rankings of several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from liftlab.analysis.compare import rank, runs, success


@dataclass
class Run:
    trials: pd.DataFrame
    stages: pd.DataFrame


def made(name: str, code: float = 1.0, passes: int = 10, cases: int = 12, seed: int = 1) -> Run:
    """Two repeats of each case, two stages; the last cases fail."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"case_{n}" for n in range(cases)], 2)
    key = pd.DataFrame({"run_id": name, "case_id": names, "repeat": np.tile([1, 2], cases)})
    hard = np.repeat(np.linspace(1, 3, cases), 2)
    ir, body = (level * hard * np.exp(rng.normal(0, 0.02, 2 * cases)) for level in (5, 4 * code))
    good = np.repeat(np.arange(cases) < passes, 2)
    trials = key.assign(
        e2e_s=ir + body, completed=good, parsed=True, outcome=np.where(good, "pass", "fail")
    )
    first = key.assign(stage="nlp_to_ir", position=0, ok=True, latency_s=ir)
    second = key.assign(stage="ir_to_code", position=1, ok=good, latency_s=body)
    return Run(trials=trials, stages=pd.concat([first, second], ignore_index=True))


def test_each_stage_gets_its_verdict() -> None:
    found = runs(made("before"), made("after", code=0.7, seed=2))
    verdicts = {change.what: change.verdict for change in found.times}
    assert verdicts == {"nlp_to_ir": "equivalent", "ir_to_code": "faster", "e2e": "faster"}
    assert found.shared == 12


def test_only_answered_requests_are_compared_and_deadlines_are_slow() -> None:
    one, two = made("a"), made("b", seed=2)
    lost = two.trials["case_id"].isin(["case_0", "case_1"])
    trials = two.trials.assign(
        outcome=two.trials["outcome"].mask(lost, "error"),
        e2e_s=two.trials["e2e_s"].mask(lost, 0.04),
    )
    refused = two.stages["case_id"] == "case_0"
    gave_up = two.stages["case_id"] == "case_1"
    stages = two.stages.assign(error_class=np.where(refused, "connect", None))
    stages["error_class"] = stages["error_class"].mask(gave_up, "deadline")
    found = runs(one, Run(trials=trials, stages=stages))
    assert {change.what: change.ratio.n for change in found.times}["e2e"] == 10
    assert found.times[-1].verdict == "equivalent"
    assert found.success.cases == 10


def test_runs_that_failed_as_a_whole_are_not_measurable() -> None:
    run = made("a")
    failed = Run(
        trials=run.trials.assign(outcome="error"), stages=run.stages.assign(error_class="connect")
    )
    for pair in ((failed, run), (run, failed), (failed, failed)):
        found = runs(*pair)
        assert {change.verdict for change in found.times} == {"not measurable"}
        assert found.success.verdict == "not measurable"
        assert found.success.difference.reason == "a run has no graded answer"
        assert all(change.ratio.value is None for change in found.times)


def test_what_the_client_did_itself_is_no_part_of_a_time() -> None:
    one, two = made("a"), made("a")
    trials = two.trials.assign(e2e_s=two.trials["e2e_s"] + 5, client_s=5.0)
    found = runs(one, Run(trials=trials, stages=two.stages))
    assert found.times[-1].ratio.value == pytest.approx(1)


def test_cases_of_one_run_only_are_counted_and_left_out() -> None:
    found = runs(made("a", cases=12), made("b", cases=9))
    assert (found.shared, found.only_first, found.only_second) == (9, 3, 0)
    assert found.success.cases == 9


def test_success_is_compared_case_by_case() -> None:
    better = runs(made("a", passes=4), made("b", passes=12)).success
    assert (better.better, better.worse, better.verdict) == (8, 0, "better")
    assert better.p == pytest.approx(2 / 2**8 * 4)  # two stages, end to end and success
    assert (better.first, better.second) == (4 / 12, 1)
    assert (better.difference.value, better.difference.unit) == (8 / 12, "percentage points")
    assert better.difference.low > 0
    assert success(made("a", passes=12).trials, made("b", passes=9).trials).verdict == "cannot tell"
    assert success(made("a", passes=12).trials, made("b", passes=2).trials).verdict == "worse"
    same = success(made("a").trials, made("b").trials)
    assert (same.difference.value, same.p) == (0, 1)
    assert same.difference.low < 0 < same.difference.high


@pytest.mark.parametrize(("better", "worse"), [(6, 0), (5, 0), (8, 2), (3, 3), (12, 1), (0, 7)])
def test_the_interval_of_a_difference_agrees_with_the_exact_test(better: int, worse: int) -> None:
    names = [f"c{i}" for i in range(20)]
    before = ["fail"] * better + ["pass"] * worse + ["pass"] * (20 - better - worse)
    after = ["pass"] * better + ["fail"] * worse + ["pass"] * (20 - better - worse)
    tables = [pd.DataFrame({"case_id": names, "outcome": each}) for each in (before, after)]
    found = success(*tables)
    if found.p >= 0.05:
        assert found.verdict == "cannot tell"
        assert found.difference.low <= 0 <= found.difference.high
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_nothing_in_common_is_told_apart_from_no_difference() -> None:
    other = made("b")
    renamed = Run(
        trials=other.trials.assign(case_id="x" + other.trials["case_id"]),
        stages=other.stages.assign(case_id="x" + other.stages["case_id"]),
    )
    found = runs(made("a"), renamed)
    assert found.shared == 0
    assert {change.verdict for change in found.times} == {"cannot tell"}
    assert found.success.p is None
    assert found.success.difference.reason == "no prompt was graded in both runs"


def test_empty_runs_and_other_stages_do_not_stumble() -> None:
    run = made("a")
    empty = Run(trials=run.trials.iloc[:0], stages=run.stages.iloc[:0])
    assert {change.verdict for change in runs(run, empty).times} == {"not measurable"}
    assert runs(empty, empty).shared == 0
    direct = Run(trials=run.trials, stages=run.stages.assign(stage="code"))
    assert [change.what for change in runs(run, direct).times] == ["e2e"]


def test_repeated_trials_of_no_change_hold_their_error() -> None:
    rng = np.random.default_rng(21)
    names = np.repeat(np.arange(15), 3).astype(str)
    alarms = []
    for _ in range(200):
        rates = np.repeat(rng.beta(0.8, 0.4, 15), 3)
        weeks = [
            pd.DataFrame(
                {"case_id": names, "outcome": np.where(rng.random(45) < rates, "pass", "fail")}
            )
            for _ in range(2)
        ]
        alarms.append(success(*weeks).verdict != "cannot tell")
    assert np.mean(alarms) <= 0.08


def asked(right: list[int], repeats: int) -> pd.DataFrame:
    """Make the trials of cases that were so often right, of so many times."""
    outcomes = [["pass"] * n + ["fail"] * (repeats - n) for n in right]
    names = np.repeat([f"c{n}" for n in range(len(right))], repeats)
    return pd.DataFrame({"case_id": names, "outcome": np.concatenate(outcomes)})


def test_repeats_narrow_the_interval_of_a_difference() -> None:
    before, after = asked([3] * 20, 5), asked([4] * 12 + [3] * 4 + [2] * 4, 5)
    found = success(before, after).difference
    # 22 differences: those seen, and two more of the size that 16 differ by
    more = np.array([0.2] * 13 + [0.0] * 4 + [-0.2] * 5)
    half = stats.t.isf(0.025, 21) * more.std() / np.sqrt(22)
    assert (found.low, found.high) == pytest.approx(
        (min(0, more.mean() - half), more.mean() + half)
    )


def test_repeats_of_prompts_that_do_not_differ_say_nothing_of_others() -> None:
    once, often = (asked([repeats] * 20, repeats) for repeats in (1, 50))
    found = [success(each, each).difference for each in (once, often)]
    assert found[0] == found[1]
    few = success(asked([5] * 20, 5), asked([4] * 5 + [5] * 15, 5)).difference
    assert few.high - few.low > 0.25


def rated(rate: float, level: float = 1.0, *, seed: int, cases: int = 60) -> Run:
    rng = np.random.default_rng(seed)
    names = [f"case_{n}" for n in range(cases)]
    seconds = level * np.linspace(2, 8, cases) * np.exp(rng.normal(0, 0.05, cases))
    good = rng.permutation(cases) < rate * cases
    trials = pd.DataFrame(
        {"run_id": f"r{seed}", "case_id": names, "repeat": 1, "e2e_s": seconds}
        | {"completed": True, "outcome": np.where(good, "pass", "fail")}
    )
    stages = pd.DataFrame(columns=["run_id", "case_id", "repeat", "stage", "latency_s", "ok"])
    return Run(trials=trials, stages=stages)


def test_a_run_far_ahead_is_first_and_no_more_is_said() -> None:
    ranking = rank([rated(0.4, seed=1), rated(0.95, seed=2), rated(0.42, seed=3)])
    assert ranking.places("success") == [(2, 3), (1, 1), (2, 3)]
    assert ranking.places("time") == [(1, 3), (1, 3), (1, 3)]


def test_times_are_ranked_apart_from_success() -> None:
    ranking = rank([rated(0.5, 1.5, seed=1), rated(0.5, 1.0, seed=2), rated(0.5, 1.2, seed=3)])
    assert ranking.places("time") == [(3, 3), (1, 1), (2, 2)]


def test_two_runs_get_the_verdicts_of_a_comparison() -> None:
    one, two = rated(0.3, seed=1), rated(0.9, seed=2)
    [pair] = rank([one, two]).pairs
    assert pair.success.verdict == runs(one, two).success.verdict == "better"


def test_equal_runs_are_rarely_told_apart() -> None:
    wrong = 0
    for seed in range(40):
        ranking = rank([rated(0.6, seed=4 * seed + n, cases=20) for n in range(4)])
        wrong += any(place != (1, 4) for place in ranking.places("success"))
        wrong += any(place != (1, 4) for place in ranking.places("time"))
    assert wrong <= 6  # 5 % of 40 families, and three standard errors


def test_without_shared_cases_nothing_is_said() -> None:
    apart = rated(0.5, seed=2)
    apart.trials["case_id"] = "other_" + apart.trials["case_id"]
    ranking = rank([rated(0.5, seed=1), apart])
    assert ranking.places("success") == [(1, 2), (1, 2)]


@pytest.mark.parametrize("quantity", ["success", "time"])
def test_no_run_answered(quantity: str) -> None:
    empty = rated(0.0, seed=1)
    empty.trials[["e2e_s", "outcome"]] = [np.nan, "error"]
    assert rank([empty, empty]).places(quantity) == [(1, 2), (1, 2)]  # type: ignore[arg-type]
