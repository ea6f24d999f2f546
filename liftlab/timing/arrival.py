"""When bytes came to this machine, as its kernel saw it.

A loop that is busy reads late: with 64 requests at once that was measured to be milliseconds.
Linux stamps each segment as it is received, and tells the stamp with the bytes. Elsewhere a
socket reads as any other, and the moment of the read is the best there is.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any

# Of asm-generic/socket.h and linux/net_tstamp.h; the socket module has no names for them.
_SO_TIMESTAMPING = 37
_RX_SOFTWARE, _SOFTWARE = 1 << 3, 1 << 4
_TIMESPEC = struct.Struct("@ll")  # the first of three; the others are for hardware
_ANCILLARY_BYTES = 128
_RTT = struct.Struct("@I")  # of struct tcp_info, in microseconds
_RTT_AT = 68


class ArrivalSocket(socket.socket):
    """A TCP socket that knows when the last bytes it read had arrived.

    `arrived_ns` is that moment, as `perf_counter_ns`; None before the first read, and where the
    system does not tell. Of several segments in one read it is the last one's.
    """

    arrived_ns: int | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, whose socket knows as much: the kernel hands the option on."""
        accepted, address = super().accept()
        return ArrivalSocket(fileno=accepted.detach()), address

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read, and keep when that arrived."""
        data, ancillary, _, _ = self.recvmsg(bufsize, _ANCILLARY_BYTES, flags)
        self._keep(ancillary)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read into a buffer, and keep when that arrived; connections with TLS read so."""
        view = memoryview(buffer)[: nbytes or None]
        size, ancillary, _, _ = self.recvmsg_into([view], _ANCILLARY_BYTES, flags)
        self._keep(ancillary)
        return size

    def _keep(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        kernel_ns = received_ns(ancillary)
        if kernel_ns is None:
            self.arrived_ns = None
            return
        # The kernel stamps by the wall clock, which may be set: only the age of the bytes is
        # taken from it. Looking at the wall first, a pause between the two looks makes the
        # moment late, as any late read would, and never too early.
        age_ns = time.time_ns() - kernel_ns
        self.arrived_ns = time.perf_counter_ns() - age_ns


def received_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """Return the kernel's stamp among what `recvmsg` gave beside the bytes; None if it gave none.

    It is in nanoseconds since 1970 by the wall clock (Linux, ``SO_TIMESTAMPING``).
    """
    for level, kind, data in ancillary:
        whole = len(data) >= _TIMESPEC.size
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING and whole:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return (seconds * 1_000_000_000 + nanoseconds) or None
    return None


def moment_ns(arrived_ns: int | None, since_ns: int, now_ns: int) -> int:
    """Return when bytes came that are being read now: as the system says, if it can be so.

    A moment that cannot be, before `since_ns` or still to come, tells that the wall clock, by
    which the system stamps, was set meanwhile: then, and without any, it is now.
    """
    if arrived_ns is None or not since_ns <= arrived_ns <= now_ns:
        return now_ns
    return arrived_ns


def arrival_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an entry of `socket.getaddrinfo` that knows when its bytes came."""
    family, kind, protocol, *_ = address
    if sys.platform != "linux":
        return socket.socket(family, kind, protocol)
    arriving = ArrivalSocket(family, kind, protocol)
    try:
        arriving.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)
    except OSError:  # a kernel without it: each read is then stamped when it is made
        arriving.close()
        return socket.socket(family, kind, protocol)
    return arriving


def arrival_of(transport: asyncio.BaseTransport | None) -> ArrivalSocket | None:
    """Return the socket under a connection, if it is one that knows when its bytes came."""
    # asyncio shows its sockets in a wrapper without a way in; not finding ours costs accuracy only.
    shown = None if transport is None else transport.get_extra_info("socket")
    found = getattr(shown, "_sock", None)
    return found if isinstance(found, ArrivalSocket) else None


def round_trip_s(transport: asyncio.BaseTransport | None) -> float | None:
    """Return the round trip of a TCP connection as its kernel measured it, in seconds.

    After the handshake alone it is the time from SYN to SYN-ACK (Linux, ``TCP_INFO``); None
    where the system does not tell.
    """
    shown = None if transport is None else transport.get_extra_info("socket")
    if shown is None or sys.platform != "linux":
        return None
    try:
        told = shown.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_AT + _RTT.size)
    except OSError:  # no TCP
        return None
    return _RTT.unpack_from(told, _RTT_AT)[0] / 1e6 if len(told) == _RTT_AT + _RTT.size else None
