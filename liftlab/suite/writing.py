"""A suite that is put together from others: cases as JSON Lines, and several suites as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from liftlab.errors import UsageError
from liftlab.suite.core import JOINED, Case, Check, Suite, parse


def to_jsonl(cases: Iterable[Case]) -> bytes:
    """Write cases so that reading them gives the same ones."""
    return b"".join(json.dumps(_case(case)).encode() + b"\n" for case in cases)


def join(suites: Sequence[Suite]) -> Suite:
    """Return one suite with the cases and packages of all; a case that two have is taken once.

    Raises UsageError if two suites have different cases of one id.
    """
    found: dict[str, tuple[Suite, Case]] = {}
    for suite in suites:
        for case in suite.cases:
            other, known = found.setdefault(case.case_id, (suite, case))
            if known != case:
                raise UsageError(
                    f"{other.name} and {suite.name} have different cases named {case.case_id!r}: "
                    "rename one, or run the suites one after the other"
                )
    name = JOINED.join(suite.name for suite in suites)
    whole = {
        "name": name[:100].strip(),
        "packages": list(dict.fromkeys(package for suite in suites for package in suite.packages)),
        "cases": [_case(case) for _, case in found.values()],
    }
    return parse(json.dumps(whole).encode(), Path(f"{name}.json"))


def _case(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "prompt": case.prompt,
        "category": case.category,
        "difficulty": case.difficulty,
        "entry_point": case.entry_point,
        "checks": [_check(check) for check in case.checks],
        "limits": asdict(case.limits),
        **({"signature": case.signature} if case.signature else {}),
        **({"program": asdict(case.program)} if case.program else {}),
    }


def _check(check: Check) -> dict[str, Any]:
    if check.stdout is not None:
        return {"name": check.name, "stdin": check.stdin, "stdout": check.stdout}
    outcome = {"expected": check.expected} if check.raises is None else {"raises": check.raises}
    return {"name": check.name, "args": list(check.args), "kwargs": dict(check.kwargs), **outcome}
