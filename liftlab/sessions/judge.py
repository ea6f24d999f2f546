"""Judge the exchanges of a check: a pure function of what was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from liftlab.sessions.checks import Checks
from liftlab.sessions.compare import holds, wanted
from liftlab.sessions.model import SEVERITIES, CallModel, CheckModel, Severity, StepModel, ThatModel
from liftlab.sessions.paths import MISSING, look_up
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.template import fill_text
from liftlab.values import show

Kind = Literal[
    "hang", "no_reply", "status", "accepted", "shape", "value", "slow", "all", "code", "script"
]  # fmt: skip
# What these say depends on what the check was after: of two severities they are two causes.
APART: frozenset[Kind] = frozenset({"accepted", "value", "all", "code"})
Replies = Callable[[Exchange], bytes]

_SHOWN = 300
_MOST_SHAPE_FAULTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation and what came of it.

    `cause` names the root cause that a failure is counted under: the call and the kind of
    deviation, not the check that saw it.
    """

    at: str
    call: str
    kind: Kind
    passed: bool
    expected: str
    actual: str
    severity: Severity
    cause: str = ""


class Judge:
    """Judges the exchanges of one check."""

    def __init__(self, checks: Checks, check: CheckModel) -> None:
        self.checks, self.check = checks, check
        self._validators: dict[str, Draft202012Validator] = {}

    def record(self, record: Record, replies: Replies) -> list[Finding]:
        """Return all findings of a check that was made, in its order."""
        findings = []
        for exchange in record.exchanges:
            if exchange.judged:
                findings += self.exchange(exchange, replies(exchange))
        for at in record.overs:
            findings += self.over(at, record.exchanges, replies)
        if record.fault:
            findings.append(self._script_fault(record))
        return findings

    def exchange(self, exchange: Exchange, body: bytes) -> list[Finding]:
        """Judge one exchange by its step: its status first, and what it says only where that holds.

        A reply that did not come is one finding, whatever else was expected of it.
        """
        step, call = self.step_at(exchange.at), self.checks.api.calls[exchange.call]
        judged = _Judged(self, step, call, exchange, body)
        if exchange.status is None:
            return [judged.without_reply()]
        status = judged.status()
        if not status.passed:
            return [status]
        return [status, *judged.content()]

    def over(self, at: str, exchanges: Sequence[Exchange], replies: Replies) -> list[Finding]:
        """Judge the replies of a step that was sent more than once."""
        step = self.step_at(at)
        exchanges = [one for one in exchanges if one.judged and _is_within(one.at, at)]
        good = [one for one in exchanges if self._succeeded(one)]
        name = exchanges[0].call if exchanges else step.call or "script"
        findings = []

        def found(what: str, passed: bool, expected: str, actual: str) -> None:
            severity = step.severity or self.check.severity
            cause = f"{name}: {what}"
            findings.append(
                Finding(
                    at=at,
                    call=name,
                    kind="all",
                    passed=passed,
                    expected=expected,
                    actual=actual,
                    severity=severity,
                    cause=cause,
                )
            )

        if step.all.succeed is not None:
            bounds = step.all.succeed
            least, most = bounds if isinstance(bounds, list) else (bounds, bounds)
            text = f"{least}" if least == most else f"{least} to {most}"
            expected = f"{text} of {len(exchanges)} calls succeed"
            found("how many succeed", least <= len(good) <= most, expected, f"{len(good)} succeed")
        for path, differ in ((step.all.distinct, True), (step.all.same, False)):
            if path is None:
                continue
            values = [at_path(path, one, replies(one)) for one in good]
            different = len({json.dumps(v, sort_keys=True, default=repr) for v in values})
            passed = different == (len(values) if differ else min(1, len(values)))
            said = f"all {path} are {'different' if differ else 'the same'}"
            actual = f"{different} different among {len(values)}"
            found(said, passed and MISSING not in values, said, actual)
        return findings

    def step_at(self, at: str) -> StepModel:
        """Return the step that a place in the script names."""
        steps: Sequence[StepModel] = self.check.step
        step = None
        for part in at.split("."):
            name = part.partition("#")[0]
            if name.startswith("l"):
                assert step is not None
                steps = step.lanes[int(name[1:]) - 1]
                continue
            if step is not None and step.steps:
                steps = step.steps
            step = steps[int(name) - 1]
        assert step is not None
        return step

    def validator(self, schema: Any) -> Draft202012Validator:
        """Return what holds a reply to a schema of the file, or to one of a step's own."""
        key = schema if isinstance(schema, str) else json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            named = {"$ref": schema} if isinstance(schema, str) else schema
            whole = _referring({"$defs": self.checks.schemas, **named})
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]

    def _succeeded(self, exchange: Exchange) -> bool:
        return fits(exchange.status, self.checks.api.calls[exchange.call].ok)

    def _script_fault(self, record: Record) -> Finding:
        last = record.exchanges[-1] if record.exchanges else None
        call = last.call if last else "script"
        severity = _at_most(self.check.severity, "major")
        return Finding(
            at=last.at if last else "1", call=call, kind="script", passed=False,
            expected="the script goes on", actual=record.fault or "", severity=severity,
            cause=f"{call}: {record.fault}",
        )  # fmt: skip


