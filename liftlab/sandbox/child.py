"""What runs in the forked, confined child: compile, load, call, and send values back.

Each thing learned is one line of JSON on the result pipe: `confined`, `facts`, `loaded`, one
`call` for each call, `end`. Foreign code can write lines there too, and gains nothing: the
right values are known to the caller alone, so a forged value is worth what a returned one is.
Standard library only.
"""

from __future__ import annotations

import _thread
import builtins
import functools
import json
import marshal
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any, TextIO

from liftlab import values
from liftlab.sandbox import canaries, confine, facts, protocol

# Taken before foreign code can replace them.
_write, _clock_ns = os.write, time.perf_counter_ns  # a whole number is written in less code
# What `json.dumps` comes down to: its Python code takes each child 0.1 ms.
_pieces = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, None, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
)
_encode, _decode, _snapshot = values.encode, values.decode, marshal.dumps
_read = marshal.loads  # from the caller only: what comes from a child is JSON
_BUILTIN_EXCEPTIONS = {
    id(item): item.__name__  # an alias such as IOError has the same
    for item in vars(builtins).values()
    if isinstance(item, type) and issubclass(item, BaseException)
}
_TAG = b"$"  # what every tag of `values` begins with
_SNAPSHOT_VERSION = 2  # later ones depend on who else refers to a value
_REHEARSALS = 20
_THREAD_STACK_BYTES = 1024 * 1024  # of the address space; 8 MiB by default
_REHEARSED = b"""
import math
from typing import List

def f(a: int, b: List[float]) -> dict:
    "What answers are commonly made of."
    total, parts, seen = 0, [], {}
    for i in range(a):
        if i > 0 and not i == 7:
            total += i % 3
    for key, item in enumerate(b):
        seen[key] = str(item).lower().split()
        parts.append(f"{key}")
    text = ", ".join(sorted(parts))
    return {**{k: v for k, v in seen.items()}, "total": [math.sqrt(total), len(text)]}
"""
_NO_MEMORY_LEFT = {"error": {"name": "MemoryError", "bases": ["MemoryError", "Exception"]}}
_unsent = bytearray()


class Prepared:
    """What the worker makes once for its children, who only have to apply it."""

    def __init__(self, scratch: str, readable: Sequence[str]) -> None:
        os.chdir(scratch)
        for name in ("PWD", "LD_BIND_NOW"):  # bubblewrap's, and what served the worker
            os.environ.pop(name, None)
        os.environ.update(HOME=scratch, TMPDIR=scratch)
        sys.argv = [protocol.MODULE_NAME]
        self.output = sys.stdout = sys.stderr = _output()
        _thread.stack_size(_THREAD_STACK_BYTES)
        _be_lenient(scratch)
        self.confinement = confine.Confinement(scratch, readable)
        self.steps = functools.cache(self.confinement.steps)  # mostly the same are asked for again


def _output() -> TextIO:
    """Open what a child prints to, on a pipe: what is a file now would be told to be one later."""
    kept, (reading, writing) = os.dup(1), os.pipe()
    os.dup2(writing, 1)
    output = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.dup2(kept, 1)
    for fd in (kept, reading, writing):
        os.close(fd)
    return output


def _be_lenient(scratch: str) -> None:
    """Let honest code set modes, times and owners of its own files, which the filter refuses.

    The kernel cannot refuse it by path, so it refuses it everywhere. `shutil.copy` sets the mode of
    what it has copied, and an archive's files have their times: without this such code would be
    blocked. Nothing is set, and outside the folder `scratch` the refusal stays.
    """
    told_about = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)
    for name in ("chmod", "fchmod", "utime", "chown", "fchown", "lchown"):
        strict = getattr(os, name)
        lenient = _lenient(strict, os.path.realpath(scratch))
        setattr(os, name, lenient)
        for calls in told_about:
            if strict in calls:
                calls.add(lenient)
    os.truncate = _truncate


