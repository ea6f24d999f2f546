"""The steps that a step is compared with."""

from __future__ import annotations

import numpy as np
import pytest

from liftlab.analysis.causes import Peers


def medians(cases: list[int], counts: list[int], values: list[float]) -> list[float]:
    index = np.array(cases)
    usable = np.ones(len(cases), dtype=bool)
    peers = Peers(index, max(cases) + 1, usable, np.array(counts, dtype=float))
    return list(peers.medians(np.array(values)))


def test_a_case_with_three_repeats_is_compared_with_itself() -> None:
    found = medians([0, 0, 0, 1, 1, 1], [1] * 6, [1, 2, 9, 10, 20, 90])
    assert found == [2, 2, 2, 20, 20, 20]


def test_with_fewer_repeats_all_are_peers() -> None:
    assert medians([0, 0, 1, 1], [1] * 4, [1, 2, 3, 90]) == [2.5] * 4


@pytest.mark.parametrize(("single", "expected"), [(3, 2.0), (2, 3.0)])
def test_only_three_or_more_single_attempts_stand_for_their_case(
    single: int, expected: float
) -> None:
    counts = [1] * single + [2] * (5 - single)
    assert medians([0] * 5, counts, [1, 2, 3, 40, 50])[0] == expected


@pytest.mark.parametrize(("single", "expected"), [(3, 2.0), (2, 3.0)])
def test_only_three_or_more_single_attempts_stand_for_all(single: int, expected: float) -> None:
    counts = [1] * single + [2] * (5 - single)
    assert medians([0, 1, 2, 3, 4], counts, [1, 2, 3, 40, 50])[0] == expected


def test_two_steps_are_too_few() -> None:
    assert np.isnan(medians([0, 1], [1, 1], [1, 2])).all()


def test_what_is_unknown_is_nobodys_peer() -> None:
    assert medians([0, 1, 2, 3], [1] * 4, [1, 2, 3, float("nan")]) == [2.0] * 4
