"""Suites: cases with a prompt and the checks that say whether the answer is right.

A suite is a TOML file, or JSON Lines with one case a line; docs/suites.md shows both, and
which benchmarks' own files can be read.
Values are kept as JSON with tags (`values.py`) and made anew for every use, so that a
function that changes its arguments can't spoil the next check.
"""

from __future__ import annotations

from liftlab.suite.core import Case, Check, Limits, Suite, load, parse, select, to_jsonl
from liftlab.suite.formats import Program

__all__ = ["Case", "Check", "Limits", "Program", "Suite", "load", "parse", "select", "to_jsonl"]
