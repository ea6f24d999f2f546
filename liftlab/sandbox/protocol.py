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
# A run that has to wait for a processor may take this many times its wall limit.
HELD_UP_FACTOR = 10

_HEADER = struct.Struct(">III")
HEADER_BYTES = _HEADER.size


def pack(head: Any, first: bytes = b"", second: bytes = b"") -> bytes:
    r"""Return a message: `head` as JSON and two runs of bytes, behind the length of each.

    To the worker the bytes are the source and the calls, as JSON that only the child reads;
    from it they are what the child sent and what it printed.

    Examples
    --------
    >>> pack([1], b"x")
    b'\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00[1]x'
    """
    text = json.dumps(head).encode("ascii")
    return b"".join((_HEADER.pack(len(text), len(first), len(second)), text, first, second))


def lengths(header: bytes) -> tuple[int, int, int]:
    """Return the lengths that a message's header announces."""
    return _HEADER.unpack(header)


def unpack(body: bytes, sizes: tuple[int, int, int]) -> tuple[Any, bytes, bytes]:
    """Return the parts of what follows a header; a ValueError where the head is no JSON."""
    head, first, _ = sizes
    return json.loads(body[:head]), body[head : head + first], body[head + first :]
