"""A reply before it goes out: what is written when, and how the connection is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

End = Literal["keep", "close", "reset"]
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A sound reply: its body as one part, or as several at their times, then sent chunked.

    The times are seconds after the plan begins.
    """

    status: int
    headers: Mapping[str, str]
    parts: tuple[tuple[float, bytes], ...]

    @property
    def streamed(self) -> bool:
        """Whether the body goes out in chunks."""
        return len(self.parts) > 1

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(part for _, part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Bytes that go out at once, `at_s` seconds after the plan begins; `body` if some are body."""

    at_s: float
    data: bytes
    body: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that goes out for one request."""

    writes: tuple[Write, ...]
    end: End = "keep"
    status: int | None = None


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and headers, with the empty line."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1", "replace") + HEAD_END


def encode(reply: Reply) -> Plan:
    """Return the plan that sends a reply as it is; the head goes with the first of the body."""
    if not reply.streamed:
        ((at_s, body),) = reply.parts
        headers = {**reply.headers, "content-length": str(len(body))}
        write = Write(at_s=at_s, data=head(reply.status, headers) + body)
        return Plan(writes=(write,), status=reply.status)
    headers = {**reply.headers, "transfer-encoding": "chunked"}
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for _, part in reply.parts]
    chunks[0] = head(reply.status, headers) + chunks[0]
    chunks[-1] += b"0\r\n\r\n"
    writes = tuple(
        Write(at_s=at_s, data=chunk) for (at_s, _), chunk in zip(reply.parts, chunks, strict=True)
    )
    return Plan(writes=writes, status=reply.status)


def cut(plan: Plan, size: int, end: End) -> Plan:
    """Return the first `size` bytes of a plan, and leave the connection as told."""
    kept: list[Write] = []
    head_size = plan.writes[0].data.find(HEAD_END) + len(HEAD_END)
    before = 0
    for write in plan.writes:
        data = write.data[: max(0, size - before)]
        if data:
            kept.append(Write(at_s=write.at_s, data=data, body=before + len(data) > head_size))
        before += len(write.data)
    return Plan(writes=tuple(kept), end=end, status=plan.status)


_REASONS = {int(status): status.phrase for status in HTTPStatus}
