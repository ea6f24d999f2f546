"""Time the import of old result files, and of one that is huge.

    python benchmarks/imports.py [--files 50] [--results 20] [--megabytes 50]

Mixed files of all families, without grading; the time is that after start-up. Then one file of the
given size: seconds, and the process's peak memory. Printed with what was asked for (50 files
within 2 s).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from liftlab.jobs.exchanging import import_files
from liftlab.settings import load_project

SAMPLES = Path(__file__).parents[1] / "tests" / "importers" / "files"
LIMIT_S = 2.0


def longer(content: dict[str, Any], results: int, number: int) -> dict[str, Any]:
    """Return a file's content with its results repeated, no two of them alike."""
    rows = []
    for n in range(results):
        row = dict(content["results"][n % len(content["results"])])
        key = "latency_ms" if "latency_ms" in row else "total_latency_ms"
        rows.append(row | {key: row[key] + n + number / 100})
    return content | {"results": rows}


def timed(folder: Path, named: list[Path]) -> float:
    """Return the seconds that importing files into an empty project takes."""
    project = load_project(folder, environ={})
    began = time.perf_counter()
    told = list(import_files(project, [str(path) for path in named], regrade=False))
    elapsed = time.perf_counter() - began
    if any(each.status != "imported" for each in told):
        raise SystemExit(f"not all files went in: {[e.reason for e in told if e.reason]}")
    return elapsed


def main() -> int:
    """Print both times; 1 if the mixed files took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--results", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=50)
    options = parser.parse_args()
    samples = [json.loads(path.read_text()) for path in sorted(SAMPLES.glob("*.json"))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "liftlab.toml").write_text("")
        mixed = folder / "mixed"
        mixed.mkdir()
        for n in range(options.files):
            content = longer(samples[n % len(samples)], options.results, n)
            (mixed / f"{n}.json").write_text(json.dumps(content))
        seconds = timed(folder, [mixed])
        print(f"{options.files} files × {options.results} results: {seconds:.2f} s ({LIMIT_S} s)")
        size = len(json.dumps(samples[0])) / len(samples[0]["results"])
        huge = folder / "huge.json"
        count = int(options.megabytes * 1e6 / size)
        huge.write_text(json.dumps(longer(samples[0], count, 0)))
        elapsed = timed(folder, [huge])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        megabytes = huge.stat().st_size / 1e6
        print(f"{megabytes:.0f} MB, {count:,} results: {elapsed:.1f} s, peak {peak:,.0f} MB")
    return int(seconds > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
