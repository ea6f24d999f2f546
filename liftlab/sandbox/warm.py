"""What a worker imports before its own code, once for all its children. Standard library only.

A child copies each page of the worker's that it touches, reading included, as Python counts who
refers to a thing in the thing itself. That copying is most of what a run costs. What is loaded at
one time lies together: so the worker's own code, which every child goes through, is loaded after
all this and not in between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module

# What is left out, such as asyncio, random, decimal and datetime, a candidate loads when it wants
# it: the 400 KB that datetime takes cost every run 40 us, and loading it 2.3 ms: more only where
# more than one run in fifty wants it.
_FOR_CANDIDATES = (
    "abc", "bisect", "collections", "contextlib", "copy", "enum", "functools", "heapq", "io",
    "itertools", "json", "math", "operator", "re", "string", "textwrap", "time", "typing",
)  # fmt: skip
_FOR_THE_WORKER = ("ctypes", "marshal", "resource", "select", "signal", "struct", "warnings")
# Python keeps objects of up to so many bytes in pools, one for each size.
_SMALL, _POOL_BYTES, _POOL_HEADER_BYTES = 512, 16 * 1024, 48
_MOST = 500  # of one size, where memory is given out in another way
_held: list[bytes] = []


def import_common() -> None:
    """Import what candidates commonly want, and what the worker builds on."""
    for name in (*_FOR_CANDIDATES, *_FOR_THE_WORKER):
        try:
            import_module(name)
        except ImportError:
            continue  # an interpreter built without it


def fill_holes() -> None:
    """Take up the holes that imports have left all over memory.

    What a child makes then lies side by side in few pages, and not here and there in many that
    it would have to copy: a seventh of all that it copies.
    """
    _held.extend(_fillers())


def _fillers() -> Iterator[bytes]:
    # From large to small, as what is small finds room in the holes of what is large.
    for size in (*range(2048, _SMALL, -256), *range(_SMALL, 32, -16)):
        last = 0
        for _ in range(_MOST):
            filler = bytes(size - sys.getsizeof(b""))
            yield filler
            if _is_fresh(id(filler), last, size):
                break
            last = id(filler)


def _is_fresh(address: int, last: int, size: int) -> bool:
    """Say whether memory for objects of this size is new from here on."""
    if size <= _SMALL:
        return address % _POOL_BYTES == _POOL_HEADER_BYTES
    return 0 < address - last < 2 * size
