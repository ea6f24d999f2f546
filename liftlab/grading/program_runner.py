"""Run an answer as a program: what it reads goes in, what it printed comes out.

This file is sent to the sandbox as source, with the answer and its input as arguments; what the
program should print is known to the caller alone. Standard library only.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from types import ModuleType
from typing import Any

_ANSWER = "<candidate>"
_SENT_CHARS = 12_000  # of text that is sent back whole; of longer text a digest


def run_program(answer: bytes, stdin: str, name: str | None, most: int) -> str | dict[str, Any]:
    """Run `answer` as `__main__`, and return what it printed, in the form of `plain_lines`.

    Of long text a dict comes back, with its `sha256` and `head`; of more than `most` bytes one with
    `too_large`. What it raises, other than a `SystemExit` that tells success, is let through.
    If the program has read and printed nothing, its function or method `name` is called.
    """
    printed = _redirect(stdin)
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = "candidate.py"
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # as `site` has them
    vars(os).update(_exit=sys.exit)  # the run goes on after the program
    own = sys.stdout
    try:
        _until_exit(answer, module, name, printed, own)
    finally:
        _flush(own)
        size = os.fstat(printed).st_size
        if size > most:
            return {"too_large": size}  # noqa: B012 -- whatever it raised for want of room
    return _told(os.pread(printed, size, 0).decode("utf-8", "replace"))


def plain_lines(text: str) -> str:
    """Return text without white space at the ends of lines and line breaks at its end."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")


def _redirect(stdin: str) -> int:
    """Give the process files as descriptors 0 and 1; return another for what is printed."""
    descriptors = []
    for path in ("stdin", "stdout"):
        descriptors.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        os.remove(path)
    reading, printed = descriptors
    data = stdin.encode("utf-8", "surrogatepass")
    while data:
        data = data[os.write(reading, data) :]
    os.lseek(reading, 0, os.SEEK_SET)
    os.dup2(reading, 0)
    os.dup2(printed, 1)
    os.close(reading)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        errors = "backslashreplace" if number == 2 else "strict"
        stream = os.fdopen(number, "w" if number else "r", -1, "utf-8", errors, closefd=False)
        vars(sys).update({name: stream, f"__{name}__": stream})
    return printed


def _until_exit(
    answer: bytes, module: ModuleType, name: str | None, printed: int, own: Any
) -> None:
    """Run a program to where the interpreter would end."""
    atexit._clear()  # the worker's own
    if b"random" in answer:
        import random

        random.seed(0)  # the same verdict every time
    try:
        exec(compile(answer, _ANSWER, "exec"), module.__dict__)  # noqa: S102 -- in the sandbox
        _flush(own)
        if name and not os.fstat(printed).st_size and not os.lseek(0, 0, os.SEEK_CUR):
            _call(module.__dict__, name)
    except SystemExit as left:
        if left.code not in (None, 0):
            raise
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()  # waits for those that are no daemons
    atexit._run_exitfuncs()


def _call(space: dict[str, Any], name: str) -> None:
    function, owner = space.get(name), space.get("Solution")
    if function is None and isinstance(owner, type):
        function = getattr(owner(), name, None)
    if callable(function):
        function()


def _flush(own: Any) -> None:
    for stream in (sys.stdout, own):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed, full, or replaced by something else


def _told(text: str) -> str | dict[str, Any]:
    text = plain_lines(text)
    if len(text) <= _SENT_CHARS:
        return text
    from hashlib import sha256

    return {"sha256": sha256(text.encode()).hexdigest(), "head": text[:500]}
