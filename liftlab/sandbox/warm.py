"""What a worker imports before its own code, once for all its children. Standard library only.

A child copies each page of the worker's that it touches, reading included, as Python counts who
refers to a thing in the thing itself. That copying is most of what a run costs. What is loaded at
one time lies together: so the worker's own code, which every child goes through, is loaded after
all this and not in between.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

# What is left out, such as asyncio, random, decimal and datetime, a candidate loads when it wants
# it: the 400 KB that datetime takes cost every run 40 us, and loading it 2.3 ms: more only where
# more than one run in fifty wants it.
_FOR_CANDIDATES = (
    "abc", "bisect", "collections", "contextlib", "copy", "enum", "functools", "heapq", "io",
    "itertools", "json", "math", "operator", "re", "string", "textwrap", "time", "typing",
)  # fmt: skip
_FOR_THE_WORKER = ("ctypes", "marshal", "resource", "select", "signal", "struct", "warnings")
_PLAIN = "biufcUS"  # numpy's letters for bools, numbers and text


def import_common() -> None:
    """Import what candidates commonly want, and what the worker builds on."""
    for name in (*_FOR_CANDIDATES, *_FOR_THE_WORKER):
        try:
            import_module(name)
        except ImportError:
            continue  # an interpreter built without it


def import_packages(folders: Sequence[str], names: Sequence[str]) -> list[str]:
    """Import packages for candidates, and return the paths that these need to read thereafter.

    No candidate finds others in `folders`, as Python does not go on looking there.
    """
    sys.path += filter(None, folders)
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            sys.exit(
                f"the package {name} can't be imported by {sys.executable} "
                f"({type(error).__name__}: {error}): install it there, or take it out of packages"
            )
    sys.path[:] = [path for path in sys.path if path not in folders]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)  # the same verdict every time
        from liftlab import values  # the worker's own code comes after what candidates import

        scalars = {kind for kind in numpy.sctypeDict.values() if numpy.dtype(kind).kind in _PLAIN}
        values.accept(scalars - {numpy.longdouble, numpy.clongdouble}, numpy.generic.item)
    return sorted({path for folder in folders for path in _loaded_from(folder)})


def _loaded_from(folder: str) -> Iterator[str]:
    """Yield the files and folders right in `folder` that hold a loaded module or its libraries."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if folder and file.startswith(folder + os.sep):
            top = os.path.join(folder, file[len(folder) + 1 :].partition(os.sep)[0])
            yield from (top, f"{top}.libs")
