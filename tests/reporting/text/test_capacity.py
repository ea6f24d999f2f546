"""What a capacity run comes to, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.text import capacity as text
from liftlab.runner.levels import CapacityPlan
from liftlab.summary.capacity import Capacity, capacity_of
from tests.capacity_world import Endpoint, World


def found_of(drop: float, limit_s: float = 60) -> Capacity:
    plan = CapacityPlan(levels=(1, 4, 8), visits=1, cases=60, metric="e2e_p95_s", limit_s=limit_s)
    world = World(slots=4, above=4, drop=drop, cases=60)
    endpoint = Endpoint(world=world, rng=np.random.default_rng(1))
    for level in plan.levels:
        endpoint.visit(plan.repeats(1, level), level)
    found = capacity_of(endpoint.run(plan))
    assert found is not None
    return found


def of(begin: str, found: Capacity) -> str:
    """Return the sentence that begins so; empty where there is none."""
    return next((said for said in text.told(found) if said.startswith(begin)), "")


def test_worse_answers_are_said_with_both_rates() -> None:
    said = of("Answers", found_of(0.5))
    assert said.startswith("Answers get worse under load: with 8 requests at once ")
    assert " % are right, with 1 request at once " in said


def test_answers_that_are_alike_are_not_called_the_same() -> None:
    said = of("Answers", found_of(0.0))
    assert said.startswith("Answers were not seen to get worse under load: with 8 requests at once")
    assert "likely" in said


def test_the_objective_names_the_levels_that_were_judged() -> None:
    found = found_of(0.0)
    assert "P95 ≤ 60 s is met with 8 requests at once." in text.told(found)
    undecided = [
        replace(level, slo=replace(level.slo, verdict="undecided")) for level in found.levels
    ]
    said = text.told(replace(found, levels=tuple(undecided)))
    assert "Not enough data to say at any level whether P95 ≤ 60 s is met." in said
    missed = replace(undecided[1], slo=replace(undecided[1].slo, verdict="not met"))
    mixed = (found.levels[0], missed, undecided[2])
    said = "P95 ≤ 60 s is met with 1 request at once and is not met with 4 requests at once."
    assert said in text.told(replace(found, levels=mixed))


@pytest.mark.parametrize(
    ("knee", "said"),
    [
        (
            Estimate(value=4.2, low=4, high=5, confidence=0.95, n=9, unit="requests at once"),
            "Beyond 4.20 requests at once (likely 4.00–5.00 requests at once) more load brings no "
            "more right answers a second (the knee).",
        ),
        (Estimate(value=None, n=9, reason="why"), "The knee is not known: why."),
    ],
)
def test_the_knee_is_said_as_what_it_means(knee: Estimate, said: str) -> None:
    assert text.knee(replace(found_of(0.0), knee=knee)) == said


def test_a_level_that_was_not_kept_full_is_named() -> None:
    found = found_of(0.0)
    assert not of("Of 8 requests", found)
    last = found.levels[-1]
    empty = replace(last, timed=replace(last.timed, under_way=5.5))
    said = of("Of 8 requests", replace(found, levels=(*found.levels[:-1], empty)))
    assert said.startswith("Of 8 requests planned at once only 5.5 were under way on average")


def test_what_a_dollar_buys_has_the_digits_of_the_table() -> None:
    found = found_of(0.0)
    buys = Estimate(value=294.0, n=60, low=190, high=420, confidence=0.95, unit="per USD")
    priced = replace(found, best=replace(found.levels[0], per_usd=buys))
    [said] = [row for row in text.told(priced) if "dollar" in row]
    assert buys.point == "290 per USD"
    assert " a dollar buys 290 right answers in time." in said
