"""Collects the stamps of one exchange while it happens, and bounds the waits in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar

from liftlab.timing.arrival import moment_ns
from liftlab.timing.clock import Stamps

# Far more reads than a reply has tokens; later ones are counted, not kept.
MAX_STAMPED_CHUNKS = 65_536


class Waits:
    """The time-out of one exchange, in seconds: for its first byte, then for each read; or None."""

    def __init__(self, first_byte_s: float | None, between_reads_s: float | None) -> None:
        self.timer = asyncio.timeout(None)
        self._first_byte_s, self._between_reads_s = first_byte_s, between_reads_s
        self._reading = False

    def for_first_byte(self) -> None:
        """Begin to wait for the first byte of the reply's body."""
        self._wait(self._first_byte_s)

    def for_next_read(self) -> None:
        """Begin to wait for the next read of the body."""
        self._reading = True
        self._wait(self._between_reads_s)

    def words(self) -> str:
        """Say which wait took too long."""
        if self._reading:
            return f"nothing more of the reply within {self._between_reads_s:g} s"
        return f"no byte of a reply within {self._first_byte_s:g} s of sending"

    def _wait(self, seconds: float | None) -> None:
        if not self.timer.expired():  # bytes may come in the moment in which time is up
            now_s = asyncio.get_running_loop().time()
            self.timer.reschedule(None if seconds is None else now_s + seconds)


