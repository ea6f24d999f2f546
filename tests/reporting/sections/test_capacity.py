"""The capacity of an endpoint as a section: a row a level, and answers under load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from liftlab.reporting.sections import section_of
from liftlab.runner.levels import CapacityPlan
from liftlab.summary.capacity import Capacity, capacity_of
from tests.capacity_world import Endpoint, World
from tests.reporting.conftest import tables_in


@pytest.fixture(scope="module")
def found() -> Capacity:
    plan = CapacityPlan(levels=(1, 4, 8), visits=1, cases=60, metric="e2e_p95_s", limit_s=60)
    world = World(slots=4, above=4, drop=0.5, cases=60)
    endpoint = Endpoint(world=world, rng=np.random.default_rng(1))
    for level in plan.levels:
        endpoint.visit(plan.repeats(1, level), level)
    made = capacity_of(endpoint.run(plan))
    assert made is not None
    return made


def test_each_level_has_its_goodput(found: Capacity) -> None:
    levels, _ = tables_in(section_of(found).html())
    assert [row["At once"] for row in levels] == ["1", "4", "8"]
    for row, level in zip(levels, found.levels, strict=True):
        assert row["Requests"] == str(level.trials)
        assert row["Visits"] == "1"
        assert row["Right in time"] == f"{level.within} of {level.timed.n}"
        assert float(row["Under way"]) == pytest.approx(level.timed.under_way, abs=0.05)
        assert row["P95 ≤ 60 s"] == level.slo.verdict


def test_answers_are_compared_with_the_lowest_level(found: Capacity) -> None:
    _, answers = tables_in(section_of(found).html())
    assert [row["At once"] for row in answers] == ["4", "8"]
    lowest = {row["Right at the lowest level"] for row in answers}
    assert len(lowest) <= 2
    last = answers[-1]
    change = found.levels[-1].change
    assert change is not None
    assert (last["Difference"], last["Answers"]) == (change.difference.point, change.verdict)
    assert last["Right here"] < last["Right at the lowest level"]


def test_of_nothing_answered_there_is_nothing_to_show(found: Capacity) -> None:
    assert section_of(replace(found, levels=())).is_empty
