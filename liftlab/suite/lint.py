"""What a case's prompt leaves open that its checks hold against an answer.

Words are looked for, nothing is understood: a hint says what to look at, and a suite without
hints can still be unclear. Cases of other benchmarks are passed over.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from liftlab import values
from liftlab.suite import Case, Check, Suite
from liftlab.suite.signature import most_arguments

_FEWEST_CHECKS = 3
_RETURNS = re.compile(r"\breturn", re.IGNORECASE)
_PRINTS = re.compile(r"\b(print|output|write)", re.IGNORECASE)
_NONE = re.compile(r"\b(none|null|nothing)\b", re.IGNORECASE)
_ORDER = re.compile(
    r"in (that|this|the) order|\b(first|second|then|followed by)\b"
    # Two names beside each other, as in "a and b", or "a list and an integer n".
    r"|\b\w+,? (and|by|to|from|with|into|per) (an? )?\w+",
    re.IGNORECASE,
)
_TYPE_WORDS = {
    tuple: r"tuple|pair",
    set: r"\bsets?\b",
    frozenset: r"frozenset|frozen set",
    dict: r"dictionar|\bdict\b|mapping",
    bytes: r"bytes",
    complex: r"complex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One thing to look at: `rule` names the kind, `line` is where the case's id stands."""

    case_id: str
    rule: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.case_id}: {self.message} [{self.rule}]"


def lint(suite: Suite) -> list[Hint]:
    """Return what to look at in a suite, in its order."""
    lines: dict[str, int] = {}
    for number, line in enumerate(suite.source.decode("utf-8", "replace").split("\n"), 1):
        match = re.search(r"""\bcase_id"?\s*[=:]\s*["']([^"']+)["']""", line)
        if match:
            lines.setdefault(match[1], number)
    return [
        Hint(case_id=case.case_id, rule=rule, message=message, line=lines.get(case.case_id))
        for case in suite.cases
        if case.program is None
        for rule, message in _hints(case)
    ]


def _hints(case: Case) -> Iterator[tuple[str, str]]:
    if not case.checks:
        yield "no-checks", "there is nothing to check: its answers stay ungraded"
        return
    yield from _of_the_checks(case.checks)
    prompt = case.prompt
    if case.is_program:
        if not _PRINTS.search(prompt):
            yield "print", "the prompt does not say to print the answer"
        return
    if not _RETURNS.search(prompt):
        yield "return", "the prompt does not say to return the result: printing it would do, too"
    most = max(len(check.args) for check in case.checks)
    if most > 1 and not _ORDER.search(prompt):
        yield "argument-order", f"the prompt does not say in which order the {most} arguments come"
    takes = most_arguments(case.signature) if case.signature else None
    for check in case.checks:
        if takes is not None and len(check.args) + len(check.kwargs) > takes and not check.raises:
            yield "arity", f"{check.name} passes more than the {takes} arguments of the signature"
    yield from _of_the_results(case, prompt)


def _of_the_checks(checks: Sequence[Check]) -> Iterator[tuple[str, str]]:
    if len(checks) < _FEWEST_CHECKS:
        yield "few-checks", f"{len(checks)} of {_FEWEST_CHECKS} checks that a case should have"
    calls = Counter(map(_asked, checks))
    twice = [check.name for check in checks if calls[_asked(check)] > 1]
    if twice:
        yield "same-call", f"{' and '.join(twice)} make the same call"
    results = {_text([check.expected, check.raises, check.stdout]) for check in checks}
    if len(checks) > 1 and len(results) == 1:
        yield "one-result", "every check expects the same: a function that ignores its input passes"


def _of_the_results(case: Case, prompt: str) -> Iterator[tuple[str, str]]:
    told: set[str] = set()
    shown = Counter(check.expected for check in case.checks if isinstance(check.expected, str))
    for check in case.checks:
        for rule, what, pattern in _wanted_words(check, shown):
            if what not in told and not re.search(pattern, prompt, re.IGNORECASE):
                told.add(what)
                yield rule, f"{check.name} wants {what}, which the prompt does not tell"


def _wanted_words(check: Check, shown: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the rule, what a check wants, and what the prompt should have for it."""
    if check.raises is not None:
        yield "raises", f"the exception {check.raises}", re.escape(check.raises)
        return
    for argument in [*check.fresh_args(), *check.fresh_kwargs().values()]:
        if argument is None:
            yield "none", "an answer to None", _NONE.pattern
    expected = check.expected_value()
    if expected is None:
        yield "none", "the result None", _NONE.pattern
    word = _TYPE_WORDS.get(type(expected))
    if word is not None:
        yield "type", f"a {type(expected).__name__}", word
    # A text that several inputs give, and that is in none of them, is a word to be told.
    if isinstance(expected, str) and shown[expected] > 1 and re.search(r"[^\W\d]", expected):
        arguments = _text([check.args, check.kwargs])
        if expected not in arguments:
            yield "wording", f"the text {values.show(expected, 40)}", re.escape(expected)


def _asked(check: Check) -> str:
    return _text([check.args, check.kwargs, check.stdin])


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False)
