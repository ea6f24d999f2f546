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

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its words, its kind, and its numbers with defaults filled in."""

    words: str
    kind: str
    numbers: Numbers


def parse_fault(words: str) -> Fault:
    """Return the fault that a few words name, such as `status code=429 retry_after=2`.

    Raises ValueError if there is no such kind, it has no such number, or that is out of bounds.
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
    if fault.kind not in EARLY:
        return None
    make, _ = EARLY[fault.kind]
    return make(result_url, **fault.numbers)


def spoil(reply: Reply, fault: Fault | None) -> Plan:
    """Return the plan that sends a reply with its fault, if it has one."""
    if fault is not None and fault.kind in BODY:
        make, _ = BODY[fault.kind]
        headers = {**_JSON, **_BODY_HEADERS.get(fault.kind, {})}
        headers |= {k: v for k, v in reply.headers.items() if k == "x-request-id"}
        parts = ((reply.parts[0][0], make(**fault.numbers)),)
        return encode(Reply(status=200, headers=headers, parts=parts))
    plan = encode(reply)
    if fault is not None and fault.kind in WIRE:
        spoiler, _ = WIRE[fault.kind]
        return spoiler(reply, plan, **fault.numbers)
    return plan


def _status(_: str, code: float, retry_after: float) -> Plan:
    status, headers = int(code), dict(_JSON)
    if retry_after >= 0:
        headers["retry-after"] = f"{retry_after:g}"
    has_body = status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    body = f'{{"error": "simulated HTTP {status}"}}'.encode() if has_body else b""
    return encode(Reply(status=status, headers=headers, parts=((0.0, body),)))


def _redirect(at_s: float, headers: Mapping[str, str]) -> Plan:
    return encode(Reply(status=HTTPStatus.SEE_OTHER, headers=headers, parts=((at_s, b""),)))


def _raw(data: bytes, at_s: float = 0) -> Plan:
    return Plan(writes=(Write(at_s=at_s, data=data, body=False),), end="close")


def _head_size(plan: Plan) -> int:
    return plan.writes[0].data.find(HEAD_END) + len(HEAD_END)


def _whole(plan: Plan) -> bytes:
    return b"".join(write.data for write in plan.writes)


def _middle(plan: Plan) -> int:
    return (_head_size(plan) + len(_whole(plan))) // 2


def _stalled(plan: Plan, at: int, seconds: float) -> Plan:
    """Hold everything from byte `at` on back for some seconds."""
    before = cut(plan, at, "keep").writes
    kept = sum(len(write.data) for write in before)
    last_s = plan.writes[-1].at_s
    rest = Write(at_s=last_s + seconds, data=_whole(plan)[kept:])
    return Plan(writes=(*before, rest), status=plan.status)


