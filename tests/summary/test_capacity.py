"""Which requests of a capacity run count, and for how long they were under way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from liftlab.runner.levels import CapacityPlan
from liftlab.store import RunData
from liftlab.store.frames import frame_of, table_columns
from liftlab.summary.capacity import Level, capacity_of
from tests.capacity_world import Endpoint, World

PLAN = CapacityPlan(levels=(1, 2, 4), visits=1, cases=8, metric="e2e_p95_s", limit_s=60)


def run_of(plan: CapacityPlan = PLAN) -> RunData:
    world = World(slots=4, above=9, drop=0.0, cases=8, spread=0.0)
    endpoint = Endpoint(world=world, rng=np.random.default_rng(1))
    for level in plan.levels:
        endpoint.visit(plan.repeats(1, level), level)
    return endpoint.run(plan)


def test_what_fills_a_level_does_not_count() -> None:
    found = capacity_of(run_of())
    assert found is not None
    assert [level.trials - level.timed.n for level in found.levels] == [0, 1, 3]
    assert [level.timed.under_way for level in found.levels] == pytest.approx([1, 2, 4])


def test_one_request_in_a_full_level_counts_as_many_as_were_asked_for() -> None:
    run = run_of()
    first = run.trials[run.trials["repeat"] == PLAN.repeats(1, 1)[0]].head(1)
    keys = first[["case_id", "repeat"]]
    stages, attempts = (frame.merge(keys) for frame in (run.stages, run.attempts))
    found = capacity_of(replace(run, trials=first, stages=stages, attempts=attempts))
    assert found is not None
    assert [level.timed.under_way for level in found.levels] == [1]


def test_a_visit_that_went_on_later_is_filled_twice() -> None:
    """A second session has a clock of its own, and begins with an empty endpoint."""
    run = run_of()
    later = (run.trials["repeat"] == PLAN.repeats(1, 4)[-1]).to_numpy()
    moved = pd.to_datetime(run.trials["started_at"], format="ISO8601") + pd.Timedelta(hours=1)
    at = [moment.isoformat() for moment in moved]
    trials = run.trials.assign(started_at=np.where(later, at, run.trials["started_at"]))
    found = capacity_of(replace(run, trials=trials.astype({"started_at": "str"})))
    assert found is not None
    last = found.levels[-1]
    assert last.trials - last.timed.n == 6
    assert last.timed.under_way == pytest.approx(4)  # the hour between is nobody's


def test_a_request_that_failed_was_under_way_until_it_was_given_up() -> None:
    run = run_of()
    failed = run.trials.index[run.trials["repeat"] == PLAN.repeats(1, 1)[0]][:2]
    trials = run.trials.copy()
    trials.loc[failed, "e2e_s"] = np.nan
    trials.loc[failed, "outcome"] = "error"
    rows: list[dict[str, Any]] = [
        dict.fromkeys(table_columns("attempt"))
        | {
            "run_id": trials["run_id"][row],
            "seq": row,
            "case_id": trials["case_id"][row],
            "repeat": trials["repeat"][row],
            "sent_s": run.stages["started_s"][row],
            "ended_s": run.stages["started_s"][row] + 10.0,
        }
        for row in failed
    ]
    attempts = frame_of(rows, table_columns("attempt"))
    found, whole = capacity_of(replace(run, trials=trials, attempts=attempts)), capacity_of(run)
    assert found is not None
    assert whole is not None
    alone, before = found.levels[0], whole.levels[0]
    assert (alone.answered, alone.timed.n) == (before.answered - 2, before.timed.n)
    assert alone.timed.value < before.timed.value


def test_other_runs_have_no_capacity() -> None:
    run = run_of()
    assert capacity_of(replace(run, run=replace(run.run, load="closed"))) is None
    folder: Any = type("Folder", (), {"manifest": lambda self: {"imported": {}}})()
    assert capacity_of(replace(run, folder=folder)) is None


def test_nothing_answered_is_nothing_known() -> None:
    run = run_of()
    empty = replace(run, trials=run.trials[:0], stages=run.stages[:0])
    found = capacity_of(empty)
    assert found is not None
    assert (found.levels, found.best, found.goodput.value, found.knee.value) == (
        (),
        None,
        None,
        None,
    )


def at_once(capacity: Any, *verdicts: tuple[str, str | None]) -> Any:
    """Return a capacity whose levels have these verdicts on the objective and on being right."""
    levels = tuple(
        replace(
            level,
            slo=replace(level.slo, verdict=slo),
            change=None if change is None else replace(level.change, verdict=change),
        )
        for level, (slo, change) in zip(capacity.levels, verdicts, strict=True)
    )
    return replace(capacity, levels=levels)


def test_the_highest_level_that_meets_the_objective_is_named() -> None:
    found = capacity_of(run_of())
    assert found is not None
    assert found.levels[0].change is None or found.levels[1].change is not None
    some = at_once(found, ("met", None), ("met", "worse"), ("not met", "worse"))
    assert some.meets is some.levels[1]
    assert some.worse == some.levels[1:]
    assert [level.is_decided for level in some.levels] == [True, True, True]
    none = at_once(found, ("undecided", None), ("not met", "same"), ("not measurable", None))
    assert (none.meets, none.worse) == (None, ())
    assert [level.is_decided for level in none.levels] == [False, True, False]
    assert all(isinstance(level, Level) for level in found.levels)


def test_a_dollar_buys_as_many_right_answers_as_one_costs_of_it() -> None:
    found = capacity_of(run_of())
    assert found is not None
    assert [level.per_usd.value for level in found.levels] == pytest.approx(
        [1000 * level.within / level.timed.n for level in found.levels]
    )
    many = run_of(CapacityPlan(levels=(1,), visits=9, cases=8, metric="e2e_p95_s", limit_s=60))
    free = capacity_of(replace(many, trials=many.trials.assign(cost_usd=None)))
    assert free is not None
    assert free.levels[0].per_usd.value is None


def test_as_data_each_level_has_its_counts() -> None:
    found = capacity_of(run_of())
    assert found is not None
    told = found.as_json([])
    assert [level["at_once"] for level in told["levels"]] == [1, 2, 4]
    assert [level["visits"] for level in told["levels"]] == [1, 1, 1]
    assert [level["trials"] for level in told["levels"]] == [8, 16, 32]
    assert told["best_at_once"] == 4
    assert told["slo"] == {"metric": "e2e_p95_s", "limit_s": 60}
    assert told["levels"][0]["answers"] is told["levels"][0]["difference"] is None
    assert set(told["levels"][1]["difference"]) == {"value", "low", "high", "n", "reason"}
    assert told["goodput_right_per_s"]["value"] == told["levels"][2]["goodput_right_per_s"]["value"]
    # The best was picked, so its interval is wider than that of the level alone.
    assert told["goodput_right_per_s"]["low"] < told["levels"][2]["goodput_right_per_s"]["low"]


def test_a_visit_counts_once_it_is_whole() -> None:
    run = run_of()
    for gone, visits in ((0, 1), (1, 0)):
        level = run.trials[run.trials["repeat"] == PLAN.repeats(1, 1)[0]]
        found = capacity_of(replace(run, trials=run.trials.drop(level.index[:gone])))
        assert found is not None
        assert (found.levels[0].visits, found.levels[0].trials) == (visits, 8 - gone)


def test_right_answers_count_up_to_the_limit() -> None:
    limit = replace_plan(limit_s=1.0)
    found = capacity_of(run_of(limit))
    assert found is not None
    assert found.best is not None  # each takes 1 s
    tight = capacity_of(run_of(replace_plan(limit_s=0.99)))
    assert tight is not None
    assert (tight.best, [level.within for level in tight.levels]) == (None, [0, 0, 0])
    assert tight.goodput.value == 0


def replace_plan(**changed: Any) -> CapacityPlan:
    return PLAN.model_copy(update=changed)
