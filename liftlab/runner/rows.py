"""Rows of attempts: what a reply tells, and how those of a load are committed together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from liftlab.endpoints.base import Reply
from liftlab.errors import StorageFailed
from liftlab.records import Attempt, Stage, Trial
from liftlab.store import Journal
from liftlab.timing.clock import Clock


def measured(reply: Reply, clock: Clock) -> dict[str, Any]:
    """Return the columns of `liftlab.records.Attempt` that a reply fills.

    `reply`: the reply, with its stamps. `clock`: the run's clock, which turns stamps into seconds
    since the run's zero.
    """
    stamps = reply.stamps
    return {
        "model": reply.model,
        "called_s": clock.seconds(stamps.called_ns),
        "pool_s": stamps.pool_s,
        "dns_s": stamps.dns_s,
        "tcp_s": stamps.tcp_s,
        "tls_s": stamps.tls_s,
        "connection_reused": stamps.connection_reused,
        "sent_s": clock.seconds(stamps.sent_ns),
        "headers_s": clock.seconds(stamps.headers_ns),
        "first_byte_s": clock.seconds(stamps.first_byte_ns),
        "first_token_s": clock.seconds(reply.first_token_ns),
        "first_reasoning_s": clock.seconds(reply.first_reasoning_ns),
        "last_token_s": clock.seconds(reply.last_token_ns),
        "last_byte_s": clock.seconds(stamps.last_byte_ns),
        "ended_s": clock.seconds(stamps.ended_ns),
        "chunks": stamps.chunks,
        "max_gap_s": stamps.max_gap_s,
        "itl_s": reply.itl_s,
        "server_s": reply.server_s,
        "queue_s": reply.queue_s,
        "prefill_s": reply.prefill_s,
        "decode_s": reply.decode_s,
        "compile_s": reply.compile_s,
        "hops": stamps.hops,
        "prompt_tokens": reply.prompt_tokens,
        "cached_tokens": reply.cached_tokens,
        "output_tokens": reply.output_tokens,
        "reasoning_tokens": reply.reasoning_tokens,
        "reported_usd": reply.reported_usd,
        "finish_reason": reply.finish_reason,
        "http_status": reply.http_status,
        "response_id": reply.response_id,
        "system_fingerprint": reply.system_fingerprint,
        "ratelimit_requests_left": reply.ratelimit_requests_left,
        "ratelimit_tokens_left": reply.ratelimit_tokens_left,
        "bytes_sent": stamps.bytes_sent,
        "bytes_received": stamps.bytes_received,
        "transport_ok": reply.transport_ok,
        "valid": reply.error_class is None and reply.failure is None,
        "constrained": reply.constrained,
        "error_class": reply.error_class,
        "retry_after_s": reply.retry_after_s,
    }


BATCH_S = 0.05  # how long an ended request may wait for its commit to begin
_BATCH_ROWS = 1000
_BATCHES_UNDER_WAY = 8  # then the writer is behind: whoever can wait does
_TOLD_EVERY_S = 0.5


class Batches:
    """Rows of ended requests, committed many at a time by the journal's own thread."""

    def __init__(self, journal: Journal, tell: Callable[[dict[str, Any]], None]) -> None:
        self._journal = journal
        self._tell = tell
        self._rows: list[tuple[Attempt, Stage | None, Trial | None]] = []
        self._under_way: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._failure: StorageFailed | None = None
        self._told_s = 0.0
        self.ended = 0
        self.failed = 0

    def add(self, attempt: Attempt, stage: Stage | None = None, trial: Trial | None = None) -> None:
        """Take the rows of one request; does not wait."""
        self._rows.append((attempt, stage, trial))
        if trial is not None:
            self.ended += 1
            self.failed += not trial.completed
        if len(self._rows) >= _BATCH_ROWS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_S, self.flush)

    def flush(self) -> None:
        """Hand what has gathered to the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        if rows:
            try:
                done = self._journal.requests_ended(
                    [attempt for attempt, _, _ in rows],
                    [stage for _, stage, _ in rows if stage is not None],
                    [trial for _, _, trial in rows if trial is not None],
                )
            except StorageFailed as failure:  # a timer calls: nobody would hear of it
                self._failure = failure
                return
            self._under_way.append(asyncio.wrap_future(done))
        now_s = time.monotonic()
        if now_s - self._told_s >= _TOLD_EVERY_S:
            self._told_s = now_s
            self._tell({"event": "requests", "ended": self.ended, "failed": self.failed})

    def check(self) -> None:
        """Forget the batches that are on the disk.

        Raises StorageFailed if the journal could not write.
        """
        if self._failure is not None:
            raise self._failure
        while self._under_way and self._under_way[0].done():
            self._under_way.popleft().result()

    async def room(self) -> None:
        """Wait while the disk is far behind: memory must not grow with the length of a load.

        Raises StorageFailed if the journal could not write.
        """
        self.check()
        while len(self._under_way) > _BATCHES_UNDER_WAY:
            await self._under_way.popleft()

    async def close(self) -> None:
        """Wait until everything is on the disk.

        Raises StorageFailed if the journal could not write.
        """
        self.flush()
        while self._under_way:
            await self._under_way.popleft()
        self.check()
        self._tell({"event": "requests", "ended": self.ended, "failed": self.failed})