class Recorder:
    """Collects the stamps of one exchange while it happens.

    Hand it over as ``request.extensions["recorder"]`` to have the stamps whatever
    becomes of the request; without one the transport makes its own. The same recorder
    may see several hops: then the first one's sending and the last one's receiving stay.
    """

    def __init__(self, now: Callable[[], int] = time.perf_counter_ns) -> None:
        self.now_ns = now
        self.called_ns = now()
        self.sent_ns: int | None = None
        self.ended_ns: int | None = None
        self._asked_ns = self._arrived_ns = self.called_ns
        self.hops = 0
        self.tls_started = False
        self.on_used_connection = False
        self.replying = False  # a byte came since the request was sent
        self._reused: bool | None = None
        self._connect_ns: int | None = None
        self._dns: list[int] = []
        self._tls_ns: int | None = None
        self._connected_ns: int | None = None
        self._round_trip_s: float | None = None
        self.body_bytes = 0
        self.waits: Waits | None = None
        self._bytes_received = 0
        self._start_receiving()

    def _start_receiving(self) -> None:
        self.headers_ns: int | None = None
        self.last_byte_ns: int | None = None
        self._broke_ns: int | None = None
        self._chunk_ns: list[int] = []
        self._chunk_end: list[int] = []
        self._chunks = 0
        self._hop_bytes = 0
        self._latest_ns: int | None = None
        self._max_gap_ns: int | None = None

    def redirected(self) -> None:
        """Begin the next hop of the same exchange."""
        self.hops += 1
        self._start_receiving()

    def connecting(self) -> None:
        """Stamp that a new connection is being made."""
        self.on_used_connection = False
        if self.hops == 0:
            self._reused, self._connect_ns = False, self.now_ns()

    def reused(self) -> None:
        """Stamp that an idle connection was taken."""
        self.on_used_connection = True
        if self.hops == 0:
            self._reused, self._connect_ns = True, self.now_ns()

    def resolving(self) -> None:
        """Stamp the beginning or the end of a name look-up."""
        if self.hops == 0:
            self._dns.append(self.now_ns())

    def handshaking(self) -> None:
        """Stamp that TCP stands and TLS begins."""
        self.tls_started = True
        if self.hops == 0:
            self._tls_ns = self.now_ns()

    def connected(self, round_trip_s: float | None = None) -> None:
        """Stamp that the connection can be used; keep its round trip if the system tells it."""
        if self.hops == 0:
            self._connected_ns, self._round_trip_s = self.now_ns(), round_trip_s

    def sending(self) -> None:
        """Stamp that the request goes out; the last stamp before the first redirect holds."""
        self._asked_ns = self._arrived_ns = self.now_ns()
        self.replying = False
        if self.hops == 0:
            self.sent_ns = self._asked_ns
        if self.waits is not None:
            self.waits.for_first_byte()

    def unsent(self) -> None:
        """Take back the sending: the connection was gone before a byte was written."""
        self._broke_ns = None
        if self.hops == 0:
            self.sent_ns = None

    def moment(self, arrived_ns: int | None) -> int:
        """Return when something came that is being read now.

        What the system says, where that is after the request was sent, and never before an
        earlier read of this exchange.
        """
        self.replying = True
        at_ns = moment_ns(arrived_ns, self._asked_ns, self.now_ns())
        self._arrived_ns = max(at_ns, self._arrived_ns)
        return self._arrived_ns

    def got_headers(self, at_ns: int | None = None) -> None:
        """Stamp that the response's head was read; the first stamp of a hop holds."""
        if self.headers_ns is None:
            self.headers_ns = self.now_ns() if at_ns is None else at_ns

    def got_chunk(self, size: int, at_ns: int | None = None) -> None:
        """Stamp one read of the body."""
        now = self.now_ns() if at_ns is None else at_ns
        self._chunks += 1
        self._hop_bytes += size
        self._bytes_received += size
        if self._latest_ns is not None:
            self._max_gap_ns = max(self._max_gap_ns or 0, now - self._latest_ns)
        self._latest_ns = now
        if len(self._chunk_ns) < MAX_STAMPED_CHUNKS:
            self._chunk_ns.append(now)
            self._chunk_end.append(self._hop_bytes)
        if self.waits is not None:
            self.waits.for_next_read()

    def broke(self) -> None:
        """Stamp that the connection went away before the reply was seen to be whole."""
        self._broke_ns = self.now_ns()

    def completed(self, at_ns: int | None = None) -> None:
        """Stamp that the body came whole; the first stamp of a hop holds."""
        if self.last_byte_ns is None:
            self.last_byte_ns = at_ns or self._broke_ns or self.now_ns()

    def ended(self) -> None:
        """Stamp that the exchange is over, well or badly; a broken connection is its end."""
        self.ended_ns = self._broke_ns or self.now_ns()

    def stamps(self) -> Stamps:
        """Return what was stamped so far."""
        dns_end = self._dns[-1] if len(self._dns) > 1 else None
        tcp_start = dns_end or self._connect_ns
        new = self._reused is False
        tcp_s = _span(tcp_start, self._tls_ns or self._connected_ns) if new else None
        return Stamps(
            called_ns=self.called_ns,
            sent_ns=self.sent_ns,
            headers_ns=self.headers_ns,
            first_byte_ns=self._chunk_ns[0] if self._chunk_ns else None,
            last_byte_ns=self.last_byte_ns,
            ended_ns=self.ended_ns,
            pool_s=_span(self.called_ns, self._connect_ns),
            dns_s=_span(self._dns[0], dns_end) if new and self._dns else None,
            tcp_s=tcp_s,
            round_trip_s=(self._round_trip_s or tcp_s) if new else None,
            tls_s=_span(self._tls_ns, self._connected_ns) if new else None,
            connection_reused=self._reused,
            chunk_ns=tuple(self._chunk_ns),
            chunk_end=tuple(self._chunk_end),
            chunks=self._chunks,
            max_gap_s=None if self._max_gap_ns is None else self._max_gap_ns / 1e9,
            bytes_sent=None if self.sent_ns is None else self.body_bytes,
            bytes_received=self._bytes_received if self.headers_ns or self._chunks else None,
            hops=self.hops,
        )


# Whose exchange goes on in this task: connections and the TLS context are shared by all.
recording: ContextVar[Recorder | None] = ContextVar("liftlab_recorder", default=None)


class ConnectionGone(Exception):
    """An idle connection that its server had closed by the time it was to be used."""


def _span(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e9
