"""What goes into a sandbox and what comes out of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Any

from liftlab import values
from liftlab.sandbox.protocol import MESSAGE_CHARS, MOST_FUNCTIONS, Answer, EndedBy
from liftlab.words import one_line

_NO_VALUE = object()
_AT_ONCE_BYTES = 64 * 1024
LINES_BESIDE_CALLS = 16  # of an honest child, and some to spare
UNKNOWN = "SandboxError"  # the `kind` of source of which no facts came back


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; all checks of a case share it."""

    cpu_s: float = 2.0
    wall_s: float = 6.0
    memory_mb: int = 256  # on top of what the interpreter itself takes
    output_kb: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to make. Without a name it goes to the function that `facts` finds.

    With `is_encoded`, the arguments are JSON data as `values.encode` gives it. With a `token`, the
    function gets `token` by name: a function that gives it once, and is in no frame otherwise.
    """

    function: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    is_encoded: bool = False
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A top-level function of the source."""

    name: str
    line: int
    required: int  # positional arguments it cannot do without
    accepted: int | None  # positional arguments it takes, None for any number
    returns_value: bool  # it yields, or has a `return` with a value other than None
    prints: bool
    ends_with: str | None  # "expression", "assignment", "print", "empty", or something else
    stub: bool = False  # there is nothing in it but a place for the code


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseReport:
    """What a piece of source is, found out in the child.

    `parsed` says that Python compiles it. `at_end` says that the text stops in the middle of
    something, `needs_python` which newer version of Python compiles it. `json` is "error" for an
    error body and "value" for other JSON.
    """

    parsed: bool
    kind: str | None = None  # the exception's name
    message: str | None = None
    line: int | None = None
    at_end: bool = False
    needs_python: str | None = None
    functions: tuple[Function, ...] = ()  # a method of the class `Solution` with that before it
    defines: frozenset[str] = frozenset()  # names at its top level
    lacks: frozenset[str] = frozenset()  # names that it reads and binds nowhere
    found: str | None = None  # how the function was found that a call without a name goes to
    json: str | None = None
    pythonic: bool = False
    foreign: bool = False
    gateway_page: bool = False
    empty: bool = False  # no statement at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An exception that foreign code raised."""

    name: str
    message: str
    bases: tuple[str, ...] = ()  # the built-in exceptions it is one of
    line: int | None = None
    own_call: bool = False  # our call did not fit the function's signature


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """What one call gave. `value` counts only where `ok` is true."""

    ok: bool = False
    value: Any = None
    raised: Raised | None = None
    missing: bool = False  # there is no such function
    not_plain: str | None = None  # the type that cannot be sent back
    too_large: str | None = None
    mutated: bool = False  # it changed its arguments
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one run gave. A call that never answered has a report that is not ok.

    Of source that compiles, `parse` says that and no more, unless a call had no name:
    `Sandbox.parse` tells the rest, where it is wanted.
    """

    confined: tuple[str, ...] = ()  # the mechanisms in force before foreign code ran
    begun: bool = False  # foreign code may have run
    parse: ParseReport | None = None  # None where the run ended before that was known
    function: str | None = None  # the one that was called
    loaded: bool = False
    load_error: Raised | None = None
    calls: tuple[CallReport, ...] = ()
    finished: bool = False  # the child reached its own end
    ended_by: EndedBy | None = None
    signal: int | None = None
    exit_code: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    reruns: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the source loaded and the run reached its own end."""
        return self.finished and self.loaded and self.load_error is None


_FUNCTION_FACTS = [fact.name for fact in dataclasses.fields(Function)]


