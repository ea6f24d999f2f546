"""A few seeded kills of the benchmark that makes two hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KILLS = Path(__file__).parents[1] / "benchmarks" / "kills.py"


def test_runs_killed_at_random_lose_nothing_and_double_nothing() -> None:
    command = [sys.executable, str(KILLS), "--kills", "2", "--seed", "3"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 kills at concurrency 16" in ended.stdout
    assert "0 faults" in ended.stdout
