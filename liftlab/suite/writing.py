"""Cases as JSON Lines, one a line, for a suite that is put together from others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from liftlab.suite.core import Case, Check


def to_jsonl(cases: Iterable[Case]) -> bytes:
    """Write cases so that reading them gives the same ones.

    Examples
    --------
    >>> check = Check(name="only", args=(), expected=1)
    >>> line = to_jsonl([Case(case_id="one", prompt="Return 1.", checks=(check,))])
    >>> json.loads(line)["checks"]
    [{'name': 'only', 'args': [], 'kwargs': {}, 'expected': 1}]
    """
    return b"".join(json.dumps(_case(case)).encode() + b"\n" for case in cases)


def to_json(cases: Iterable[Case], **head: Any) -> bytes:
    """Write a whole suite; `head` is what it says beside its cases, such as its name."""
    return json.dumps(head | {"cases": list(map(_case, cases))}).encode()


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
    return {
        "name": check.name,
        "args": list(check.args),
        "kwargs": dict(check.kwargs),
        **outcome,
    }
