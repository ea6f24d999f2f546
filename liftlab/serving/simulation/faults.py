"""Scripted faults: what can go wrong with a reply, by name, and how each is done.

A fault is written in words, `kind name=value …`, in a profile's `[[faults]]` or in a
request's header `x-simulate`. Early faults answer before anything is generated; the
others spoil a finished reply. Faults of the answer itself are for :mod:`replies`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType

from liftlab.serving.simulation.writes import HEAD_END, Plan, Reply, Write, cut, encode, head

_FOREVER_S = 3600.0
_LARGEST = 1e8  # a reply of 100 MB fits in memory
_JSON = MappingProxyType({"content-type": "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its words, its kind, and its numbers with defaults filled in."""

    words: str
    kind: str
    numbers: Mapping[str, float]


# Of each kind its numbers, with their defaults; times are in seconds.
EARLY: Mapping[str, Mapping[str, float]] = {
    "status": {"code": 503, "retry_after": -1},
    "reset-before-head": {},
    "close-before-head": {},
    "silence": {"s": _FOREVER_S},
    "not-http": {},
    "bad-status-line": {},
    "huge-head": {"bytes": 200_000},
    "hop": {"times": 1, "s": 0},
    "hop-elsewhere": {},
    "hop-nowhere": {},
}
ANSWER: Mapping[str, Mapping[str, float]] = {
    "error-200": {},
    "no-answer": {},
    "off-schema": {},
    "length": {},
    "sse-cut": {},
    "sse-no-end": {},
    "sse-garbage": {},
    "sse-error": {},
    "sse-error-event": {},
    "sse-empty": {},
}
BODY: Mapping[str, Mapping[str, float]] = {
    "json-garbage": {},
    "json-cut": {},
    "json-nan": {},
    "json-deep": {"levels": 10_000},
    "json-array": {},
    "not-utf8": {},
    "empty": {},
    "html": {},
    "too-large": {"bytes": 20_000_000},
    "compressed": {},
}
WIRE: Mapping[str, Mapping[str, float]] = {
    "reset-in-head": {},
    "close-in-head": {},
    "reset-after-head": {},
    "close-after-head": {},
    "reset-in-body": {},
    "close-in-body": {},
    "stall-before-head": {"s": _FOREVER_S},
    "stall-after-head": {"s": _FOREVER_S},
    "stall-in-body": {"s": _FOREVER_S},
    "drip": {"s": 0.1, "pieces": 20},
    "length-too-long": {"by": 10},
    "length-too-short": {"by": 10},
    "length-garbage": {},
    "two-lengths": {},
    "chunk-garbage": {},
    "interim": {"s": 0},
    "unasked": {},
    "close-behind": {},
}
KINDS: Mapping[str, Mapping[str, float]] = {**EARLY, **ANSWER, **BODY, **WIRE}


def parse_fault(words: str) -> Fault:
    """Return the fault that a few words name.

    Raises ValueError if there is no such kind, it has no such number, or the number is out of
    bounds.

    Examples
    --------
    >>> parse_fault("status code=429 retry_after=2").numbers["retry_after"]
    2.0
    """
    kind, *options = words.split() or [""]
    if kind not in KINDS:
        raise ValueError(f"no fault {kind!r}; known: {', '.join(sorted(KINDS))}")
    numbers = dict(KINDS[kind])
    for option in options:
        name, _, value = option.partition("=")
        if name not in numbers:
            raise ValueError(f"fault {kind!r} has no {name!r}; it has: {', '.join(numbers) or '-'}")
        numbers[name] = float(value)
        if not 0 <= numbers[name] <= _LARGEST:  # false for what is not a number, too
            raise ValueError(f"fault {kind!r}: {name} must be from 0 to {_LARGEST:g}, not {value}")
    return Fault(words=words, kind=kind, numbers=MappingProxyType(numbers))


def early_plan(fault: Fault, result_url: str) -> Plan | None:
    """Return what goes out instead of a generation, or None if one is to be made.

    `result_url`: where a redirect may point.
    """
    maker = _EARLY.get(fault.kind)
    return maker(fault.numbers, result_url) if maker else None