def _lenient(strict: Callable[..., None], scratch: str) -> Callable[..., None]:
    @functools.wraps(strict)
    def lenient(path: Any, *arguments: Any, **named: Any) -> None:
        try:
            strict(path, *arguments, **named)
        except PermissionError:
            # The filter refuses before the kernel has looked whether there is such a file.
            told: dict[str, Any] = {
                key: named[key] for key in ("dir_fd", "follow_symlinks") if key in named
            }
            found = os.stat(path, **told)
            if not any(os.path.samestat(found, own) for own in _likely(path, scratch, told)):
                raise

    return lenient


def _likely(path: Any, scratch: str, told: dict[str, Any]) -> Iterator[os.stat_result]:
    """Yield what in the scratch folder the path may stand for."""
    if isinstance(path, int) or told.get("dir_fd") is not None:
        for folder, _, names in os.walk(scratch):  # a path is not known
            yield from (os.lstat(os.path.join(folder, name)) for name in ("", *names))
        return
    place = os.path.realpath(os.fsdecode(path))
    if place == scratch or place.startswith(scratch + os.sep):
        yield os.stat(path, **told)


def _truncate(path: Any, length: int) -> None:
    """Truncate as `os.truncate` does, by a descriptor: for that Landlock says which files."""
    fd = path if isinstance(path, int) else os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(fd, length)
    finally:
        if fd is not path:
            os.close(fd)


def rehearse(prepared: Prepared) -> None:
    """Do in the worker, on source of ours, what every child will do, for Python to get used to it.

    It notes where it found attributes and names, and rewrites code that has run a few times: each
    note that is there already is a page less for each child to copy.
    """
    harmless: list[confine.Step] = [(os.getpid, (), None)] * 3
    for _ in range(_REHEARSALS):
        for arguments in ([2, [1.5, "x"]], [2, {"$tuple": [1]}]):
            calls = [{"function": "f", "args": arguments, "kwargs": {}}] * 2
            told = protocol.pack_told({"require": [], "calls": calls})
            run_job("run", _REHEARSED, told, harmless, prepared)
    del sys.modules[protocol.MODULE_NAME]


def run_job(
    kind: protocol.Kind,
    source: bytes,
    told: bytearray,
    steps: Sequence[confine.Step],
    prepared: Prepared,
) -> int:
    """Confine this process, do the job, and return the status with which to end the process.

    `told` is emptied, so that no frame holds what foreign code must not find there.
    """
    try:
        applied = confine.confine(steps)
        asked, is_tagged = _read(told), _TAG in told
        told.clear()
        _tell({"confined": applied})
        if not set(asked["require"]) <= set(applied):
            _send_told()
            return protocol.EXIT_BROKEN
        if kind == "probe":
            _tell({"probes": canaries.probe(asked["canary"])})
        elif kind == "parse":
            _tell({"facts": facts.inspect_source(source)[1]})
        else:
            # Without a tag the data are the values, and no part of them need be looked at.
            _run(source, asked["calls"], is_tagged=is_tagged)
        _flush(prepared.output)
        _tell({"end": True})
        _send_told()
    except MemoryError:
        return protocol.EXIT_MEMORY
    return 0


def _flush(output: TextIO) -> None:
    try:
        output.flush()
    except (OSError, ValueError):
        return  # foreign code has closed it


def _run(source: bytes, calls: list[dict[str, Any]], *, is_tagged: bool) -> None:
    only = None
    if all(call["function"] for call in calls):
        code, known = _compile(source)
    else:
        given = calls[0] if calls else {"args": (), "kwargs": ()}
        code, known = facts.inspect_source(source, len(given["args"]) + len(given["kwargs"]))
        only = (known.get("found") or {}).get("function")
    _tell({"facts": known})
    if code is not None:
        if b"random" in source:  # else the module is not worth what it costs every child
            import random

            random.seed(0)  # the same verdict every time
        _run_calls(code, calls, only, is_tagged=is_tagged)


def _compile(source: bytes) -> tuple[CodeType | None, dict[str, Any]]:
    """Compile source; more than that is known only of source that does not compile."""
    try:
        return compile(source, protocol.FILENAME, "exec", dont_inherit=True), {"parsed": True}
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return facts.inspect_source(source)


