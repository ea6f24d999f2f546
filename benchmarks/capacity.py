"""Whether `liftlab capacity` finds a known knee, and a planted drop of right answers above it.

    python benchmarks/capacity.py [--times 25] [--runs 3] [--scale 4]

First many made-up runs: an endpoint of some slots with a queue, whose answers are less often right
while more requests than slots are under way, or never; `tests/capacity_world.py` makes the tables,
and the levels are visited as the verb does. Then whole runs against the simulator with such a
profile. Wanted: the knee within 10 %; the drop found in at least 95 % of the runs that have one;
false alarms in at most 5 % of those that have none.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from liftlab.jobs import capacity
from liftlab.runner.endpoint_lifecycle import SERVER_LOG
from liftlab.serving.simulation.truth import read_truth
from liftlab.settings import load_project
from liftlab.summary.capacity import Capacity, capacity_of
from tests.capacity_world import PROFILE, SETTINGS, World, measure

CLOSE, FOUND, FALSE = 0.10, 0.95, 0.05
DROP = 0.3  # of 0.85 that are right with few under way
WORLDS = tuple(
    World(slots=slots, above=slots, drop=drop, cases=cases)
    for drop in (DROP, 0.0)
    for slots, cases in ((6, 20), (11, 84))
)
LEVELS = "1, 2, 4, 8 and 16"
SLO = "e2e_p95_s <= 60"
SUITE = Path(__file__).parents[1] / "data" / "suites" / "mvp.toml"


def main() -> int:
    """Print what was found; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=25, help="made-up runs of each kind")
    parser.add_argument("--runs", type=int, default=3, help="whole runs of each kind")
    parser.add_argument("--scale", type=float, default=4.0, help="how sped up the simulator is")
    given = parser.parse_args()
    print(f"levels of {LEVELS} at once, and up to four between them around the knee", flush=True)
    good = True
    for world in WORLDS if given.times else ():
        with ProcessPoolExecutor() as pool:
            results = [*pool.map(partial(made_up, world), range(given.times))]
        name = f"{world.slots} slots, {world.cases} prompts, drop {world.drop:.0%}"
        good &= judged(name, results, world.slots, has_drop=world.drop > 0)
    for drop in (DROP, 0.0) if given.runs else ():
        results = [whole_run(6, drop, seed, given.scale) for seed in range(given.runs)]
        good &= judged(f"simulator, 6 slots, drop {drop:.0%}", results, 6, has_drop=drop > 0)
    return 0 if good else 1


def made_up(world: World, seed: int) -> Capacity:
    """Return what one made-up run comes to, without its tables."""
    return replace(measure(world, seed)[0], run=None)  # type: ignore[arg-type]  # may go to another process


def judged(name: str, results: Sequence[Capacity], knee: float, *, has_drop: bool) -> bool:
    """Print one line for runs of one kind; say whether all limits are kept."""
    n = len(results)
    values = [found.knee.value for found in results if found.knee.value is not None]
    close = sum(abs(value / knee - 1) <= CLOSE for value in values)
    held = sum((found.knee.low or 0) <= knee <= (found.knee.high or 1e9) for found in results)
    worse = sum(bool(found.worse) for found in results)
    trials = sum(level.trials for found in results for level in found.levels) / n
    middle = sorted(values)[len(values) // 2] if values else float("nan")
    print(
        f"{name}: knee {middle:.3g} in the middle, within 10 % in {close} of {n}, interval holds "
        f"it in {held}; worse answers seen in {worse}; {trials:,.0f} requests a run",
        flush=True,
    )
    kept = worse >= FOUND * n if has_drop else worse <= FALSE * n
    return kept and abs(middle / knee - 1) <= CLOSE


def whole_run(slots: int, drop: float, seed: int, scale: float) -> Capacity:
    """Make one run against the simulator, and hold its log against what was asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data" / "suites").mkdir(parents=True)
        (folder / "data" / "suites" / "mvp.toml").write_bytes(SUITE.read_bytes())
        (folder / "sim.toml").write_text(PROFILE.format(slots=slots, seed=seed, wrong=0.15 + drop))
        (folder / "liftlab.toml").write_text(
            SETTINGS.format(scale=scale, profile=folder / "sim.toml")
        )
        project = load_project(folder, environ={})
        run = capacity.run_capacity(capacity.plan_capacity(project, SLO))
        found = capacity_of(run)
        truth = read_truth(run.folder.path / SERVER_LOG)
        most = max(row["under_way"] or 0 for row in truth)
        assert found is not None
        full = ", ".join(f"{one.at_once}: {one.timed.under_way:.1f}" for one in found.levels)
        print(f"  the server saw up to {most} under way; by level {full}", flush=True)
        return found


if __name__ == "__main__":
    raise SystemExit(main())