def spoil(reply: Reply, fault: Fault | None) -> Plan:
    """Return the plan that sends a reply with its fault, if it has one."""
    if fault is None:
        return encode(reply)
    if fault.kind in BODY:
        return encode(_with_body(reply, fault))
    plan = encode(reply)
    spoiler = _SPOILERS.get(fault.kind)
    return spoiler(reply, plan, fault) if spoiler else plan


def _with_body(reply: Reply, fault: Fault) -> Reply:
    numbers = fault.numbers
    headers = dict(_JSON)
    text = b'{"ir_json": {}, "text": ""}'
    match fault.kind:
        case "json-garbage":
            text = b"{ir_json: <unquoted>,"
        case "json-cut":
            text = b'{"ir_json": {"intent": {"summ'
        case "json-nan":
            text = b'{"ir_json": {"x": NaN}, "choices": []}'
        case "json-deep":
            levels = int(numbers["levels"])
            text = b'{"ir_json": ' + b"[" * levels + b"]" * levels + b"}"
        case "json-array":
            text = b"[1, 2, 3]"
        case "not-utf8":
            text = b'{"ir_json": "\xff\xfe\xfa"}'
        case "empty":
            text = b""
        case "html":
            text, headers["content-type"] = b"<html><h1>It works!</h1></html>", "text/html"
        case "too-large":
            text = b'{"text": "' + b"a" * int(numbers["bytes"]) + b'"}'
        case "compressed":
            headers["content-encoding"] = "gzip"
    first_s = reply.parts[0][0]
    headers.update((k, v) for k, v in reply.headers.items() if k == "x-request-id")
    return Reply(status=200, headers=headers, parts=((first_s, text),))


def _status(code: int, retry_after: float) -> Plan:
    body = f'{{"error": "simulated HTTP {code}"}}'.encode()
    headers = dict(_JSON)
    if retry_after >= 0:
        headers["retry-after"] = f"{retry_after:g}"
    if code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        body = b""
    return encode(Reply(status=code, headers=headers, parts=((0.0, body),)))


def _redirect(at_s: float, headers: Mapping[str, str]) -> Plan:
    return encode(Reply(status=HTTPStatus.SEE_OTHER, headers=headers, parts=((at_s, b""),)))


def _raw(data: bytes) -> Plan:
    return Plan(writes=(Write(at_s=0, data=data, body=False),), end="close")


def _size(plan: Plan) -> int:
    return sum(len(write.data) for write in plan.writes)


def _head_size(plan: Plan) -> int:
    return plan.writes[0].data.find(HEAD_END) + len(HEAD_END)


def _middle(plan: Plan) -> int:
    return (_head_size(plan) + _size(plan)) // 2


def _stalled(plan: Plan, at: int, seconds: float) -> Plan:
    """Hold everything from byte `at` on back for some seconds."""
    before = cut(plan, at, "keep").writes
    kept = sum(len(write.data) for write in before)
    rest = b"".join(write.data for write in plan.writes)[kept:]
    last_s = plan.writes[-1].at_s
    return Plan(writes=(*before, Write(at_s=last_s + seconds, data=rest)), status=plan.status)


