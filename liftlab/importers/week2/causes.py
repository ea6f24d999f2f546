"""What the first benchmark's error texts mean, as the closed list of `records.ErrorClass`.

A text that says none of this stays without a class, and its trial is not judged by it.
"""

from __future__ import annotations

import re
from typing import get_args

from liftlab.records import ErrorClass

# The first that matches counts; `does_not_parse` is the code stage's own reason.
_CAUSES = (
    (
        r"indent|syntax|unterminated|never closed|unmatched|unexpected eof|expected ['\"(:]"
        r"|tabs and spaces",
        "does_not_parse",
    ),
    (r"\b429\b|rate limit|too many requests", "http_429"),
    (
        r"\b(http|status|server|code)\W.*\b5\d\d\b|\b5\d\d (server|internal|bad|service|gateway)",
        "http_5xx",
    ),
    (
        r"\b(http|status|client|code)\W.*\b4\d\d\b|\b4\d\d (client|bad|unauth|forbid|not)",
        "http_4xx",
    ),
    (r"timed? ?out|timeout|deadline", "deadline"),
    (r"^cancel", "cancelled"),
    (r"getaddrinfo|name resolution|name or service|resolve host", "dns"),
    (r"\bssl\b|\btls\b|certificate", "tls"),
    (r"reset by peer|disconnected|connection closed|connection aborted|broken pipe", "reset"),
    (r"connection refused|cannot connect|connect call failed|unreachable|connecterror", "connect"),
    (r"max_tokens|finish_reason.*length|token limit", "length"),
    (r"schema|validation error|field required|missing field", "schema_mismatch"),
    (r"json", "invalid_json"),
)
_COMPILED = [(re.compile(pattern, re.IGNORECASE), cause) for pattern, cause in _CAUSES]
_CLASSES = {*get_args(ErrorClass), "does_not_parse"}  # what our own export writes
_READ = 2_000  # characters of a text that are looked at


def error_class(text: str | None) -> str | None:
    """Return the class that an error text tells of, or None."""
    told = (text or "")[:_READ]
    if told in _CLASSES:
        return told
    return next((cause for pattern, cause in _COMPILED if pattern.search(told)), None)
