"""The order of trials, the seeds of attempts, and the bounds of a plan."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.errors import UsageError
from liftlab.runner.plan import (
    PlannedTrial,
    StopRule,
    at_rate,
    attempt_seed,
    repeat_major,
    worst_case,
)


def planned(cases: int, repeats: int) -> list[PlannedTrial]:
    return [
        PlannedTrial(case_id=f"c{case}", repeat=repeat, prompt="")
        for case in range(cases)
        for repeat in range(1, repeats + 1)
    ]


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**31 - 1))
def test_every_trial_once_and_repeats_in_blocks(cases: int, repeats: int, seed: int) -> None:
    trials = planned(cases, repeats)
    ordered = repeat_major(trials, seed)
    assert Counter(t.key for t in ordered) == Counter(t.key for t in trials)
    assert [t.repeat for t in ordered] == sorted(t.repeat for t in trials)


def test_the_order_hangs_on_the_seed_alone() -> None:
    trials = planned(20, 2)
    assert repeat_major(trials, 7) == repeat_major(list(reversed(trials)), 7)
    assert repeat_major(trials, 7) != repeat_major(trials, 8)
    first, second = repeat_major(trials, 7)[:20], repeat_major(trials, 7)[20:]
    assert [t.case_id for t in first] != [t.case_id for t in second]


def test_every_attempt_has_a_seed_of_its_own() -> None:
    seeds = {
        attempt_seed(1, case, repeat, stage, attempt)
        for case in ("a", "b")
        for repeat in (1, 2)
        for stage in ("nlp_to_ir", "ir_to_code")
        for attempt in (1, 2, 3)
    }
    assert len(seeds) == 24
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_bounds_count_every_attempt_at_its_deadline() -> None:
    found = worst_case(40, [(3, 512), (3, 256)], 100.0, usd_per_hour=0.36, usd_per_request=0.001)
    assert (found.calls_min, found.calls_max) == (80, 240)
    assert found.output_tokens_max == 40 * (3 * 512 + 3 * 256)
    assert found.seconds_max == 24_000
    assert found.usd_max is not None
    assert abs(found.usd_max - (24_000 * 0.0001 + 0.24)) < 1e-9
    assert worst_case(1, [(1, 1)], 1, usd_per_hour=None).usd_max is None
    free = worst_case(2, [(1, 1)], 1800, usd_per_hour=1.0)
    assert (free.usd_max, free.output_tokens_max) == (1.0, 2)
    assert worst_case(2, [(1, 5), (1, None)], 1, None).output_tokens_max is None
    assert worst_case(2, [(1, 5), (1, 0)], 1, None).output_tokens_max == 10


def test_what_is_decided_where_nobody_says() -> None:
    assert (StopRule().target, StopRule().zone) == (0.7, 0.1)
    assert not PlannedTrial(case_id="c", repeat=1, prompt="").is_program


def test_a_rate_may_be_a_million_a_second() -> None:
    for kind in ("constant", "poisson"):
        assert at_rate(1e6, kind).rate_rps == 1e6
        with pytest.raises(UsageError):
            at_rate(1e6 + 1, kind)
