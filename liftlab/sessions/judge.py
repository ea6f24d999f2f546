"""Judge the exchanges of a check: a pure function of what was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from liftlab.sessions.checks import Checks
from liftlab.sessions.model import SEVERITIES, CheckModel, Severity, StepModel, ThatModel
from liftlab.sessions.record import Exchange, Record
from liftlab.sessions.replies import MISSING, at_path, fits, holds, parsed
from liftlab.sessions.template import fill, fill_text
from liftlab.values import show

# What these say depends on what the check was after: of two severities they are two causes.
APART = frozenset({"accepted", "value", "all", "code"})
_NOT_THE_POINT = ("no_reply", "shape", "script")  # of any check: at most major
Replies = Callable[[Exchange], bytes]

_SHOWN = 300
_MOST_SHAPE_FAULTS = 2
_LISTED = ("contains", "contains_all", "excludes")
_SAID = {
    "equals": "is",
    "differs": "is not",
    "contains": "contains",
    "contains_all": "contains all of",
    "excludes": "does not contain",
    "at_least": "is at least",
    "fits": "fits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation and what came of it."""

    at: str
    call: str
    kind: str  # hang, no_reply, status, accepted, shape, value, slow, all, code, script
    passed: bool
    expected: str
    actual: str
    severity: Severity
    cause: str = ""  # what a failure is counted under, whichever check saw it


