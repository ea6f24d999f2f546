"""What remains on a server after a run of session checks is killed at a random call and resumed.

    python benchmarks/session_kills.py [--times 20] [--calls 400] [--think 0.05]

The reference server knows what it holds; the run names what it could not delete.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sessions.kills import killed_and_resumed, moment_of


def main() -> int:
    """Print what remained after each kill; return 1 if something did that nothing names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--calls", type=int, default=400, help="the kill comes among so many")
    parser.add_argument("--think", type=float, default=0.05, help="seconds of the model")
    given = parser.parse_args()
    unnamed = needless = 0
    for seed in range(given.times):
        moment = moment_of(seed, given.calls)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "liftlab.toml").touch()
            os.chdir(folder)
            quiet = io.StringIO()
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                rest = killed_and_resumed(Path(folder), moment, think_s=given.think)
        unnamed += len(rest.unnamed)
        needless += len(rest.needless)
        print(
            f"{seed}: killed {moment.when} call {moment.call} with {rest.at_kill} sessions there: "
            f"{len(rest.unnamed)} remain unnamed, {rest.named} named, "
            f"{len(rest.needless)} of them needlessly (exit code {rest.resumed})",
            *(f"\n   {made.line}" for made in rest.needless),
            flush=True,
        )
    print(f"{given.times} kills: {unnamed} remained unnamed, {needless} named needlessly")
    return 1 if unnamed else 0


if __name__ == "__main__":
    raise SystemExit(main())
