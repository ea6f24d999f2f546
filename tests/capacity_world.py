"""A made-up endpoint with a known knee: slots, a queue, and answers that get worse in a crowd.

It makes the tables of whole capacity runs without a clock, so that many can be looked at.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from liftlab.jobs.capacity import next_visits
from liftlab.records import CAPACITY, Run
from liftlab.runner.levels import CapacityPlan
from liftlab.store import RunData
from liftlab.store.frames import frame_of, table_columns
from liftlab.summary.capacity import Capacity, capacity_of

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
RUN_ID = "20260101_000000_made"


@dataclass(frozen=True, kw_only=True)
class World:
    """The truth: the knee is at `slots`; answers are worse by `drop` with more than `above`."""

    slots: int
    above: int
    drop: float
    cases: int = 20
    right: float = 0.85
    spread: float = 0.3  # of service between cases, and again within them
    limit_s: float = 60.0


@dataclass(kw_only=True)
class Endpoint:
    """Answers the trials of a run, one visit after the other."""

    world: World
    rng: np.random.Generator
    now: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        world, rng = self.world, self.rng
        self.service = rng.lognormal(0.0, world.spread, world.cases)
        odds = np.log(world.right / (1 - world.right)) + rng.normal(0, 1, world.cases)
        self.right = 1 / (1 + np.exp(-odds))

    def visit(self, repeats: range, level: int) -> None:
        """Answer a visit: each of `level` callers asks again once it is answered."""
        world, rng, began_s = self.world, self.rng, self.now
        callers, slots = [began_s] * level, [began_s] * world.slots
        ends: list[float] = []
        for repeat in repeats:
            for case in rng.permutation(world.cases):
                asked = heapq.heappop(callers)
                while ends and ends[0] <= asked:
                    heapq.heappop(ends)
                took = self.service[case] * rng.lognormal(0.0, world.spread)
                ended = max(asked, heapq.heappop(slots)) + took
                crowded = len(ends) + 1 > world.above
                good = rng.random() < self.right[case] - world.drop * crowded
                for heap in (callers, slots, ends):
                    heapq.heappush(heap, ended)
                self._add(f"case {case}", repeat, asked, ended - asked, good=bool(good))
                self.now = max(self.now, ended)

    def _add(self, case: str, repeat: int, asked: float, took: float, *, good: bool) -> None:
        self.rows.append(
            {
                "run_id": RUN_ID,
                "case_id": case,
                "repeat": repeat,
                "started_at": (ZERO + timedelta(seconds=asked)).isoformat(),
                "started_s": asked,
                "e2e_s": took,
                "outcome": "pass" if good else "fail",
                "cost_usd": 0.001,
            }
        )

    def run(self, plan: CapacityPlan) -> RunData:
        """Return what was measured so far."""
        rows = pd.DataFrame(self.rows)
        stages = rows[["run_id", "case_id", "repeat", "started_s"]].assign(
            stage="code", position=0, ok=True, latency_s=rows["e2e_s"]
        )
        tables = {"trial": rows.drop(columns="started_s"), "stage": stages}
        made = {
            name: frame_of(
                frame.reindex(columns=list(table_columns(name))).astype(object).to_dict("records"),
                table_columns(name),
            )
            for name, frame in tables.items()
        }
        folder: Any = SimpleNamespace(
            manifest=lambda: {"request": {"capacity": plan.model_dump(mode="json")}}
        )
        empty = {
            name: frame_of([], table_columns(name))
            for name in ("attempt", "grade", "check", "cost")
        }
        return RunData(
            run=Run(run_id=RUN_ID, suite="made", load=CAPACITY, status="complete"),
            attempts=empty["attempt"],
            stages=made["stage"],
            trials=made["trial"],
            grades=empty["grade"],
            checks=empty["check"],
            costs=empty["cost"],
            folder=folder,
        )


def measure(
    world: World, seed: int, *, levels: tuple[int, ...] = (1, 2, 4, 8, 16), visits: int = 3
) -> tuple[Capacity, Counter[tuple[int, int]]]:
    """Make a whole run as `liftlab capacity` does; return what it comes to, and its visits."""
    endpoint = Endpoint(world=world, rng=np.random.default_rng(seed))
    plan = CapacityPlan(
        levels=levels, visits=visits, cases=world.cases, metric="e2e_p95_s", limit_s=world.limit_s
    )
    request: Any = SimpleNamespace(capacity=plan, seed=seed)
    run, made = None, Counter[tuple[int, int]]()
    while due := next_visits(run, request):
        for visit, level in due:
            endpoint.visit(plan.repeats(visit, level), level)
            made[visit, level] += 1
        run = endpoint.run(plan)
    assert run is not None
    found = capacity_of(run)
    assert found is not None
    return found, made


# The same endpoint as a simulator's profile, and a project that asks it.
PROFILE = """
slots = {slots}
seed = {seed}
[service]
base_s = 1.0
base_spread = 0.4
[answers]
plain = {{missing_return = 0.15}}
branching = {{missing_return = 0.15}}
crowd = {{above = {slots}, missing_return = {wrong}}}
"""
SETTINGS = """
[run]
suite = "mvp"
endpoint = "sim"
pipeline = "direct"
[endpoints.sim]
protocol = "openai"
serve = "simulator"
profile = "{profile}"
time_scale = {scale}
[pipelines.direct]
stages = ["code"]
"""