def _dripped(_: Reply, plan: Plan, s: float, pieces: float) -> Plan:
    whole, begin_s, head_size = _whole(plan), plan.writes[-1].at_s, _head_size(plan)
    size = -(-len(whole) // max(2, int(pieces)))
    writes = tuple(
        Write(
            at_s=begin_s + s * at / len(whole),
            data=whole[at : at + size],
            body=at + size > head_size,
        )
        for at in range(0, len(whole), size)
    )
    return Plan(writes=writes, status=plan.status)


def _under(reply: Reply, headers: Mapping[str, str], body: bytes | None = None) -> Plan:
    """Send a body at once, under headers that are not its own."""
    data = head(reply.status, {**reply.headers, **headers})
    write = Write(at_s=reply.parts[-1][0], data=data + (reply.body if body is None else body))
    return Plan(writes=(write,), end="close", status=reply.status)


def _with_length(reply: Reply, length: object) -> Plan:
    return _under(reply, {"content-length": str(length)})


def _two_lengths(reply: Reply, _: Plan) -> Plan:
    # Two keys here, one name on the wire.
    size = len(reply.body)
    return _under(reply, {"content-length": str(size), "Content-Length": str(size + 1)})


def _after_interim(_: Reply, plan: Plan, s: float) -> Plan:
    """Say at once that an answer will come, and send it some seconds later."""
    hints = head(HTTPStatus.EARLY_HINTS, {"link": "</style.css>; rel=preload"})
    first = Write(at_s=0, data=head(HTTPStatus.CONTINUE, {}) + hints, body=False)
    later = (replace(write, at_s=write.at_s + s) for write in plan.writes)
    return replace(plan, writes=(first, *later))


def _with_unasked(_: Reply, plan: Plan) -> Plan:
    """Send another whole reply behind the one that was asked for."""
    *before, last = plan.writes
    extra = head(HTTPStatus.OK, {**_JSON, "content-length": "2"}) + b"{}"
    return replace(plan, writes=(*before, replace(last, data=last.data + extra)))


# Of each kind how it is done, and its numbers with their defaults; times are in seconds.
EARLY: Mapping[str, tuple[Callable[..., Plan], Numbers]] = {
    "status": (_status, {"code": 503, "retry_after": -1}),
    "reset-before-head": (lambda _: Plan(writes=(), end="reset"), {}),
    "close-before-head": (lambda _: Plan(writes=(), end="close"), {}),
    "silence": (lambda _, s: _raw(b"", s), {"s": _FOREVER_S}),
    "not-http": (lambda _: _raw(b"220 mail.example ESMTP ready\r\n"), {}),
    "bad-status-line": (
        lambda _: _raw(b"HTTP/1.1 two-hundred OK\r\ncontent-length: 0\r\n\r\n"),
        {},
    ),
    "huge-head": (
        lambda _, bytes: _raw(head(200, {**_JSON, "x-long": "a" * int(bytes)})),
        {"bytes": 200_000},
    ),
    "hop": (lambda url, s, times: _redirect(s, {"location": url}), {"times": 1, "s": 0}),
    "hop-elsewhere": (lambda _: _redirect(0, {"location": "http://127.0.0.2:9/result"}), {}),
    "hop-nowhere": (lambda _: _redirect(0, {}), {}),
}
BODY: Mapping[str, tuple[Callable[..., bytes], Numbers]] = {
    "json-garbage": (lambda: b"{ir_json: <unquoted>,", {}),
    "json-cut": (lambda: b'{"ir_json": {"intent": {"summ', {}),
    "json-nan": (lambda: b'{"ir_json": {"x": NaN}, "choices": []}', {}),
    "json-deep": (
        lambda levels: b'{"ir_json": ' + b"[" * int(levels) + b"]" * int(levels) + b"}",
        {"levels": 10_000},
    ),
    "json-array": (lambda: b"[1, 2, 3]", {}),
    "not-utf8": (lambda: b'{"ir_json": "\xff\xfe\xfa"}', {}),
    "empty": (lambda: b"", {}),
    "html": (lambda: b"<html><h1>It works!</h1></html>", {}),
    "too-large": (lambda bytes: b'{"text": "' + b"a" * int(bytes) + b'"}', {"bytes": 20_000_000}),
    "compressed": (lambda: b'{"ir_json": {}, "text": ""}', {}),
}
_BODY_HEADERS = {
    "html": {"content-type": "text/html"},
    "compressed": {"content-encoding": "gzip"},
}
WIRE: Mapping[str, tuple[Callable[..., Plan], Numbers]] = {
    "reset-in-head": (lambda _, plan: cut(plan, 20, "reset"), {}),
    "close-in-head": (lambda _, plan: cut(plan, 20, "close"), {}),
    "reset-after-head": (lambda _, plan: cut(plan, _head_size(plan), "reset"), {}),
    "close-after-head": (lambda _, plan: cut(plan, _head_size(plan), "close"), {}),
    "reset-in-body": (lambda _, plan: cut(plan, _middle(plan), "reset"), {}),
    "close-in-body": (lambda _, plan: cut(plan, _middle(plan), "close"), {}),
    "stall-before-head": (lambda _, plan, s: _stalled(plan, 0, s), {"s": _FOREVER_S}),
    "stall-after-head": (
        lambda _, plan, s: _stalled(plan, _head_size(plan), s),
        {"s": _FOREVER_S},
    ),
    "stall-in-body": (lambda _, plan, s: _stalled(plan, _middle(plan), s), {"s": _FOREVER_S}),
    "drip": (_dripped, {"s": 0.1, "pieces": 20}),
    "length-too-long": (
        lambda reply, _, by: _with_length(reply, len(reply.body) + int(by)),
        {"by": 10},
    ),
    "length-too-short": (
        lambda reply, _, by: _with_length(reply, max(0, len(reply.body) - int(by))),
        {"by": 10},
    ),
    "length-garbage": (lambda reply, _: _with_length(reply, "many"), {}),
    "two-lengths": (_two_lengths, {}),
    "chunk-garbage": (
        lambda reply, _: _under(
            reply, {"transfer-encoding": "chunked"}, b"zz\r\n" + reply.body + b"\r\n"
        ),
        {},
    ),
    "interim": (_after_interim, {"s": 0}),
    "unasked": (_with_unasked, {}),
    "close-behind": (lambda _, plan: replace(plan, end="close"), {}),
}
# What :mod:`replies` does; of the first four in a whole reply, of the others in a stream.
_OF_ANSWERS = """
    error-200 no-answer off-schema length
    sse-cut sse-no-end sse-garbage sse-error sse-error-event sse-empty
"""
KINDS: Mapping[str, Numbers] = {
    **{kind: numbers for kind, (_, numbers) in [*EARLY.items(), *BODY.items(), *WIRE.items()]},
    **{kind: {} for kind in _OF_ANSWERS.split()},
}
