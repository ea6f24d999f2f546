"""What runs in the forked, confined child: compile, load, call, and send values back.

Each thing learned is one line of JSON on the result pipe: `confined`, `facts`, `loaded`, one
`call` for each call, `end`. Foreign code can write lines there too, and gains nothing: the
right values are known to the caller alone, so a forged value is worth what a returned one is.
Standard library only.
"""

from __future__ import annotations

import builtins
import json
import marshal
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any, TextIO

from liftlab import values
from liftlab.sandbox import canaries, confine, facts, protocol

_MEBIBYTE = 1024 * 1024
_DESCRIPTORS = 4  # the candidate keeps 0 to 3
# Taken before foreign code can replace them.
_write, _dumps, _exit, _clock = os.write, json.dumps, os._exit, time.perf_counter
_encode, _decode, _snapshot = values.encode, values.decode, marshal.dumps
_BUILTIN_EXCEPTIONS = {
    id(item): item.__name__  # an alias such as IOError has the same
    for item in vars(builtins).values()
    if isinstance(item, type) and issubclass(item, BaseException)
}
_SNAPSHOT_VERSION = 2  # later ones depend on who else refers to a value
_unsent = bytearray()


class Prepared:
    """What the worker makes once for its children, who only have to apply it."""

    def __init__(self, scratch: str, baseline_bytes: int) -> None:
        os.chdir(scratch)
        os.environ.pop("PWD", None)  # bubblewrap sets it
        os.environ.update(HOME=scratch, TMPDIR=scratch)
        sys.argv = [protocol.MODULE_NAME]
        self.baseline_bytes = baseline_bytes
        self.output = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        self.confinement = confine.Confinement(scratch)


def run_job(
    job: Mapping[str, Any],
    source: bytes,
    calls: bytes,
    prepared: Prepared,
    pipes: tuple[int, int],
) -> None:
    """Confine this process, do the job, and end the process; never returns."""
    status = protocol.EXIT_BROKEN
    try:
        applied = _confine(job["limits"], prepared, pipes)
        _tell({"confined": applied})
        if set(job["require"]) <= set(applied):
            _do(job, source, calls, prepared)
            status = 0
        _send_told()
    except MemoryError:
        status = protocol.EXIT_MEMORY
    finally:
        _exit(status)


def _confine(limits: Mapping[str, Any], prepared: Prepared, pipes: tuple[int, int]) -> list[str]:
    """Give up all that is not needed; return which mechanisms are in force."""
    os.setsid()
    applied = prepared.confinement.restrict_files()
    _arrange_descriptors(*pipes)
    sys.stdout = sys.stderr = prepared.output
    memory = prepared.baseline_bytes + int(limits["memory_mb"]) * _MEBIBYTE
    confine.limit(limits["cpu_s"], memory)
    return applied + prepared.confinement.restrict_calls()


def _arrange_descriptors(result: int, output: int) -> None:
    """Leave nothing but an empty input, the output pipe and the result pipe."""
    high = [os.dup(fd) for fd in (result, output)]
    while min(high) < _DESCRIPTORS:
        high = [os.dup(fd) for fd in high]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(high[1], 1)
    os.dup2(high[1], 2)
    os.dup2(high[0], protocol.RESULT_FD)
    os.closerange(_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _do(job: Mapping[str, Any], source: bytes, calls: bytes, prepared: Prepared) -> None:
    if job["kind"] == "probe":
        _tell({"probes": canaries.probe(job["canary"])})
    elif job["kind"] == "parse":
        _tell({"facts": facts.inspect_source(source)[1]})
    else:
        _run(source, json.loads(calls), is_tagged=job["tagged"])
    _flush(prepared.output)
    _tell({"end": True})


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
        code, known = facts.inspect_source(source)
        only = _only_function(known)
    _tell({"facts": known})
    if code is not None:
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
    random.seed(0)  # the same verdict every time; a fork has seeded it anew
    module = ModuleType(protocol.MODULE_NAME)
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
        if not callable(function):
            _tell({"call": number, "function": name, "missing": True})
            continue
        _tell({"call": number, "function": name, **_one_call(function, call, is_tagged=is_tagged)})


def _only_function(known: Mapping[str, Any]) -> str | None:
    public = [item["name"] for item in known["functions"] if not item["name"].startswith("_")]
    return public[0] if len(public) == 1 else None


def _one_call(
    function: Callable[..., Any], call: Mapping[str, Any], *, is_tagged: bool
) -> dict[str, Any]:
    arguments, keywords = call["args"], call["kwargs"]
    if is_tagged:
        arguments = _decode(arguments, **protocol.ARGUMENT_LIMITS)
        keywords = _decode(keywords, **protocol.ARGUMENT_LIMITS)
    before = _snapshot([arguments, keywords], _SNAPSHOT_VERSION)
    _send_told()
    started = _clock()
    try:
        value = function(*arguments, **keywords)
    except BaseException as error:
        elapsed = _clock() - started
        return {"error": _describe(error, function), "elapsed_s": elapsed}
    result: dict[str, Any] = {"elapsed_s": _clock() - started}
    try:
        result["value"] = _encode(value)
    except values.NotPlain as error:
        result["not_plain"] = error.type_name
    except values.TooLarge as error:
        result["too_large"] = str(error)
    result["mutated"] = _is_changed(before, [arguments, keywords])
    return result


def _is_changed(before: bytes, after: Any) -> bool:
    try:
        return _snapshot(after, _SNAPSHOT_VERSION) != before
    except ValueError:  # something of another kind is in it now
        return True


def _describe(error: BaseException, function: Callable[..., Any] | None) -> dict[str, Any]:
    """Describe an exception; `own_call` says that our call itself did not fit the signature."""
    trace = error.__traceback__
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be made)"
    return {
        "name": _type_name(type(error)),
        "message": message[: protocol.MESSAGE_CHARS],
        "bases": [
            _BUILTIN_EXCEPTIONS[id(base)]
            for base in type.mro(type(error))
            if id(base) in _BUILTIN_EXCEPTIONS
        ],
        "line": _innermost_line(trace),
        "own_call": isinstance(error, TypeError)
        and isinstance(function, FunctionType)
        and trace is not None
        and trace.tb_next is None,
    }


def _type_name(kind: type) -> str:
    name: str = type.__dict__["__name__"].__get__(kind)
    return name[: protocol.NAME_CHARS]


def _innermost_line(trace: TracebackType | None) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == protocol.FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _tell(item: Mapping[str, Any]) -> None:
    """Add a line to what is sent before foreign code gets its next turn."""
    _unsent.extend(_dumps(item).encode("ascii"))
    _unsent.extend(b"\n")


def _send_told() -> None:
    while _unsent:
        del _unsent[: _write(protocol.RESULT_FD, _unsent)]
