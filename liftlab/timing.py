"""The clock: what was stamped during one HTTP exchange, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The moments of one exchange, as `perf_counter_ns`, and the spans before it was sent.

    A moment that never came is None. `chunk_ns` holds the arrival of each read of the
    body, up to a bound; `chunks` and `max_gap_s` count and compare all of them.
    """

    called_ns: int
    sent_ns: int | None = None
    headers_ns: int | None = None
    first_byte_ns: int | None = None
    last_byte_ns: int | None = None
    pool_s: float | None = None
    dns_s: float | None = None
    tcp_s: float | None = None
    tls_s: float | None = None
    connection_reused: bool | None = None
    chunk_ns: tuple[int, ...] = ()
    chunks: int = 0
    max_gap_s: float | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    hops: int = 0
