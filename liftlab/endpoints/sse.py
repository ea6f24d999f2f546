"""Server-sent events, read from a whole body after the request is over."""

from __future__ import annotations

import re
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from operator import sub
from typing import NamedTuple

from liftlab.timing.clock import Stamps

_FIELD = re.compile(rb"(?:data|event|id|retry|error)?:", re.IGNORECASE)
_JSON = (b"{", b"[")
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")


class Event(NamedTuple):
    """One event's data, where in the body its last line of data ends, and its name if any."""

    data: bytes
    end: int
    name: bytes = b""


def events(body: bytes) -> Iterator[Event]:
    """Give the events of a body in order; comments and fields but `event` are passed over.

    An event counts even when the blank line after it is missing, as some servers end so. So does
    bare JSON, and a field `error`, which is named so: gateways tell of a failure in both ways.
    """
    if b"\r" in body or body.startswith(BOM_UTF8):
        yield from _by_line(body, 0)
        return
    start = 0
    for block in body.split(b"\n\n"):
        if block.startswith(b"data:") and b"\n" not in block:  # as nearly all servers write them
            yield Event(data=block[5:].removeprefix(b" "), end=start + len(block))
        elif block:
            yield from _by_line(block, start)
        start += len(block) + 2


def looks_like_events(body: bytes) -> bool:
    """Whether a body is a stream by what it begins with, whatever its content type says."""
    return _FIELD.match(body.removeprefix(BOM_UTF8).lstrip()[:16]) is not None


def _by_line(body: bytes, start: int) -> Iterator[Event]:
    """Give the events of a part of a body that begins at its byte `start`."""
    data: list[bytes] = []
    bare: list[bytes] = []
    end = 0
    name = b""
    for match in _LINE.finditer(body, len(BOM_UTF8) if body.startswith(BOM_UTF8) else 0):
        line = match[1]
        if bare and (not line or _FIELD.match(line) or line[:1] in _JSON):
            yield Event(data=b"\n".join(bare), end=end)
            bare = []
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
            end = start + match.end(1)
        elif line.startswith(b"event:"):
            name = line[6:].strip()
        elif line[:6].lower() == b"error:":
            yield Event(data=line[6:].strip(), end=start + match.end(1), name=b"error")
        elif bare or line[:1] in _JSON:
            bare.append(line)
            end = start + match.end(1)
        elif not line:
            if data:
                yield Event(data=b"\n".join(data), end=end, name=name)
            data, name = [], b""


def itl_s(stamps: Stamps, ends: Sequence[int]) -> float | None:
    """Return the median gap between the reads that brought tokens, in seconds; None without two.

    `ends`: where in the body each event with a token ends, in order.
    """
    if len(ends) < 2:
        return None
    reads = dict.fromkeys(bisect_left(stamps.chunk_end, end) for end in ends)
    moments = [stamps.chunk_ns[read] for read in reads if read < len(stamps.chunk_ns)]
    gaps = sorted(map(sub, moments[1:], moments))
    middle = len(gaps) // 2
    return (gaps[middle] + gaps[~middle]) / 2e9 if gaps else None


def arrival_ns(stamps: Stamps, end: int) -> int | None:
    """Return when the first `end` bytes of the body had arrived.

    Beyond the last stamp that was kept, the arrival of the whole body stands in.
    """
    index = bisect_left(stamps.chunk_end, end)
    return stamps.chunk_ns[index] if index < len(stamps.chunk_ns) else stamps.last_byte_ns
