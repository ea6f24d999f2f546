"""Health and warm-up, as both protocols ask for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from liftlab.endpoints.base import Health, WarmUp
from liftlab.endpoints.http import Exchange, HttpClient
from liftlab.endpoints.replies import ReplyError, clean, name_or_none, parse_object
from liftlab.endpoints.urls import shown

HEALTH_DEADLINE_S = 60.0  # a health check in a sleeping container wakes it first
# What a proxy answers while a container starts.
STARTING = frozenset({408, 425, 429, 502, 503, 504})
_WELL = frozenset({"healthy", "ok", "ready", "up", "warm", "pass", "alive"})
_PAUSE_S = 2.0

Sleep = Callable[[float], Awaitable[None]]


def facts(exchange: Exchange) -> dict[str, Any]:
    """Return the JSON object that an exchange brought, or an empty one."""
    try:
        return parse_object(exchange.body) if exchange.body else {}
    except ReplyError:
        return {}


def health_of(exchange: Exchange) -> Health:
    """Judge one health URL's answer: 2xx, and a `status` that means well if it gives one."""
    data = facts(exchange)
    status = name_or_none(data.get("status"))
    well = exchange.error_class is None and (status is None or status.lower() in _WELL)
    return Health(
        ok=well,
        url=exchange.url,
        status=exchange.message or status or f"HTTP {exchange.status}",
        model=name_or_none(data.get("model")),
        hardware=name_or_none(data.get("gpu") or data.get("hardware")),
        seconds=exchange.seconds,
    )


async def wake(client: HttpClient, url: str, *, deadline_s: float, sleep: Sleep) -> WarmUp:
    """Ask a warm-up URL until it says that the model is loaded, or time is up.

    Parameters
    ----------
    client
        What to ask with.
    url
        The warm-up URL.
    deadline_s
        When to give up, in seconds.
    sleep
        How to wait between two tries.
    """
    spent = 0.0
    while True:
        exchange = await client.get(url, deadline_s=max(deadline_s - spent, 0.001))
        data = facts(exchange)
        spent += exchange.seconds
        ready = all(data.get(key) is not False for key in ("model_loaded", "ready_for_requests"))
        starting = exchange.status in STARTING or (exchange.error_class is None and not ready)
        if not starting or spent + _PAUSE_S >= deadline_s:
            break
        await sleep(_PAUSE_S)
        spent += _PAUSE_S
    status = name_or_none(data.get("status")) or f"HTTP {exchange.status}"
    return WarmUp(
        ok=exchange.error_class is None and ready,
        url=shown(url),
        status=exchange.message or (status if ready else clean(f"{status}, model not loaded")),
        seconds=spent,
        model=name_or_none(data.get("model")),
    )
