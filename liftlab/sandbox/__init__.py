"""Containment: run or parse foreign source and tell what happened; knows nothing of suites."""

from __future__ import annotations

from liftlab.sandbox.reports import (
    Call,
    CallReport,
    Function,
    Limits,
    ParseReport,
    Raised,
    RunReport,
)
from liftlab.sandbox.sandbox import MAX_SOURCE_BYTES, Sandbox

__all__ = [
    "MAX_SOURCE_BYTES",
    "Call",
    "CallReport",
    "Function",
    "Limits",
    "ParseReport",
    "Raised",
    "RunReport",
    "Sandbox",
]
