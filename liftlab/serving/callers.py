"""Whose requests a server on loopback answers: not those of a page that somebody has open."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def refused(host: str, origin: str) -> str:
    """Say why a request is refused by its `Host` and `Origin`; empty if it is not.

    A page of another site names itself as the origin; one that lets its own name point at loopback
    has that name as the host.
    """
    names = [urlsplit(f"//{host}")] if host else []
    if origin:
        names.append(urlsplit(origin))
    try:
        own = all(name.hostname in _LOOPBACK for name in names)
    except ValueError:
        own = False
    return "" if own else "this server answers to loopback only"
