"""How far the client's own times are off: held against a loopback server that knows the truth.

The server runs in the same event loop and tells in each reply how long it held the request,
so that what is over is what sending, receiving and the loop add to a time.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import cast

from liftlab.timing.clock import LoopLag
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport

_EXCHANGES = 100  # a quarter of a second one by one; one may be worse than the 99th percentile
_AT_ONCE = 64
_HELD_S = 1e-3
_HELD = b"x-held-ns"
_BODY = b'{"prompt": "how long does this take?"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a client's times of a request were too long by, in seconds, and how the loop lagged."""

    p50_s: float
    p99_s: float
    lag_p99_s: float

    @classmethod
    def of(cls, errors_s: list[float], lag_p99_s: float | None) -> Calibration:
        """Summarise the errors of single exchanges.

        Examples
        --------
        >>> Calibration.of([0.001] * 98 + [0.004, 0.009], 0.001).p99_s
        0.004
        """
        ranked = sorted(abs(error) for error in errors_s)
        return cls(
            p50_s=ranked[math.ceil(0.5 * len(ranked)) - 1],
            p99_s=ranked[math.ceil(0.99 * len(ranked)) - 1],
            lag_p99_s=lag_p99_s or 0.0,
        )


async def calibrate(concurrency: int = 1) -> Calibration:
    """Time exchanges with a loopback server of our own, and compare with what it says.

    Parameters
    ----------
    concurrency
        How many requests are under way at once, as in the load that follows; 64 at most.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Holding, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    workers = min(concurrency, _AT_ONCE)
    transport = StampedTransport()
    errors_s: list[float] = []

    async def work() -> None:
        await _error_s(transport, url)  # makes the connection
        turns = range(math.ceil(_EXCHANGES / workers))
        errors_s.extend([await _error_s(transport, url) for _ in turns])

    try:
        async with LoopLag() as lag, asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    finally:
        await transport.aclose()
        server.close()
    return Calibration.of(errors_s, lag.p99_s)


async def _error_s(transport: StampedTransport, url: str) -> float:
    recorder = Recorder()
    answer = await transport.exchange("POST", url, (), _BODY, recorder)
    stamps = recorder.stamps()
    assert stamps.sent_ns is not None
    assert stamps.last_byte_ns is not None
    held_ns = int(dict(answer.headers)[_HELD])
    return (stamps.last_byte_ns - stamps.sent_ns - held_ns) / 1e9


class _Holding(asyncio.Protocol):
    """Answers each request a moment later, and says for how long exactly it was held."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        received_ns = time.perf_counter_ns()
        self._received += data
        if self._received.endswith(_BODY):
            self._received = b""
            asyncio.get_running_loop().call_later(_HELD_S, self._answer, received_ns)

    def _answer(self, received_ns: int) -> None:
        held_ns = time.perf_counter_ns() - received_ns
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n%s: %d\r\n\r\n" % (_HELD, held_ns)
        self._transport.write(head + b"ok")
