"""What went wrong, in one word from a closed list and a few facets; docs/failure-classes.md.

A trial has one primary class: the earliest in the order of `records.FailureClass` among all
that apply. Facets say where and what exactly: `stage` (response, parse, load, call, compare,
limit, or the pipeline's stage), `sub_kind`, `exception`, `line`, `message`.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from liftlab.records import ErrorClass, FailureClass
from liftlab.sandbox import Function, ParseReport, Raised, RunReport
from liftlab.sandbox.protocol import EXIT_MEMORY
from liftlab.words import one_line

PRECEDENCE: tuple[FailureClass, ...] = get_args(FailureClass)
_EXPECTED_BLOCK = re.compile(r"expected an indented block after (?:the )?'?(\w+)'?( definition)?")
_BY_EXCEPTION: tuple[tuple[str, FailureClass], ...] = (
    ("ImportError", "import_error"),
    ("MemoryError", "memory"),
    ("NameError", "name_error"),
    ("TypeError", "type_error"),
)
_REFUSED = re.compile(r"\[Errno (1|13)\]")  # EPERM and EACCES: how the sandbox says no
_NO_MEMORY = re.compile(r"\[Errno 12\]")  # ENOMEM, from calls that ask the system for memory
_SECCOMP = "seccomp"  # with it, nothing can send itself a signal of its choice
_NO_THREAD = "can't start new thread"  # for want of room for its stack
# What a message says, and the kind of fault that it is; the first counts.
_KINDS_OF_END = (
    ("was never closed", "bracket"),
    ("unterminated", "string"),
    ("block", "block"),
    ("", "statement"),
)
_INDENTATION_KINDS = (
    ("unexpected indent", "unexpected"),
    ("unindent", "dedent"),
    ("tabs", "tabs"),
    ("too many", "too_deep"),
    ("", "unknown"),
)
_SYNTAX_KINDS = (
    ("was never closed", "unclosed_bracket"),
    ("unmatched", "unmatched_bracket"),
    ("does not match opening", "unmatched_bracket"),
    ("unterminated", "unterminated_string"),
    ("outside", "outside_function"),
    ("expected ':'", "missing_colon"),
    ("too many", "too_deep"),
    ("null byte", "encoding"),
    ("codec can't decode", "encoding"),
    ("encoding problem", "encoding"),
)
_NOT_THERE = re.compile(
    r"No module named '(?P<module>[\w.]+)'"
    r"|cannot import name '(?P<name>\w+)' from '(?P<of>[\w.]+)'"
    r"|module '(?P<owner>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
)
_MISSED = ("ModuleNotFoundError", "ImportError", "AttributeError")
_NEWER_NAMES = {
    (3, 12): ("itertools.batched", "typing.override", "typing.TypeAliasType", "math.sumprod"),
    (3, 13): ("copy.replace", "warnings.deprecated", "typing.TypeIs", "typing.ReadOnly"),
    (3, 14): ("annotationlib", "compression", "string.templatelib", "concurrent.interpreters"),
}
_MODEL_REASONS = {"length", "invalid_json", "schema_mismatch"}
_IR_STAGE = "nlp_to_ir"


@dataclass(frozen=True, slots=True)
class Finding:
    """A failure class and its facets."""

    failure_class: FailureClass
    facets: dict[str, Any] = field(default_factory=dict)


def first(findings: Iterable[Finding]) -> Finding | None:
    """Return the finding whose class comes first in the order, None if there is none."""
    return min(findings, key=lambda item: PRECEDENCE.index(item.failure_class), default=None)


def of_source(report: ParseReport, *, fenced: bool = False) -> Finding | None:
    """Judge source by what the sandbox learned without running it; None if it can run.

    `fenced` says that it still has lines that open or close a Markdown block.
    """
    unparsed = not report.parsed
    if report.needs_python:
        return _of_parse_fault(report)
    rules: tuple[tuple[bool, FailureClass, str | None], ...] = (
        (report.json == "error", "endpoint_error", "error_body"),
        (report.gateway_page, "endpoint_error", "gateway_page"),
        (report.empty, "empty_output", None),
        (report.kind == "TooLong", "output", "source"),
        (unparsed and fenced, "markdown_fence", None),
        (report.json == "value", "not_python", "json"),
        (unparsed and report.foreign, "not_python", "other_language"),
        (unparsed and not report.pythonic, "not_python", "prose"),
    )
    for applies, failure_class, kind in rules:
        if applies:
            facets = _facets("response", kind, line=report.line, message=report.message)
            return Finding(failure_class, facets)
    return _of_parse_fault(report) if unparsed else None


def of_parse_message(message: str) -> Finding:
    """Judge source that is lost by the parser's message, which is all that is left of it."""
    indentation = "indent" in message or "inconsistent use of tabs" in message
    kind = "IndentationError" if indentation else "SyntaxError"
    return _of_parse_fault(ParseReport(parsed=False, kind=kind, message=message))


def of_run(report: RunReport) -> Finding | None:
    """Judge how a run ended, apart from what its calls gave; None if it ended well."""
    stage = "parse" if report.parse is None else "call" if report.loaded else "load"
    if report.ended_by in ("cpu", "wall"):
        return Finding("timeout", _facets("limit", report.ended_by, at=stage))
    if report.ended_by in ("output", "result", "disk"):
        return Finding("output", _facets("limit", report.ended_by, at=stage))
    if report.load_error is not None:
        return of_exception(report.load_error, "load")
    return None if report.finished else _of_death(report, stage)