def _run_calls(
    code: CodeType, calls: list[dict[str, Any]], only: str | None, *, is_tagged: bool
) -> None:
    module = ModuleType(protocol.MODULE_NAME)
    module.__file__ = f"{protocol.MODULE_NAME}.py"  # there is none, but scripts ask where they are
    sys.modules[protocol.MODULE_NAME] = module
    _send_told()
    try:
        exec(code, module.__dict__)  # noqa: S102 -- what all this is for
    except BaseException as error:
        _tell({"load_error": _describe(error, None)})
        return
    _tell({"loaded": True})
    namespace = module.__dict__
    for number, call in enumerate(calls):
        name = call["function"] or only
        function = namespace.get(name) if name else None
        if name and not callable(function):
            name, function = _method(namespace, name)
        if isinstance(function, BaseException):
            _tell({"call": number, "function": name, "error": _describe(function, None)})
        elif not callable(function):
            _tell({"call": number, "function": name, "missing": True})
        else:
            try:
                told = _one_call(function, call, is_tagged=is_tagged)
            except MemoryError:
                told = _NO_MEMORY_LEFT  # with the traceback goes what was too large to be told
            _tell({"call": number, "function": name, **told})


def _method(namespace: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """Return a method of the class `Solution`, bound to a new instance; or what that raised."""
    owner, method = namespace.get(protocol.OWNER), name.removeprefix(f"{protocol.OWNER}.")
    try:
        if not isinstance(owner, type) or not callable(getattr(owner, method, None)):
            return name, None
        return f"{protocol.OWNER}.{method}", getattr(owner(), method)
    except BaseException as error:
        return name, error


def _one_call(
    function: Callable[..., Any], call: dict[str, Any], *, is_tagged: bool
) -> dict[str, Any]:
    arguments, keywords = call["args"], call["kwargs"]
    hidden = {"token": [call.pop("token")].pop} if "token" in call else {}
    if is_tagged:
        arguments = _decode(arguments, **protocol.ARGUMENT_LIMITS)
        keywords = _decode(keywords, **protocol.ARGUMENT_LIMITS)
    before = _snapshot([arguments, keywords], _SNAPSHOT_VERSION)
    _send_told()
    started = _clock_ns()
    try:
        value = function(*arguments, **keywords, **hidden)
    except BaseException as error:
        elapsed = _clock_ns() - started
        return {"error": _describe(error, function), "elapsed_ns": elapsed}
    result: dict[str, Any] = {"elapsed_ns": _clock_ns() - started}
    try:
        result["value"] = _encode(value)
    except values.NotPlain as error:
        result["not_plain"] = error.type_name
    except values.TooLarge as error:
        result["too_large"] = str(error)
    try:
        result["mutated"] = _snapshot([arguments, keywords], _SNAPSHOT_VERSION) != before
    except ValueError:  # something of another kind is in it now
        result["mutated"] = True
    return result


def _describe(error: BaseException, function: Callable[..., Any] | None) -> dict[str, Any]:
    """Describe an exception; `own_call` says that our call itself did not fit the signature."""
    trace = error.__traceback__
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be made)"
    return {
        "name": type.__dict__["__name__"].__get__(type(error))[: protocol.NAME_CHARS],
        "message": message[: protocol.MESSAGE_CHARS],
        "bases": [
            _BUILTIN_EXCEPTIONS[id(base)]
            for base in type.mro(type(error))
            if id(base) in _BUILTIN_EXCEPTIONS
        ],
        "line": _innermost_line(trace),
        "own_call": isinstance(error, TypeError)
        and (isinstance(function, FunctionType) or "argument" in message)
        and trace is not None
        and trace.tb_next is None,
    }


def _innermost_line(trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == protocol.FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _tell(item: Mapping[str, Any]) -> None:
    """Add a line to what is sent before foreign code gets its next turn."""
    _unsent.extend("".join(_pieces(item, 0)).encode("ascii"))
    _unsent.extend(b"\n")


def _send_told() -> None:
    while _unsent:
        del _unsent[: _write(protocol.RESULT_FD, _unsent)]
