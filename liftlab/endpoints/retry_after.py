"""What a refusal asks of whoever would ask again: how long to wait, or not to ask at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT_S = 86_400.0
_PAY_FIRST = 402
_KINDS = ("requests", "tokens")
_RESETS = (
    ("x-ratelimit-reset-{}", "x-ratelimit-remaining-{}"),
    ("anthropic-ratelimit-{}-reset", "anthropic-ratelimit-{}-remaining"),
)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_EPOCH_S, _EPOCH_MS = 1e9, 1e12  # numbers from these on are moments, not spans
# Codes and types of errors that waiting does not mend, and how people are told of them.
_USED_UP = re.compile(
    r"insufficient[_ ](?:user[_ ])?(?:quota|balance|credits?|funds)|quota_exceeded"
    r"|billing_(?:hard_limit|not_active)|exceeded[_ ](?:your[_ ])?current[_ ]quota"
    r"|credit balance is too low|out of credits|account_deactivated",
    re.IGNORECASE,
)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long a reply asks to wait before the next request, in seconds; None if not at all.

    `retry-after-ms` and `retry-after` say it. Without them it is when the limit that is used up
    is renewed (`x-ratelimit-reset-requests`, …); if it is not told which one is, the nearest.
    Names of headers are in lower case; dates are compared with `now`.
    """
    now = now or datetime.now(UTC)
    in_ms = _span_s(headers.get("retry-after-ms", ""), now)
    asked = in_ms / 1000 if in_ms is not None else _span_s(headers.get("retry-after", ""), now)
    if asked is None:
        resets = list(_resets(headers, now))
        used_up = [seconds for seconds, left in resets if left == "0"]
        asked = max(used_up) if used_up else min((s for s, _ in resets), default=None)
    return None if asked is None else min(max(0.0, asked), _LONGEST_WAIT_S)


def is_used_up(status: int, said: str) -> bool:
    """Whether a refusal says that a quota or an account is used up, which no wait mends."""
    return status == _PAY_FIRST or (status in (400, 403, 429) and _USED_UP.search(said) is not None)


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[float, str | None]]:
    """Give when each limit is renewed, and what is left of it."""
    names = [(r.format(kind), left.format(kind)) for r, left in _RESETS for kind in _KINDS]
    names += [(f"{p}ratelimit-reset", f"{p}ratelimit-remaining") for p in ("x-", "")]
    for reset, left in names:
        seconds = _span_s(headers.get(reset, ""), now, moments=True)
        if seconds is not None:
            yield seconds, headers.get(left, "").strip() or None


def _span_s(text: str, now: datetime, *, moments: bool = False) -> float | None:
    """Return a span that is written as seconds, 6m0s or a date; None if it is none.

    With `moments` a large number is one, in seconds or milliseconds since 1970.
    """
    text = text.strip()[:64]
    try:
        number = float(text)
    except ValueError:
        parts = _PART.findall(text)
        if parts and "".join(f"{size}{unit}" for size, unit in parts) == text:
            return sum(float(size) * _UNITS[unit] for size, unit in parts)
        then = _moment(text)
        return None if then is None else (then - now).total_seconds()
    if not text[0].isdigit():  # nan, inf, -5
        return None
    if moments and number >= _EPOCH_S:
        return number / (1000 if number >= _EPOCH_MS else 1) - now.timestamp()
    return number


def _moment(text: str) -> datetime | None:
    """Return a moment as HTTP or ISO 8601 write it."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            then = read(text)
        except (ValueError, OverflowError):
            continue
        return then if then.tzinfo else then.replace(tzinfo=UTC)
    return None
