"""Plan a capacity run, make its visits until each level is decided, and finish a broken one.

A level is one visit after the other of the same run: journal, tables, grading, costs and resuming
are those of any run. Between rounds of visits answers are graded, and those levels go on at which
it is not known yet whether the objective is met.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from liftlab.errors import UsageError
from liftlab.jobs.opening import open_run
from liftlab.jobs.running import broken_off, plan_run
from liftlab.records import CAPACITY
from liftlab.runner import control
from liftlab.runner.levels import MOST_AT_ONCE, CapacityPlan, between
from liftlab.runner.progress import Progress
from liftlab.runner.request import RunRequest
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder
from liftlab.summary.capacity import capacity_of

LEVELS, VISITS = (1, 2, 4, 8, 16), 3
EXTRA = 4  # levels that are added around the knee at most
_SLO = re.compile(r"\s*(e2e_(?:median|p90|p95|p99)_s)\s*<=\s*(\d+(?:\.\d+)?)\s*s?\s*")


def plan_capacity(
    project: Project,
    slo: str,
    *,
    levels: Sequence[int] = LEVELS,
    visits: int = VISITS,
    model: str | None = None,
) -> RunRequest:
    """Resolve every name of a capacity run before anything is sent; as `plan_run`.

    `slo`: the objective, such as `e2e_p95_s <= 15`; a right answer counts where it came within that
    time. `levels`: how many requests are under way, each visited `visits` times at most. Raises
    UsageError if they make no sense.
    """
    told = _SLO.fullmatch(slo)
    if told is None or float(told[2]) <= 0:
        raise UsageError(
            f"--slo is a quantile of end to end with a limit in seconds, as in "
            f"'e2e_p95_s <= 15' (median, p90, p95 or p99), not {slo[:60]!r}"
        )
    known = tuple(sorted(set(levels)))
    if len(known) < 3 or not 1 <= known[0] <= known[-1] <= MOST_AT_ONCE:
        raise UsageError(f"--levels needs three different numbers from 1 to {MOST_AT_ONCE:,}")
    request = plan_run(project, model=model)
    plan = CapacityPlan(
        levels=known,
        visits=visits,
        cases=len(request.cases),
        metric=told[1],
        limit_s=float(told[2]),
    )
    return request.model_copy(update={"capacity": plan, "concurrency": known[-1], "repeats": 1})


def at_most(request: RunRequest) -> RunRequest:
    """Return the request with every visit that it may come to, for `worst_case_of`."""
    plan = _plan(request)
    visits = range(1, plan.visits + 1)
    due = [(visit, level) for visit in visits for level in plan.levels]
    return request.model_copy(update={"due": (*due, *EXTRA * [(1, plan.levels[-1])])})


def run_capacity(request: RunRequest, folder: RunFolder | None = None) -> RunData:
    """Make a capacity run, or go on with one, and return it with its tables.

    Limits of the project hold for all visits of this call together.
    """
    began_s, project = time.monotonic(), request.project
    run = None if folder is None else open_run(folder.run_id, project=project)
    requests, usd = _spent(run)
    while due := next_visits(run, request):
        now_requests, now_usd = _spent(run)
        left = _left(project, time.monotonic() - began_s, now_requests - requests, now_usd - usd)
        session = request.model_copy(update={"due": due, "project": left})
        job = control.start if folder is None else partial(control.resume, folder)
        with closing(Progress(len(session.trials()))) as progress:
            folder = job(session, progress)
        run = open_run(folder.run_id, project=project)
        if run.run.status == "partial":
            break
    assert run is not None  # there is always a first round
    return run


def resume_capacity(project: Project, run_id: str) -> RunData:
    """Finish a capacity run that was broken off; what is committed does not change."""
    folder, request = broken_off(project, run_id, CAPACITY)
    return run_capacity(request, folder)


def next_visits(run: RunData | None, request: RunRequest) -> tuple[tuple[int, int], ...]:
    """Return the next round of visits, in random order; none once nothing is left to do.

    A visit that was broken off is finished. Then follow levels that are not decided, and one
    between two levels where the knee may be.
    """
    plan = _plan(request)
    found = None if run is None else capacity_of(run)
    seen = {} if found is None else {level.at_once: level for level in found.levels}
    begun = set() if run is None else {plan.place(int(r)) for r in run.trials["repeat"]}
    due = []
    for level in sorted({*plan.levels, *(level for _, level in begun)}):
        made = seen[level].visits if level in seen else 0
        is_open = (made + 1, level) in begun
        is_decided = level in seen and seen[level].is_decided
        most = plan.visits if level in plan.levels else 1
        if is_open or made == 0 or (not is_decided and made < most):
            due.append((made + 1, level))
    if found is not None and len(seen) < len(plan.levels) + EXTRA and found.knee.value:
        low, high = found.knee.low or found.knee.value, found.knee.high or plan.levels[-1]
        extra = between(low, high, seen)
        due += [(1, extra)] if extra is not None else []
    random.Random(f"{request.seed}:{len(begun)}").shuffle(due)
    return tuple(due)


def _spent(run: RunData | None) -> tuple[int, float]:
    """Return how many requests a run has made so far, and what they cost in USD."""
    if run is None:
        return 0, 0.0
    return len(run.attempts), float(run.trials["cost_usd"].sum())


def _left(project: Project, seconds: float, requests: int, usd: float) -> Project:
    """Return the project with what its limits leave for the next round of visits."""
    limits = project.settings.limits
    spent = {"max_seconds": seconds, "max_requests": requests, "max_usd": usd}
    left = {
        name: max(limit - spent[name], 1 if name == "max_requests" else 1e-6)
        for name in spent
        if (limit := getattr(limits, name)) is not None
    }
    settings = project.settings.model_copy(update={"limits": limits.model_copy(update=left)})
    return replace(project, settings=settings)


def _plan(request: RunRequest) -> CapacityPlan:
    assert request.capacity is not None
    return request.capacity