def _dripped(plan: Plan, fault: Fault) -> Plan:
    seconds, pieces = fault.numbers["s"], max(2, int(fault.numbers["pieces"]))
    whole = b"".join(write.data for write in plan.writes)
    size = -(-len(whole) // pieces)
    begin_s, head_size = plan.writes[-1].at_s, _head_size(plan)
    writes = tuple(
        Write(
            at_s=begin_s + seconds * at / len(whole),
            data=whole[at : at + size],
            body=at + size > head_size,
        )
        for at in range(0, len(whole), size)
    )
    return Plan(writes=writes, status=plan.status)


def _with_length(reply: Reply, length: str) -> Plan:
    """Send a body whole, under a length that is not its own."""
    headers = {**reply.headers, "content-length": length}
    data = head(reply.status, headers) + reply.body
    write = Write(at_s=reply.parts[-1][0], data=data)
    return Plan(writes=(write,), end="close", status=reply.status)


def _two_lengths(reply: Reply) -> Plan:
    # Two keys here, one name on the wire.
    lengths = {"content-length": str(len(reply.body)), "Content-Length": str(len(reply.body) + 1)}
    data = head(reply.status, {**reply.headers, **lengths}) + reply.body
    write = Write(at_s=reply.parts[-1][0], data=data)
    return Plan(writes=(write,), end="close", status=reply.status)


def _after_interim(plan: Plan, seconds: float) -> Plan:
    """Say at once that an answer will come, and send it some seconds later."""
    hints = head(HTTPStatus.EARLY_HINTS, {"link": "</style.css>; rel=preload"})
    first = Write(at_s=0, data=head(HTTPStatus.CONTINUE, {}) + hints, body=False)
    later = (replace(write, at_s=write.at_s + seconds) for write in plan.writes)
    return replace(plan, writes=(first, *later))


def _with_unasked(plan: Plan) -> Plan:
    """Send another whole reply behind the one that was asked for."""
    *before, last = plan.writes
    extra = head(HTTPStatus.OK, {**_JSON, "content-length": "2"}) + b"{}"
    return replace(plan, writes=(*before, replace(last, data=last.data + extra)))


def _chunk_garbage(reply: Reply) -> Plan:
    data = head(reply.status, {**reply.headers, "transfer-encoding": "chunked"})
    write = Write(at_s=reply.parts[-1][0], data=data + b"zz\r\n" + reply.body + b"\r\n")
    return Plan(writes=(write,), end="close", status=reply.status)


_Maker = Callable[[Mapping[str, float], str], Plan]
_EARLY: Mapping[str, _Maker] = {
    "status": lambda numbers, _: _status(int(numbers["code"]), numbers["retry_after"]),
    "reset-before-head": lambda *_: Plan(writes=(), end="reset"),
    "close-before-head": lambda *_: Plan(writes=(), end="close"),
    "silence": lambda numbers, _: Plan(
        writes=(Write(at_s=numbers["s"], data=b"", body=False),), end="close"
    ),
    "not-http": lambda *_: _raw(b"220 mail.example ESMTP ready\r\n"),
    "bad-status-line": lambda *_: _raw(b"HTTP/1.1 two-hundred OK\r\ncontent-length: 0\r\n\r\n"),
    "huge-head": lambda numbers, _: _raw(
        head(200, {**_JSON, "x-long": "a" * int(numbers["bytes"])})
    ),
    "hop": lambda numbers, url: _redirect(numbers["s"], {"location": url}),
    "hop-elsewhere": lambda *_: _redirect(0, {"location": "http://127.0.0.2:9/result"}),
    "hop-nowhere": lambda *_: _redirect(0, {}),
}
_Spoiler = Callable[[Reply, Plan, Fault], Plan]
_SPOILERS: Mapping[str, _Spoiler] = {
    "reset-in-head": lambda _, plan, __: cut(plan, 20, "reset"),
    "close-in-head": lambda _, plan, __: cut(plan, 20, "close"),
    "reset-after-head": lambda _, plan, __: cut(plan, _head_size(plan), "reset"),
    "close-after-head": lambda _, plan, __: cut(plan, _head_size(plan), "close"),
    "reset-in-body": lambda _, plan, __: cut(plan, _middle(plan), "reset"),
    "close-in-body": lambda _, plan, __: cut(plan, _middle(plan), "close"),
    "stall-before-head": lambda _, plan, fault: _stalled(plan, 0, fault.numbers["s"]),
    "stall-after-head": lambda _, plan, fault: _stalled(plan, _head_size(plan), fault.numbers["s"]),
    "stall-in-body": lambda _, plan, fault: _stalled(plan, _middle(plan), fault.numbers["s"]),
    "drip": lambda _, plan, fault: _dripped(plan, fault),
    "length-too-long": lambda reply, _, fault: _with_length(
        reply, str(len(reply.body) + int(fault.numbers["by"]))
    ),
    "length-too-short": lambda reply, _, fault: _with_length(
        reply, str(max(0, len(reply.body) - int(fault.numbers["by"])))
    ),
    "length-garbage": lambda reply, _, __: _with_length(reply, "many"),
    "two-lengths": lambda reply, *_: _two_lengths(reply),
    "chunk-garbage": lambda reply, *_: _chunk_garbage(reply),
    "interim": lambda _, plan, fault: _after_interim(plan, fault.numbers["s"]),
    "unasked": lambda _, plan, __: _with_unasked(plan),
    "close-behind": lambda _, plan, __: replace(plan, end="close"),
}
