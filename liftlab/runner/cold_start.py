"""Which attempts found the endpoint asleep, and how long they waited for it to wake.

Nobody tells a client that a container was cold. The rule, in `docs/how-we-measure.md`:

* An *awakening* begins with a call to an endpoint that has given no good answer yet, or
  none for `idle_s` while nothing was under way. It ends with the first good answer.
  Where a warm-up URL is on another host than the generations, the first of these begins one, too.
* The model was ready when the earliest of its answers began to be made: the end of that
  reply less the server's own time.
* An attempt of the awakening waited for that from its sending on. It was cold if the wait,
  less one round trip of its connection and the queue that the server tells of, is `least_s` or
  longer, and no error of the clock.
* A refusal that a starting container's proxy gives (408, 425, 502, 503, 504) during an awakening
  was cold for as long as it took.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from liftlab.endpoints.base import Reply
from liftlab.endpoints.http import PROXY_STARTING

LEAST_COLD_S = 0.1  # above the jitter of proxies; no container is known to start faster


@dataclass(slots=True)
class Awakening:
    """One first contact: since when the model was ready, once an answer tells it."""

    ready_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What an attempt waited for before the server worked on it; None where not known."""

    cold: bool | None = None
    cold_s: float | None = None
    queue_s: float | None = None


class ColdWatch:
    """Follows all attempts of a session, in the order in which they are called.

    After `idle_s` without a request the container may have gone; a wait shorter than `least_s`
    is no cold start. Calls may come from several threads.
    """

    def __init__(self, *, idle_s: float, least_s: float = LEAST_COLD_S) -> None:
        self._idle_ns = idle_s * 1e9
        self._least_s = least_s
        self._awakening: Awakening | None = Awakening()
        self._under_way = 0
        self._answered_ns = 0
        self._lock = threading.Lock()

    def doubt(self, uncertainty_s: float | None) -> None:
        """Count no wait as a cold start that the clock may only imagine."""
        self._least_s = max(self._least_s, uncertainty_s or 0.0)

    def called(self, now_ns: int) -> Awakening | None:
        """Note a call; return the awakening that it is part of, if any."""
        with self._lock:
            idle = self._under_way == 0 and now_ns - self._answered_ns >= self._idle_ns
            if idle and self._awakening is None:
                self._awakening = Awakening()
            self._under_way += 1
            return self._awakening

    def goes_elsewhere(self) -> None:
        """Note that the next calls go to another host: it may sleep, whatever the last one does."""
        self._awakening = Awakening()

    def ended(self, awakening: Awakening | None, reply: Reply) -> Wait:
        """Note the end of a call, and return what it waited for."""
        begun_ns = _begun_ns(reply)
        with self._lock:
            self._under_way -= 1
            if reply.transport_ok and reply.stamps.ended_ns is not None:  # the model is loaded
                self._awakening, self._answered_ns = None, reply.stamps.ended_ns
            if awakening is not None and begun_ns is not None:
                awakening.ready_ns = min(begun_ns, awakening.ready_ns or begun_ns)
            return self._judged(awakening, reply, begun_ns)

    def _judged(self, awakening: Awakening | None, reply: Reply, begun_ns: int | None) -> Wait:
        stamps = reply.stamps
        told_s = reply.queue_s
        waited_s = _span_s(stamps.sent_ns, begun_ns)
        queue_s = waited_s if told_s is None else told_s
        if awakening is None:
            return Wait(cold=False, queue_s=queue_s)
        if reply.http_status in PROXY_STARTING:
            return Wait(cold=True, cold_s=_span_s(stamps.sent_ns, stamps.ended_ns))
        if waited_s is None:
            return Wait(queue_s=queue_s)
        until_ready_s = _span_s(stamps.sent_ns, awakening.ready_ns) or 0.0
        not_cold_s = (stamps.round_trip_s or 0.0) + (told_s or 0.0)  # a queue of the server's own
        cold_s = min(waited_s, max(0.0, until_ready_s - not_cold_s))
        if cold_s < self._least_s:
            return Wait(cold=False, queue_s=queue_s)
        if told_s is None:
            queue_s = waited_s - cold_s
        return Wait(cold=True, cold_s=cold_s, queue_s=queue_s)


def _begun_ns(reply: Reply) -> int | None:
    """Return when the server began to work on a reply, where it tells how long it took.

    A streamed reply takes until its last byte, another one until its first.
    """
    stamps = reply.stamps
    done_ns = stamps.last_byte_ns if reply.first_token_ns else stamps.first_byte_ns
    if reply.server_s is None or done_ns is None or stamps.sent_ns is None:
        return None
    return max(stamps.sent_ns, done_ns - round(reply.server_s * 1e9))


def _span_s(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e9
