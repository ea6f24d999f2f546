"""How surely the checks of the lift API find planted faults, and what they say of a sound server.

    python benchmarks/session_faults.py [--times 5] [--passes 5] [--all]

Each fault is looked for with the checks that are there for it, at concurrency 1 and 32; `--all`
lets all checks run on every fault (an hour): no check may then make it worse than it is.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from liftlab.sandbox import Sandbox
from tests.sessions.driver import failures, lift_checks, restart_hook, run_checks, worst
from tests.sessions.faults import FAULTS, Fault
from tests.sessions.look import HANG_S, LOOK, THINK_S
from tests.sessions.serving import serve

CONCURRENCIES = (1, 32)


def main() -> int:
    """Print what was missed and what was falsely reported; return 1 if there was any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--passes", type=int, default=5, help="over the sound server")
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    wrong = 0
    with Sandbox() as sandbox:
        for concurrency in CONCURRENCIES:
            missed = 0
            false = sum(sound(sandbox, concurrency, seed) for seed in range(given.passes))
            for seed in range(given.times):
                for fault in FAULTS:
                    ids = () if given.all else LOOK[fault.name]
                    missed += not found(sandbox, fault, ids, concurrency, seed)
            of = f"{given.times} x {len(FAULTS)}"
            print(
                f"concurrency {concurrency}: {missed} of {of} faults missed, "
                f"{false} false alarms in {given.passes} whole passes"
            )
            wrong += missed + false
    return 1 if wrong else 0


def sound(sandbox: Sandbox, concurrency: int, seed: int) -> int:
    """Return how many checks fail, or are not made, on a sound server."""
    with serve(think_s=0.01) as server:
        verdicts = asyncio.run(
            run_checks(
                server.url,
                lift_checks(),
                sandbox,
                concurrency=concurrency,
                seed=seed,
                restart_hook=restart_hook(server.url),
            )
        )
    bad = [name for name, verdict in verdicts.items() if verdict.outcome != "pass"]
    for name in bad:
        print(f"  false: {name}: {[one for one in verdicts[name].findings if not one.passed]}")
    return len(bad)


def found(
    sandbox: Sandbox, fault: Fault, ids: tuple[str, ...], concurrency: int, seed: int
) -> bool:
    """Say whether a fault is found with the severity that it deserves."""
    deadline_s = HANG_S.get(fault.name, 10.0)
    with serve(fault.name, think_s=THINK_S.get(fault.name, 0.0)) as server:
        verdicts = asyncio.run(
            run_checks(
                server.url,
                lift_checks(*ids, deadline_s=deadline_s),
                sandbox,
                concurrency=concurrency,
                seed=seed,
                restart_hook=restart_hook(server.url),
            )
        )
    severity = worst(failures(verdicts))
    if severity != fault.severity:
        print(f"  {fault.name}: {severity} in place of {fault.severity} (seed {seed})")
    return severity == fault.severity


if __name__ == "__main__":
    raise SystemExit(main())