class _Judged:
    """One exchange and what its step expects."""

    def __init__(
        self, judge: Judge, step: StepModel, call: CallModel, exchange: Exchange, body: bytes
    ) -> None:
        self._judge, self._step = judge, step
        self._checks, self._check = judge.checks, judge.check
        self._call, self._exchange, self._body = call, exchange, body
        self._allowed = step.expect.status or call.ok
        self._given = judge.checks.values | dict(exchange.given)

    def without_reply(self) -> Finding:
        one = self._exchange
        hangs = one.error_class == "deadline"
        rule: Severity = "critical" if hangs else _at_most(self._check.severity, "major")
        said = one.message or one.error_class or "no reply"
        kind: Kind = "hang" if hangs else "no_reply"
        return self._finding(
            kind, False, "a reply", said, "hangs" if hangs else "has no reply", rule
        )

    def status(self) -> Finding:
        status, allowed = self._exchange.status or 0, self._allowed
        passed = fits(status, allowed)
        expected = f"status {' or '.join(allowed)}"
        to_succeed = any(one.startswith("2") for one in allowed)
        rule = self._check.severity
        kind: Kind = "status"
        match status // 100:
            case 5 if to_succeed:
                cause = f"fails with {status}"
            case 5:
                cause = f"answers a bad request with {status}"
            case 4 if to_succeed:
                cause = f"is refused with {status}"
            case 2 if not to_succeed:
                cause, kind = "is accepted and must not be", "accepted"
            case _:
                cause = f"answers {status} in place of {' or '.join(allowed)}"
        if to_succeed and status >= 400:
            rule = _at_most(rule, "major")
        return self._finding(kind, passed, expected, f"status {status}", cause, rule)

    def content(self) -> Iterator[Finding]:
        """Judge what a reply says whose status is as expected."""
        one, expect = self._exchange, self._step.expect
        if expect.within_s is not None and one.elapsed_s is not None:
            passed, said = one.elapsed_s <= expect.within_s, f"{one.elapsed_s:.3g} s"
            yield self._finding("slow", passed, f"within {expect.within_s:g} s", said, "is slow")
        shapes = [*self._shapes()]
        yield from shapes
        if not all(finding.passed for finding in shapes):
            return  # of a reply of another shape, its values say nothing more
        for name, path in self._step.save.items():
            if at_path(fill_text(path, self._given), one, self._body) is MISSING:
                cause = f"lacks {path}"
                yield self._finding("shape", False, f"{path} (for {name})", "nothing", cause)
        for that in expect.that:
            value = at_path(fill_text(that.at, self._given), one, self._body)
            target = wanted(that, self._given)
            shown = f"{that.at or 'the reply'} {that.operator} {show(target, _SHOWN)}"
            passed, cause = holds(that, value, target), _cause_of(that)
            finding = self._finding("value", passed, shown, _shown(value), cause)
            # A field that is wrong in one call and in another is wrong for one reason.
            own = that.operator in _LISTED
            yield finding if own or passed else replace(finding, cause=cause)

    def _shapes(self) -> Iterator[Finding]:
        one, expect = self._exchange, self._step.expect
        if expect.error:
            yield from self._shape(self._checks.api.error, "an error's reply")
        if fits(one.status, self._call.ok):
            schema = self._call.reply if expect.reply is None else expect.reply
            if schema not in (None, {}):
                yield from self._shape(schema, f"the reply of {one.call}")

    def _shape(self, schema: Any, what: str) -> Iterator[Finding]:
        try:
            data = _parsed(self._body)
        except ValueError as error:
            yield self._finding("shape", False, f"{what} is JSON", str(error), f"{what}: not JSON")
            return
        faults = sorted(self._judge.validator(schema).iter_errors(data), key=_place)
        if not faults:
            yield self._finding("shape", True, f"{what} fits its schema", "it does", "")
        # The same field, broken in the same way, is one cause, whichever calls show it; a reply
        # that lacks most of what it is to have is another reply, and one cause of its call.
        other = f"{self._exchange.call}: answers something else"
        for fault in faults[: 1 if len(faults) > _MOST_SHAPE_FAULTS else None]:
            actual = f"{fault.json_path}: {fault.message}"[:_SHOWN]
            finding = self._finding("shape", False, f"{what} fits its schema", actual, "")
            many = len(faults) > _MOST_SHAPE_FAULTS
            yield replace(finding, cause=other if many else _cause_of_shape(fault))

    def _finding(
        self,
        kind: Kind,
        passed: bool,
        expected: str,
        actual: str,
        cause: str,
        rule: Severity | None = None,
    ) -> Finding:
        if kind == "shape":
            rule = _at_most(self._check.severity, "major")
        return Finding(
            at=self._exchange.at, call=self._exchange.call, kind=kind, passed=passed,
            expected=expected, actual=actual,
            severity=self._step.severity or rule or self._check.severity,
            cause="" if passed else f"{self._exchange.call}: {cause}",
        )  # fmt: skip