class Judge:
    """Judges the exchanges of one check."""

    def __init__(self, checks: Checks, check: CheckModel) -> None:
        self._checks, self._check = checks, check
        schemas = checks.schemas.items()
        known = [(name, DRAFT202012.create_resource(schema)) for name, schema in schemas]
        self._registry: Registry[Any] = Registry().with_resources(known)

    def record(self, record: Record, replies: Replies) -> list[Finding]:
        """Return all findings of a check that was made, in its order."""
        findings = []
        for exchange in record.exchanges:
            if exchange.judged:
                findings += self.exchange(exchange, replies(exchange))
        for at in record.overs:
            findings += self.over(at, record.exchanges, replies)
        if record.fault:
            last = record.exchanges[-1] if record.exchanges else None
            place = (last.at, last.call) if last else ("1", "script")
            what = "the script goes on", record.fault, record.fault
            findings.append(self.found(place, "script", False, what))
        return findings

    def exchange(self, one: Exchange, body: bytes) -> list[Finding]:
        """Judge one exchange by its step: its status, and what it says only where that holds."""
        if one.status is None:
            said = one.message or one.error_class or "no reply"
            kind = "hang" if one.error_class == "deadline" else "no_reply"
            cause = "hangs" if kind == "hang" else "has no reply"
            return [self.found((one.at, one.call), kind, False, ("a reply", said, cause))]
        status = self._status(one, one.status)
        return [status, *self._content(one, body)] if status.passed else [status]

    def over(self, at: str, exchanges: Sequence[Exchange], replies: Replies) -> list[Finding]:
        """Judge the replies of a step that was sent more than once."""
        step, findings = self.step_at(at), []
        within = (f"{at}#", f"{at}.")
        exchanges = [
            one for one in exchanges if one.judged and (one.at == at or one.at.startswith(within))
        ]
        good = [one for one in exchanges if fits(one.status, self._checks.api.calls[one.call].ok)]
        place = at, exchanges[0].call if exchanges else "script"
        if step.all.succeed is not None:
            expected = f"{step.all.succeed} of {len(exchanges)} calls succeed"
            what = expected, f"{len(good)} succeed", "too many or too few calls succeed"
            findings.append(self.found(place, "all", len(good) == step.all.succeed, what))
        for path, word, cause in (
            (step.all.distinct, "different", "is the same in several replies"),
            (step.all.same, "the same", "differs between replies"),
        ):
            if path is None:
                continue
            values = [at_path(path, one, replies(one)) for one in good]
            different = len({json.dumps(v, sort_keys=True, default=repr) for v in values})
            wanted = len(values) if word == "different" else min(1, len(values))
            said = f"{different} different among {len(values)}"
            what = f"all {path} are {word}", said, f"{path} {cause}"
            passed = different == wanted and MISSING not in values
            findings.append(self.found(place, "all", passed, what))
        return findings

    def step_at(self, at: str) -> StepModel:
        """Return the step that a place in the script names."""
        steps: Sequence[StepModel] = self._check.step
        step = steps[0]
        for part in at.split("."):
            name = part.partition("#")[0]
            if name.startswith("l"):
                steps = step.lanes[int(name[1:]) - 1]
            else:
                step = steps[int(name) - 1]
                steps = step.steps
        return step

    def found(
        self,
        place: tuple[str, str],
        kind: str,
        passed: bool,
        what: tuple[str, str, str],
        *,
        limit: Severity | None = None,
        own: bool = True,
    ) -> Finding:
        """Return a finding: what was expected, what came, the cause; `own` to that call or not."""
        if limit is None:
            limit = "major" if kind in _NOT_THE_POINT else "critical"
        rule = max(self._check.severity, limit, key=SEVERITIES.index)
        expected, actual, cause = what
        return Finding(
            at=place[0],
            call=place[1],
            kind=kind,
            passed=passed,
            expected=expected,
            actual=actual,
            severity=self.step_at(place[0]).severity or ("critical" if kind == "hang" else rule),
            cause="" if passed else f"{place[1]}: {cause}" if own else cause,
        )

    def _status(self, one: Exchange, status: int) -> Finding:
        allowed = self.step_at(one.at).expect.status or self._checks.api.calls[one.call].ok
        to_succeed = any(each.startswith("2") for each in allowed)
        kind = "status"
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
        what = f"status {' or '.join(allowed)}", f"status {status}", cause
        limit: Severity = "major" if to_succeed and status >= 400 else "critical"
        return self.found((one.at, one.call), kind, fits(status, allowed), what, limit=limit)

    def _content(self, one: Exchange, body: bytes) -> Iterator[Finding]:
        """Judge what a reply says whose status is as expected."""
        step, place = self.step_at(one.at), (one.at, one.call)
        expect, call = step.expect, self._checks.api.calls[one.call]
        given = self._checks.values | dict(one.given)
        if expect.within_s is not None and one.elapsed_s is not None:
            what = f"within {expect.within_s:g} s", f"{one.elapsed_s:.3g} s", "is slow"
            yield self.found(place, "slow", one.elapsed_s <= expect.within_s, what)
        shapes: list[Finding] = []
        if expect.error:
            shapes += self._shape(place, body, self._checks.api.error, "an error's reply")
        schema = call.reply if expect.reply is None else expect.reply
        if schema and fits(one.status, call.ok):
            shapes += self._shape(place, body, schema, f"the reply of {one.call}")
        yield from shapes
        if not all(finding.passed for finding in shapes):
            return  # of a reply of another shape, its values say nothing more
        for name, path in step.save.items():
            if at_path(fill_text(path, given), one, body) is MISSING:
                what = f"{path} (for {name})", "nothing", f"lacks {path}"
                yield self.found(place, "shape", False, what)
        for that in expect.that:
            value = at_path(fill_text(that.at, given), one, body)
            target = getattr(that, that.operator)
            if that.operator == "fits":
                passed = value is not MISSING and self._validator(target).is_valid(value)
            else:
                target = fill(target, given)
                if that.plus and isinstance(target, int | float):
                    target += that.plus
                passed = holds(that.operator, value, target)
            expected = f"{_place(that)} {_SAID[that.operator]} {show(target, _SHOWN)}"
            what = expected, show(value, _SHOWN), _cause_of(that)
            # A field that is wrong in one call and in another is wrong for one reason.
            yield self.found(place, "value", passed, what, own=that.operator in _LISTED)

    def _shape(
        self, place: tuple[str, str], body: bytes, schema: Any, what: str
    ) -> Iterator[Finding]:
        try:
            found = self._validator(schema).iter_errors(parsed(body))
            faults = sorted(found, key=attrgetter("json_path", "message"))
        except ValueError as error:
            told = f"{what} is JSON", str(error), f"{what}: not JSON"
            yield self.found(place, "shape", False, told)
            return
        # The same field, broken in the same way, is one cause, whichever calls show it; a reply
        # that lacks most of what it is to have is another reply, and one cause of its call.
        expected, many = f"{what} fits its schema", len(faults) > _MOST_SHAPE_FAULTS
        for fault in faults[: 1 if many else None]:
            actual = f"{fault.json_path}: {fault.message}"[:_SHOWN]
            cause = "answers something else" if many else _cause_of_shape(fault)
            yield self.found(place, "shape", False, (expected, actual, cause), own=many)
        if not faults:
            yield self.found(place, "shape", True, (expected, "it does", ""))

    def _validator(self, schema: Any) -> Draft202012Validator:
        """Return what holds a reply to a schema of the file, or to one of a step's own."""
        whole = {"$ref": schema} if isinstance(schema, str) else schema
        return Draft202012Validator(whole, registry=self._registry)


def _place(that: ThatModel) -> str:
    """Return the place of a reply that a comparison is about, in words."""
    return "the reply" if that.at in ("", "@text") else that.at.replace("@header.", "header ")


def _cause_of(that: ThatModel) -> str:
    """Return what is wrong where a comparison does not hold, in words."""
    what = _place(that)
    if that.operator == "excludes":
        return f"{what} has what it must not have"
    return f"{what} lacks what must be there" if that.operator in _LISTED else f"{what} is wrong"


def _cause_of_shape(fault: ValidationError) -> str:
    """Return what is wrong with the shape of a reply: which field, and how."""
    missing = re.match(r"'([^']{1,80})' is a required", fault.message)
    if fault.validator == "required" and missing:
        return f"{missing[1]} is missing in replies"
    names = [part for part in fault.absolute_path if isinstance(part, str)]
    field = str(names[-1])[:80] if names else "a reply"
    how = "is of another type" if fault.validator == "type" else "is not as its schema says"
    return f"{field} {how}"