def of_exception(raised: Raised, stage: str) -> Finding:
    """Judge an exception that the candidate's code let out, while loading or in a call."""
    facets = _facets(stage, None, exception=raised.name, line=raised.line, message=raised.message)
    if raised.own_call:
        return Finding("signature_mismatch", facets)
    if "PermissionError" in raised.bases and _REFUSED.match(raised.message):
        return Finding("blocked", facets)
    if "OSError" in raised.bases and _NO_MEMORY.match(raised.message):
        return Finding("memory", facets)
    if raised.name == "RuntimeError" and raised.message == _NO_THREAD:
        return Finding("memory", facets)
    for base, failure_class in _BY_EXCEPTION:
        if base in raised.bases:
            return Finding(failure_class, facets | _not_installed(raised))
    return Finding("runtime_error", facets)


def with_needs(finding: Finding, version: tuple[int, int]) -> Finding:
    """Add the facet `needs_python` where a newer Python than `version` has what was not there."""
    missing = _NOT_THERE.search(finding.facets.get("message", ""))
    if missing is None or finding.facets.get("exception") not in _MISSED:
        return finding
    whole = ".".join(filter(None, missing.group("module", "of", "owner", "name", "attribute")))
    for newer, names in _NEWER_NAMES.items():
        if newer > version and whole in names:
            needs = ".".join(map(str, newer))
            return Finding(finding.failure_class, finding.facets | {"needs_python": needs})
    return finding


def of_missing(wanted: Iterable[str], functions: tuple[Function, ...]) -> Finding:
    """Judge source that does not define the function to call: one of `wanted`, or its only one."""
    names = list(wanted)
    # One that has the name and was not found has been deleted, or is something else by now.
    found = [item.name for item in functions if item.name not in names]
    message = f"wanted {' or '.join(names) or 'one function'}, found {', '.join(found) or 'none'}"
    if names and found:
        return Finding("wrong_function_name", _facets("load", None, message=message[:300]))
    kind = "several" if found else None
    return Finding("missing_function", _facets("load", kind, message=message[:300]))


def of_missing_return(function: Function) -> Finding:
    """Judge a function that gave None every time because nothing in it returns a value."""
    kind = "print" if function.prints else function.ends_with
    return Finding("missing_return", _facets("compare", kind, line=function.line))


def of_stage_failure(
    stage: str, reason: str, message: str | None = None, *, no_answer: bool = False
) -> Finding:
    """Judge a trial that never came to code, by what its failed stage recorded.

    `reason` is its `error_class`: one of `records.ErrorClass`, or why a reply was refused. With
    `no_answer`, the last reply was whole and held nothing of a model's.
    """
    facets = _facets(stage, reason, message=message)
    if no_answer:
        return Finding("endpoint_error", facets)
    if reason == "length":
        return Finding("truncated", facets)
    if reason == "does_not_parse":
        finding = of_parse_message(message or "")
        return Finding(finding.failure_class, finding.facets | {"stage": stage})
    if reason in get_args(ErrorClass) and reason not in _MODEL_REASONS:
        return Finding("endpoint_error", facets)
    if reason in PRECEDENCE and reason != "invalid_ir":
        return Finding(reason, _facets(stage, None, message=message))
    return Finding("invalid_ir" if stage == _IR_STAGE else "invalid_reply", facets)


def _not_installed(raised: Raised) -> dict[str, str]:
    """Return the facet `not_installed`: the package that an import did not find."""
    missing = _NOT_THERE.match(raised.message) if raised.name == "ModuleNotFoundError" else None
    package = ((missing and missing["module"]) or "").partition(".")[0]
    return {"not_installed": package} if package not in {"", *sys.stdlib_module_names} else {}


def _of_death(report: RunReport, stage: str) -> Finding:
    # A status or a signal that foreign code can choose says how it left, and no more.
    chosen_status, chosen_signal = report.begun, report.begun and _SECCOMP not in report.confined
    if (report.exit_code == EXIT_MEMORY and not chosen_status) or (
        report.signal == signal.SIGKILL and not chosen_signal
    ):
        return Finding("memory", _facets("limit", "killed", at=stage))
    if report.signal == signal.SIGSYS and not chosen_signal:
        return Finding("blocked", _facets("limit", "system_call", at=stage))
    if report.signal is not None:
        known = {item.value: item.name for item in signal.Signals}
        name = known.get(report.signal, f"signal {report.signal}")
        return Finding("crash", _facets(stage, name))
    if report.exit_code is None:
        return Finding("crash", _facets(stage, "worker_lost"))
    return Finding("crash", _facets(stage, "exit", message=f"exit status {report.exit_code}"))


def _of_parse_fault(report: ParseReport) -> Finding:
    message = report.message or ""
    facets = _facets("parse", None, exception=report.kind, line=report.line, message=message)
    if report.needs_python:
        return Finding("syntax_error", facets | {"needs_python": report.needs_python})
    if report.at_end:
        return Finding("truncated", facets | {"sub_kind": _kind(_KINDS_OF_END, message)})
    if report.kind in ("IndentationError", "TabError"):
        after = _EXPECTED_BLOCK.search(message)
        word = after and ("def" if after[1] == "function" else after[1])
        kind = f"after_{word}" if word else _kind(_INDENTATION_KINDS, message)
        return Finding("indentation_error", facets | {"sub_kind": kind})
    kind = _kind(_SYNTAX_KINDS, message)
    if report.kind in ("MemoryError", "RecursionError"):
        kind = "too_deep"
    return Finding("syntax_error", facets | ({"sub_kind": kind} if kind else {}))


def _kind(kinds: Iterable[tuple[str, str]], message: str) -> str | None:
    return next((kind for text, kind in kinds if text in message), None)


def _facets(stage: str, sub_kind: str | None, **more: Any) -> dict[str, Any]:
    facets = {"stage": stage, "sub_kind": sub_kind, **more}
    return {
        name: one_line(value) if isinstance(value, str) else value
        for name, value in facets.items()
        if value not in (None, "")
    }