def lines_of(sent: bytes, most: int) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the first lines that a child sent; anything else is skipped.

    More lines than `most`, all that it has to say, a child has not sent honestly.
    """
    lines = list(islice(BytesIO(sent), most))  # of what comes behind them no copy is made
    items: Iterable[Any] = map(_value, lines)
    if len(sent) <= _AT_ONCE_BYTES:
        # All in one: a tenth of a caller's time saved. A line that is no value spoils it.
        together = _value(b"[%b]" % b",".join(lines))
        if together is not _NO_VALUE and len(together) == len(lines):
            items = together
    return (item for item in items if isinstance(item, dict))


def _value(line: bytes) -> Any:
    try:
        return json.loads(line.decode("latin-1"))
    except (ValueError, RecursionError):
        return _NO_VALUE


def run_report(answer: Answer, calls: int) -> RunReport:
    """Make a report of an answer to so many calls, trusting nothing that the child wrote."""
    first: dict[str, Any] = {}
    answered: dict[int, dict[str, Any]] = {}
    for item in lines_of(answer.result, calls + LINES_BESIDE_CALLS):
        number = item.get("call")
        if type(number) is int and 0 <= number < calls:
            answered.setdefault(number, item)
        else:
            for key, value in item.items():
                first.setdefault(key, value)
    status = answer.status
    return RunReport(
        confined=tuple(map(str, first.get("confined") or ())),
        begun="confined" in first,
        parse=parse_report(first["facts"]) if "facts" in first else None,
        function=text_of(answered.get(0, {}).get("function")),
        loaded=first.get("loaded") is True,
        load_error=raised_of(first.get("load_error")),
        calls=tuple(_call_report(answered.get(number)) for number in range(calls)),
        finished=first.get("end") is True and status == 0 and answer.ended_by is None,
        ended_by=answer.ended_by,
        signal=-status if status is not None and status < 0 else None,
        exit_code=status if status is not None and status >= 0 else None,
        cpu_s=answer.cpu_s,
        wall_s=answer.wall_s,
    )


def parse_report(facts: Any) -> ParseReport:
    """Make a report of the facts that a child sent before foreign code ran."""
    if not isinstance(facts, dict):
        return ParseReport(parsed=False, kind=UNKNOWN, message="no facts came back")
    functions = facts.get("functions")
    return ParseReport(
        parsed=facts.get("parsed") is True,
        kind=text_of(facts.get("kind")),
        message=text_of(facts.get("message")),
        line=_whole(facts.get("line")),
        needs_python=text_of(facts.get("needs_python")),
        functions=tuple(
            Function(**{name: item[name] for name in _FUNCTION_FACTS})
            for item in (functions or ())[:MOST_FUNCTIONS]
        ),
        defines=_names(facts.get("defines")),
        lacks=_names(facts.get("lacks")),
        found=text_of((facts.get("found") or {}).get("how")),
        json=text_of(facts.get("json")),
        **{
            key: facts.get(key) is True
            for key in ("at_end", "pythonic", "foreign", "gateway_page", "empty")
        },
    )


def _names(names: Any) -> frozenset[str]:
    return frozenset(map(str, names if isinstance(names, list) else ()))


def _call_report(item: Mapping[str, Any] | None) -> CallReport:
    if item is None:
        return CallReport()
    raised = raised_of(item.get("error"))
    not_plain, too_large = text_of(item.get("not_plain")), text_of(item.get("too_large"))
    ok, value = False, None
    if "value" in item and not (raised or not_plain or too_large):
        try:
            ok, value = True, values.decode(item["value"])
        except values.TooLarge as error:
            ok, too_large = False, str(error)
        except (ValueError, TypeError, RecursionError):
            ok, not_plain = False, "forged"
    return CallReport(
        ok=ok,
        value=value,
        raised=raised,
        missing=item.get("missing") is True,
        not_plain=not_plain,
        too_large=too_large,
        mutated=item.get("mutated") is True,
        elapsed_s=_seconds(item.get("elapsed_ns")),
    )


def raised_of(item: Any) -> Raised | None:
    """Make a report of an exception as a child described it, None of what describes none."""
    if not isinstance(item, dict):
        return None
    bases = item.get("bases")
    return Raised(
        name=text_of(item.get("name")) or "?",
        message=text_of(item.get("message")) or "",
        bases=tuple(str(base)[:MESSAGE_CHARS] for base in bases[:20])
        if isinstance(bases, list)
        else (),
        line=_whole(item.get("line")),
        own_call=item.get("own_call") is True,
    )


def text_of(value: Any) -> str | None:
    """Return text as it can be stored and shown: bounded, one line of what can be seen."""
    return one_line(value[:MESSAGE_CHARS]) if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int and -(2**31) < value < 2**31 else None


def _seconds(nanoseconds: Any) -> float | None:
    in_range = type(nanoseconds) is int and 0 <= nanoseconds < 10**15
    return nanoseconds / 1e9 if in_range else None
