"""What a worker imports before its own code, once for all its children. Standard library only.

A child copies each page of the worker's that it touches, reading included, as Python counts who
refers to a thing in the thing itself. That copying is most of what a run costs. What is loaded at
one time lies together: so the worker's own code, which every child goes through, is loaded after
all this and not in between.
"""

from __future__ import annotations

from importlib import import_module

# What is left out, such as asyncio, random and decimal, a candidate loads when it wants it.
_FOR_CANDIDATES = (
    "abc", "bisect", "collections", "contextlib", "copy", "datetime", "enum", "functools",
    "heapq", "io", "itertools", "json", "math", "operator", "re", "string", "textwrap", "time",
    "typing",
)  # fmt: skip
_FOR_THE_WORKER = ("ast", "ctypes", "marshal", "resource", "select", "signal", "struct", "warnings")


def import_common() -> None:
    """Import what candidates commonly want, and what the worker builds on."""
    for name in (*_FOR_CANDIDATES, *_FOR_THE_WORKER):
        try:
            import_module(name)
        except ImportError:
            continue  # an interpreter built without it