_LISTED = ("contains", "contains_all", "excludes")


def _cause_of(that: ThatModel) -> str:
    """Return what is wrong where a comparison does not hold, in words."""
    what = {"": "the reply", "@text": "the reply", "@status": "the status"}.get(that.at, that.at)
    if that.operator == "excludes":
        return f"{what} has what it must not have"
    if that.operator in _LISTED:
        return f"{what} lacks what must be there"
    return f"{what} is wrong"


def at_path(path: str, exchange: Exchange, body: bytes) -> Any:
    """Return what stands at a path of a reply, or of what came with it."""
    match path.partition("."):
        case ("@status", _, _):
            return exchange.status
        case ("@elapsed_s", _, _):
            return exchange.elapsed_s
        case ("@text", _, _):
            return body.decode("utf-8", "replace")
        case ("@header", _, name):
            return exchange.headers.get(name.lower(), MISSING)
    try:
        return look_up(_parsed(body), path)
    except ValueError:
        return MISSING


def _parsed(body: bytes) -> Any:
    """Return a reply's JSON; raise ValueError where it is none."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        said = show(body[:200].decode("utf-8", "replace"), 120)
        raise ValueError(f"{said} ({type(error).__name__})") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def fits(status: int | None, allowed: Sequence[str]) -> bool:
    """Say whether a status is one of those allowed."""
    return any(str(status) == one or one == f"{(status or 0) // 100}xx" for one in allowed)


def _at_most(severity: Severity, limit: Severity) -> Severity:
    return max(severity, limit, key=SEVERITIES.index)


def _is_within(at: str, over: str) -> bool:
    return at == over or at.startswith((f"{over}#", f"{over}."))


def _referring(schema: Any) -> Any:
    """Return a schema whose references to others by name are JSON pointers."""
    if isinstance(schema, list):
        return [_referring(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/$defs/{value}" if key == "$ref" and isinstance(value, str) else _referring(value)
        for key, value in schema.items()
    }


def _place(fault: ValidationError) -> tuple[str, str]:
    return fault.json_path, fault.message


def _cause_of_shape(fault: ValidationError) -> str:
    """Return what is wrong with the shape of a reply: which field, and how."""
    missing = re.match(r"'([^']{1,80})' is a required", fault.message)
    if fault.validator == "required" and missing:
        return f"{missing[1]} is missing in replies"
    names = [part for part in fault.absolute_path if isinstance(part, str)]
    field = str(names[-1])[:80] if names else "a reply"
    how = "is of another type" if fault.validator == "type" else "is not as its schema says"
    return f"{field} {how}"


def _shown(value: Any) -> str:
    return "nothing" if value is MISSING else show(value, _SHOWN)
