"""What a reply tells of its attempt, as columns of the attempt's row."""

from __future__ import annotations

from typing import Any

from liftlab.endpoints.base import Reply
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
