"""What the caller, the worker and the child agree on. Standard library only."""

from __future__ import annotations

import json
import struct
from typing import Any

RESULT_FD = 3
EXIT_MEMORY, EXIT_BROKEN = 81, 83
MODULE_NAME, FILENAME = "candidate", "<candidate>"
MESSAGE_CHARS = 300
NAME_CHARS = 120
MOST_FUNCTIONS = 100
# A suite's arguments may be larger than what a candidate may send back.
ARGUMENT_LIMITS = {"max_nodes": 1_000_000, "max_bytes": 4 * 1024 * 1024}
HEADER_BYTES = 4
# A run that has to wait for a processor may take this many times its wall limit.
HELD_UP_FACTOR = 10


def pack(message: Any) -> bytes:
    r"""Return `message` as JSON behind its length.

    Examples
    --------
    >>> pack([1])
    b'\x00\x00\x00\x03[1]'
    """
    body = json.dumps(message).encode("ascii")
    return struct.pack(">I", len(body)) + body


def length(header: bytes) -> int:
    """Return the length that a message's header announces."""
    return int(struct.unpack(">I", header)[0])
