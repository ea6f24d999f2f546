"""Addresses: whether they can be used, and how they may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit


def shown(url: str) -> str:
    """Return a URL as it may be shown: without its query, where keys hide, or a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def at_root(url: str, path: str) -> str:
    """Return the address of `path` on the host of `url`."""
    return urlunsplit(urlsplit(url)._replace(path=path, query="", fragment=""))


def added(url: str, path: str) -> str:
    """Return the address of `path` below `url`, whose query stays."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return a URL with more in its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))))


def fault_of(url: str, *, base: bool = False) -> str | None:
    """Say in a few words why a URL cannot be used; None if it can.

    `base`: whether paths will be added to it, so that it cannot have a query.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0  # raises for a port that is no number
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        said = shown(url).rpartition("@")[2]
        return f"must begin with http:// or https://, not {said!r}"
    if not usable or any(char.isspace() or not char.isprintable() for char in url):
        return "is not a URL"
    if parts.username or parts.password:
        return "holds a user or password: name a variable in token_env or headers_env instead"
    if base and (parts.query or parts.fragment):
        return "cannot have a query: give the full addresses instead"
    return None
