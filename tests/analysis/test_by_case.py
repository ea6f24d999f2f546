"""Case by case: repeats tell what a case's change is worth, and single times do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from liftlab.analysis.by_case import case_changes, if_repeated


def trials(seed: int, repeats: int = 3, slower: tuple[str, ...] = ()) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (name, 10 * place * (1.5 if name in slower else 1.0) * rng.lognormal(0, 0.05))
        for place, name in enumerate("abcdefghij", 1)
        for _ in range(repeats)
    ]
    return pd.DataFrame(rows, columns=["case_id", "e2e_s"])


def test_the_case_that_changed_is_named_first() -> None:
    first, *others = case_changes(trials(3), trials(4, slower=("d",)))
    assert (first.case_id, first.verdict) == ("d", "slower")
    assert first.ratio.low is not None
    assert first.ratio.low > 1.2
    assert {each.verdict for each in others} == {"cannot tell"}


def test_all_cases_together_raise_an_alarm_one_time_in_twenty() -> None:
    alarms = sum(
        any(
            each.p is not None and each.p < 0.05
            for each in case_changes(trials(i), trials(i + 999))
        )
        for i in range(80)
    )
    assert alarms <= 9


def test_without_repeats_there_is_a_ratio_and_no_verdict() -> None:
    found = case_changes(trials(1, repeats=1), trials(2, repeats=1, slower=("d",)))
    assert found[0].case_id == "d"
    assert {each.p for each in found} == {None}
    assert "no repeats" in found[0].ratio.reason


def test_only_shared_cases_with_times_count() -> None:
    first = trials(1).assign(e2e_s=lambda f: f["e2e_s"].where(f["case_id"] != "a"))
    second = trials(2)[lambda f: f["case_id"] != "b"]
    assert {each.case_id for each in case_changes(first, second)} == set("cdefghij")
    assert case_changes(first.head(0), second) == []


def test_what_single_times_would_say_hangs_on_the_spread_of_repeats() -> None:
    told = if_repeated(21.7, 14.92)
    assert [round(each.ratio.low or 0, 2) for each in told] == [0.52, 0.39, 0.26]
    assert [each.p < 0.05 for each in told] == [True, False, False]
    assert told[0].ratio.value == pytest.approx(0.6876, abs=1e-3)
