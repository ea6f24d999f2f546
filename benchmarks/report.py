"""Time the report of a finished run beside papermill's own command on the same notebooks.

    python benchmarks/report.py [--rounds 3] [--repeats 2]

Makes a run of 20 prompts on the simulator. Then, in turns: `liftlab report RUN`, and
`papermill` once a notebook followed by one `jupyter nbconvert` of them all. Prints wall and
processor seconds of both and the medians of their ratios; wanted: at most 0.5 and 0.7.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from liftlab.reporting.report import OWN_NOTEBOOKS

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def timed(*commands: list[str], folder: Path) -> tuple[float, float]:
    """Return the wall and the processor seconds of commands, one after the other."""
    environment = os.environ | {
        "LIFTLAB_PROJECT": str(folder),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{command[0]}: {done.stderr.decode()[-500:]}")
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print both times; 1 if liftlab took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("data", "notebooks"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("runs"))
        shutil.copy(ROOT / "liftlab.toml", folder)
        liftlab = str(BIN / "liftlab")
        run = [liftlab, "run", "--endpoint", "simulator", "--repeats", str(options.repeats)]
        timed(run, folder=folder)
        every = sorted((folder / "notebooks").glob("[0-9]*.ipynb"))
        notebooks = [path for path in every if path.stem not in OWN_NOTEBOOKS.values()]
        copies = [folder / f"executed-{path.name}" for path in notebooks]
        peers = [
            ["papermill", str(path), str(copy), "-p", "run_id", "latest", "--cwd", str(path.parent)]
            for path, copy in zip(notebooks, copies, strict=True)
        ]
        peers.append(["jupyter", "nbconvert", "--to", "html", *map(str, copies)])
        ratios = []
        for _ in range(options.rounds):
            ours, theirs = (
                timed([liftlab, "report", "latest"], folder=folder),
                timed(*peers, folder=folder),
            )
            ratios.append((ours[0] / theirs[0], ours[1] / theirs[1]))
            print(f"liftlab {ours[0]:.1f} s wall, {ours[1]:.1f} s processor;", end=" ")
            print(f"papermill {theirs[0]:.1f} s, {theirs[1]:.1f} s")
        wall, processor = (median(ratio) for ratio in zip(*ratios, strict=True))
        print(f"medians: {wall:.2f} x by wall (wanted 0.5), {processor:.2f} x by processor (0.7)")
    return int(wall > 0.5 or processor > 0.7)


if __name__ == "__main__":
    sys.exit(main())
