"""Tests that come as source: made checks where they can be, else run beside the answer.

Source is parsed and run in the sandbox alone. An assert that says no more than "this call
gives that value" becomes a check, which the caller compares. Where a test says more, the whole
test runs in the process of the answer, which could in principle reach the verdict there:
`verdict_integrity` is `in-process`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from liftlab import values
from liftlab.grading.compare import is_same
from liftlab.sandbox import Call, CallReport, Limits, RunReport, Sandbox
from liftlab.sandbox.reports import raised_of, text_of
from liftlab.suite import Case, Check

_READING = Limits(cpu_s=5.0, wall_s=15.0, memory_mb=512, output_kb=64)
_FIELDS = {"max_bytes": 1024 * 1024, "max_nodes": 1024 * 1024}
_MOST_PRINTED = 1024 * 1024 - 1  # a file may have no more
_LEETCODE = "; ".join(
    [
        "import " + ", ".join(("bisect", "collections", "functools", "heapq", "itertools", "math")),
        "import operator, re, string, sys",
        *(
            f"from {module} import *"
            for module in ("typing", "collections", "functools", "itertools", "heapq", "bisect")
        ),
        "from math import *; from builtins import *",  # these last: `pow` is the usual one
    ]
)
_NAME = re.compile(r"[A-Za-z_]\w{0,99}")


def resolve(case: Case, sandbox: Sandbox) -> Case:
    """Return the case with checks made of its tests, where these are values and calls.

    A test is made checks only if the reference solution passes them; otherwise it stays source,
    and the case keeps its `program` and has no checks. Tests that are no Python are worth
    nothing: then the case has neither, and answers to it stay ungraded.
    """
    program = case.program
    if program is None or case.checks:
        return case
    if program.inputs:
        inputs = enumerate(program.inputs, 1)
        asked = tuple(Check(name=f"input_{number}", args=args) for number, args in inputs)
        answers = zip(asked, _run_reference(case, asked, sandbox), strict=True)
        checks = tuple(  # of each input for which the reference solution gives a plain value
            dataclasses.replace(check, expected=values.encode(call.value, **_FIELDS))
            for check, call in answers
            if call.ok
        )
        return dataclasses.replace(case, checks=checks, program=None)
    found = _read(program.test, sandbox)
    if found is None:
        return dataclasses.replace(case, program=None)
    name = found.get("function")
    if isinstance(name, str) and _NAME.fullmatch(name) and case.entry_point is None:
        case = dataclasses.replace(case, entry_point=name)
    checks = _from_calls(found.get("calls"))
    calls = _run_reference(case, checks, sandbox) if checks else ()
    agree = checks and all(
        call.ok and is_same(check.expected_value(), call.value)
        for check, call in zip(checks, calls, strict=True)
    )
    return dataclasses.replace(case, checks=checks, program=None) if agree else case


def with_imports(source: bytes, case: Case) -> bytes:
    """Return an answer as it is run: with the names that LeetCode gives, where it is for that."""
    if case.program is None or case.program.form != "livecodebench":
        return source
    # Not just put before it: it keeps its line numbers, and its `from __future__` at the top.
    return f"{_LEETCODE}\nexec(compile({source!r}, '<candidate>', 'exec'))\n".encode()


def calls_of(checks: Iterable[Check], name: str | None) -> list[Call]:
    """Return the calls that checks make, of the function `name`."""
    return [
        Call(function=name, args=tuple(check.args), kwargs=check.kwargs, is_encoded=True)
        for check in checks
    ]


def run_tests(source: bytes, case: Case, sandbox: Sandbox, limits: Limits) -> RunReport:
    """Run an answer and then its case's tests in one process: one call, True if none raised."""
    assert case.program is not None
    token = secrets.token_hex()
    arguments = (source, case.program.test, case.entry_point)
    call = Call(function="run_tests", args=arguments, token=token)
    report = sandbox.run(_source_of("beside.py", "kept.py"), [call], limits)
    return dataclasses.replace(report, calls=(_told(report.calls[0], token),))


def run_program(
    source: bytes, stdin: str, case: Case, sandbox: Sandbox, limits: Limits
) -> RunReport:
    """Run an answer as a program; the value of the one call is what it printed."""
    most = min(limits.output_kb * 1024, _MOST_PRINTED)
    call = Call(function="run_program", args=(source, stdin, case.entry_point, most))
    report = sandbox.run(_source_of("program_runner.py"), [call], limits)
    told = report.calls[0]
    if isinstance(told.value, dict) and "too_large" in told.value:
        too_large = f"printed more than {most} bytes"
        told = dataclasses.replace(told, ok=False, value=None, too_large=too_large)
    return dataclasses.replace(report, calls=(told,))


def _told(call: CallReport, token: str) -> CallReport:
    """Return what `beside.py` tells of the tests as the report of a call."""
    told = call.value
    if call.ok and told == token:
        return dataclasses.replace(call, value=True)
    if not call.ok:
        return call
    failed = dataclasses.replace(call, ok=False, value=None)
    if not isinstance(told, dict):
        return dataclasses.replace(failed, not_plain="forged")
    if not_plain := text_of(told.get("not_plain")):
        return dataclasses.replace(failed, not_plain=not_plain)
    known = {key: told.get(key) for key in ("name", "message", "bases", "line")}
    return dataclasses.replace(failed, raised=raised_of(known))


@functools.cache
def _source_of(*names: str) -> bytes:
    return b"\n\n".join((Path(__file__).parent / name).read_bytes() for name in names)


def _read(test: str, sandbox: Sandbox) -> dict[str, Any] | None:
    """Return what tests say: nothing where that can't be told, None if they do not parse."""
    call = Call(function="read_tests", args=(test,))
    [report] = sandbox.run(_source_of("literals.py"), [call], _READING).calls
    if report.raised is not None and "SyntaxError" in report.raised.bases:
        return None
    return report.value if report.ok and isinstance(report.value, dict) else {}


def _from_calls(calls: Any) -> tuple[Check, ...]:
    """Make checks of what the reader found; nothing of a form that it could not have given."""
    if not isinstance(calls, list):
        return ()
    return tuple(
        Check(
            name=f"assert_{number}",
            args=tuple(values.encode(arguments, **_FIELDS)),
            kwargs={name: values.encode(value, **_FIELDS) for name, value in named.items()},
            expected=values.encode(expected, **_FIELDS),
        )
        for number, (arguments, named, expected) in enumerate(calls, 1)
    )


def _run_reference(
    case: Case, checks: tuple[Check, ...], sandbox: Sandbox
) -> tuple[CallReport, ...]:
    assert case.program is not None
    reference = case.program.reference.encode("utf-8", "surrogatepass")
    return sandbox.run(reference, calls_of(checks, case.entry_point), _READING).calls
