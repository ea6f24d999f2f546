"""Begins a request and breaks it off in the middle, as a client does whose line goes down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from liftlab.settings import EndpointSettings
from liftlab.timing.transport import verifying_tls

_BEGUN_S = 0.1  # by then a server has begun with what it has


async def break_off(
    endpoint: EndpointSettings,
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> None:
    """Send a request's head and half of its body, and close the connection.

    Whatever becomes of it: what the server makes of it is seen from the calls that follow.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    tls = verifying_tls(endpoint.ca_file and str(endpoint.ca_file)) if secure else None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with suppress(OSError):
        async with asyncio.timeout(endpoint.connect_s):
            port = parts.port or (443 if secure else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
            writer.write("\r\n".join(lines).encode("latin-1") + body[: len(body) // 2])
            await writer.drain()
            await asyncio.sleep(_BEGUN_S)
            writer.close()
            await writer.wait_closed()
