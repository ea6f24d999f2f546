"""The closed form against what is published of it, and the simulation against the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.analysis.cost.hosting import Hosting, closed_form, simulate

HOUR = 3600.0


@pytest.mark.parametrize(
    ("per_hour", "cold_s", "idle_s", "up", "usd_per_1000", "starts"),
    [
        (2, 60, 300, 0.18, 91.8, 0.82),
        (10, 60, 300, 0.61, 61.2, 0.39),
        (10, 60, 60, 0.29, 28.9, 0.71),
        (30, 120, 300, 0.93, 31.1, 0.066),
    ],
)
def test_the_closed_form_gives_the_known_examples(
    per_hour: float, cold_s: float, idle_s: float, up: float, usd_per_1000: float, starts: float
) -> None:
    used = closed_form(per_hour / HOUR, 15.0, Hosting(idle_window_s=idle_s, cold_start_s=cold_s))
    assert used.billed_s * per_hour / HOUR == pytest.approx(up, abs=0.005)
    assert 1000 * used.billed_s / HOUR == pytest.approx(usd_per_1000, abs=0.05)
    assert used.cold_s / cold_s == pytest.approx(starts, abs=0.005)
    assert used.kept_s == 0
    assert used.billed_s == pytest.approx(used.busy_s + used.cold_s + used.idle_s)


@pytest.mark.parametrize("load", [0.0009, 0.009, 0.09, 0.89])
def test_the_simulation_agrees_with_the_closed_form(load: float) -> None:
    hosting, service, n = Hosting(idle_window_s=300, cold_start_s=60), 15.0, 40_000
    rng = np.random.default_rng(20_251_015)
    arrivals = np.cumsum(rng.exponential(service / load, n))
    drawn = service * rng.lognormal(-0.08, 0.4, n)
    used, expected = (
        simulate(arrivals, drawn, hosting),
        closed_form(load / service, service, hosting),
    )
    assert used.billed_s == pytest.approx(expected.billed_s, rel=0.02)
    assert used.busy_s == pytest.approx(service, rel=0.02)
    assert used.cold_s == pytest.approx(expected.cold_s, rel=0.05, abs=0.06)


def test_the_closed_form_refuses_what_it_does_not_hold_for() -> None:
    with pytest.raises(ValueError, match="one slot in one container"):
        closed_form(0.01, 1.0, Hosting(idle_window_s=1, slots=2))
    with pytest.raises(ValueError, match="cannot keep up"):
        closed_form(1.0, 1.0, Hosting(idle_window_s=1))


def test_slots_share_a_container_and_its_time() -> None:
    one = simulate([0, 1, 2], [10, 10, 10], Hosting(idle_window_s=5, slots=3))
    assert (3 * one.busy_s, 3 * one.idle_s) == (12, 5)
    queued = simulate([0, 1, 2], [10, 10, 10], Hosting(idle_window_s=5))
    assert 3 * queued.busy_s == 30


def test_another_container_starts_only_where_none_has_room() -> None:
    two = Hosting(idle_window_s=5, cold_start_s=2, containers=2)
    used = simulate([0, 1, 3], [10, 10, 10], two)
    assert 3 * used.cold_s == 2 * 2
    roomy = simulate(
        [0, 1], [10, 10], Hosting(idle_window_s=5, cold_start_s=2, slots=2, containers=2)
    )
    assert 2 * roomy.cold_s == 2  # the second finds a slot in the container that starts


def test_a_container_goes_after_its_window_and_not_before() -> None:
    hosting = Hosting(idle_window_s=30, cold_start_s=5)
    within = simulate([0, 44], [10, 10], hosting)  # up 5 + 10, idle 29
    beyond = simulate([0, 46], [10, 10], hosting)
    assert (2 * within.cold_s, 2 * beyond.cold_s) == (5, 2 * 5)
    assert 2 * within.billed_s == 44 + 10 + 30
    assert 2 * beyond.billed_s == 2 * (5 + 10 + 30)


def test_one_kept_warm_never_starts_and_is_billed_throughout() -> None:
    used = simulate([0, 1000], [10, 10], Hosting(idle_window_s=30, cold_start_s=5, kept_warm=1))
    assert used.cold_s == 0
    assert 2 * used.billed_s == 2 * used.kept_s == 1010


@pytest.mark.parametrize("wrong", [([], []), ([1.0], []), ([2.0, 1.0], [1, 1]), ([1.0], [-1])])
def test_times_that_are_none_are_refused(wrong: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match=r"arrivals"):
        simulate(*wrong, Hosting(idle_window_s=1))


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 30)), min_size=1, max_size=40),
    st.integers(1, 3),
    st.integers(1, 3),
    st.floats(0, 20),
)
def test_the_parts_of_a_bill_sum_to_it(
    requests: list[tuple[float, float]], slots: int, containers: int, cold: float
) -> None:
    arrivals = np.cumsum([gap for gap, _ in requests])
    service = [seconds for _, seconds in requests]
    hosting = Hosting(idle_window_s=7, cold_start_s=cold, slots=slots, containers=containers)
    used = simulate(arrivals, service, hosting)
    n = len(service)
    assert used.billed_s == pytest.approx(used.busy_s + used.cold_s + used.idle_s)
    assert n * used.idle_s >= 7 - 1e-9
    assert n * used.cold_s >= cold - 1e-9
    assert n * used.busy_s <= sum(service) + 1e-9
    assert n * used.busy_s >= max(service) - 1e-9


def test_what_a_container_is_where_nothing_is_said() -> None:
    plain = Hosting(idle_window_s=30)
    assert (plain.cold_start_s, plain.slots, plain.containers, plain.kept_warm) == (0, 1, 1, 0)
    assert plain.serial
    for other in ({"slots": 2}, {"containers": 2}, {"kept_warm": 1}):
        assert not Hosting(idle_window_s=30, **other).serial
    assert Hosting(idle_window_s=30, slots=2, containers=5).load(4, 2.5) == 1


def test_a_load_of_one_is_more_than_a_slot_can_serve() -> None:
    with pytest.raises(ValueError, match=r"load 1\.00"):
        closed_form(0.5, 2.0, Hosting(idle_window_s=1))
    assert closed_form(0.499, 2.0, Hosting(idle_window_s=1)).billed_s > 2


def test_a_container_goes_at_the_end_of_its_window() -> None:
    hosting = Hosting(idle_window_s=30, cold_start_s=5)
    kept = simulate([0, 44.9], [10, 10], hosting)  # free at 15, gone at 45
    assert 2 * kept.cold_s == 5
    gone = simulate([0, 45], [10, 10], hosting)
    assert 2 * gone.cold_s == 10
    assert 2 * gone.billed_s == 2 * (5 + 10 + 30)


def test_another_container_starts_only_when_no_slot_is_free_or_coming() -> None:
    two = Hosting(idle_window_s=0, cold_start_s=5, containers=2)
    # The second request finds the first container's only slot taken.
    assert 2 * simulate([0, 1], [10, 10], two).cold_s == 10
    shared = Hosting(idle_window_s=0, cold_start_s=5, containers=2, slots=2)
    assert 2 * simulate([0, 1], [10, 10], shared).cold_s == 5  # a slot of the one that starts
    assert 3 * simulate([0, 1, 2], [10, 10, 10], shared).cold_s == 10
    # The oldest with a free slot serves, whatever was used last.
    assert 3 * simulate(
        [0, 1, 40], [10, 10, 1], Hosting(idle_window_s=50, containers=2)
    ).billed_s == pytest.approx(41 + 50 + 10 + 50)


def test_a_container_kept_warm_is_billed_from_the_first_request_to_the_last() -> None:
    used = simulate([100, 200], [10, 10], Hosting(idle_window_s=5, cold_start_s=60, kept_warm=1))
    assert (2 * used.billed_s, 2 * used.kept_s, used.cold_s) == (110, 110, 0)
    assert used.idle_s == used.billed_s - used.busy_s == 45


@pytest.mark.parametrize(
    ("arrivals", "service"), [([], []), ([0], [1, 1]), ([1, 0], [1, 1]), ([0, 1], [1, -1])]
)
def test_times_that_cannot_be_served(arrivals: list[float], service: list[float]) -> None:
    with pytest.raises(ValueError, match="arrivals"):
        simulate(arrivals, service, Hosting(idle_window_s=1))


def test_requests_may_come_at_once_and_take_no_time() -> None:
    assert simulate([0, 0], [0, 0], Hosting(idle_window_s=1)).billed_s == 0.5
