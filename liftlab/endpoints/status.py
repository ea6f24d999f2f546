"""Health and warm-up answers, as both protocols read them."""

from __future__ import annotations

from typing import Any

from liftlab.endpoints.base import Health, WarmUp
from liftlab.endpoints.http import Exchange, bare_reply
from liftlab.endpoints.replies import ReplyError, clean, name_or_none, parse_object

HEALTH_DEADLINE_S = 60.0  # a health check in a sleeping container wakes it first
# What a proxy answers while a container starts; 429 is rather a server that is busy.
PROXY_STARTING = frozenset({408, 425, 502, 503, 504})
_ASK_AGAIN = PROXY_STARTING | {429}
_NOBODY_ASKED = frozenset({"connect", "reset", "stale_connection"})
_WELL = frozenset({"healthy", "ok", "ready", "up", "warm", "pass", "alive", "connected"})


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
        starting=exchange.status in PROXY_STARTING or exchange.error_class == "deadline",
        answered=exchange.status is not None,
        model=name_or_none(data.get("model")),
        hardware=name_or_none(data.get("gpu") or data.get("hardware")),
        seconds=exchange.seconds,
    )


def warm_up_of(exchange: Exchange) -> WarmUp:
    """Judge one warm-up call's answer: 2xx, and a model that is loaded if it says so."""
    data = facts(exchange)
    well = exchange.error_class is None
    ready = all(data.get(key) is not False for key in ("model_loaded", "ready_for_requests"))
    status = name_or_none(data.get("status")) or ("warm" if well else f"HTTP {exchange.status}")
    return WarmUp(
        ok=well and ready,
        starting=(well and not ready)
        or (exchange.status in _ASK_AGAIN and not exchange.final)
        or exchange.error_class in _NOBODY_ASKED,
        url=exchange.url,
        status=exchange.message or (status if ready else clean(f"{status}, model not loaded")),
        reply=bare_reply(exchange),
        model=name_or_none(data.get("model")),
    )
