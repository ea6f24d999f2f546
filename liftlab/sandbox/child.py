"""What runs in the forked, confined child: compile, load, call, and send values back.

Each thing learned is one line of JSON on the result pipe: `confined`, `facts`, `loaded`, one
`call` for each call, `end`. Foreign code can write lines there too, and gains nothing: the
right values are known to the caller alone, so a forged value is worth what a returned one is.
Standard library only.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any

from liftlab import values
from liftlab.sandbox import canaries, confine, facts, protocol

# Taken before foreign code can replace them.
_write, _dumps, _exit, _clock = os.write, json.dumps, os._exit, time.perf_counter
_encode, _decode = values.encode, values.decode
_BUILTIN_EXCEPTIONS = {
    id(item): item.__name__  # an alias such as IOError has the same
    for item in vars(builtins).values()
    if isinstance(item, type) and issubclass(item, BaseException)
}


def run_job(job: Mapping[str, Any], scratch: str, baseline_bytes: int) -> None:
    """Confine this process, do the job, and end the process; never returns."""
    status = protocol.EXIT_BROKEN
    try:
        status = _run_confined(job, scratch, baseline_bytes)
    except MemoryError:
        status = protocol.EXIT_MEMORY
    finally:
        _exit(status)


def _run_confined(job: Mapping[str, Any], scratch: str, baseline_bytes: int) -> int:
    os.setsid()
    _reset_signals()
    os.chdir(scratch)
    os.environ.pop("PWD", None)  # bubblewrap sets it
    os.environ.update(HOME=scratch, TMPDIR=scratch)
    sys.argv = [protocol.MODULE_NAME]
    output = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stderr = output
    confine.limit(job["limits"], baseline_bytes=baseline_bytes)
    applied = confine.confine(scratch)
    _send({"confined": applied})
    if not set(job["require"]) <= set(applied):
        return protocol.EXIT_BROKEN
    if job["kind"] == "probe":
        _send({"probes": canaries.probe(job["canary"])})
    else:
        code, known = facts.inspect_source(job["source"].encode("latin-1"))
        _send({"facts": known})
        if job["kind"] == "run" and code is not None:
            _run_calls(code, known, job["calls"])
    with contextlib.suppress(OSError, ValueError):  # foreign code has closed it
        output.flush()
    _send({"end": True})
    return 0


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _run_calls(code: CodeType, known: Mapping[str, Any], calls: list[dict[str, Any]]) -> None:
    random.seed(0)  # the same verdict every time
    module = ModuleType(protocol.MODULE_NAME)
    for own in own_modules():
        sys.modules.pop(own, None)
    sys.modules[protocol.MODULE_NAME] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 -- what all this is for
    except BaseException as error:
        _send({"load_error": _describe(error, None)})
        return
    _send({"loaded": True})
    namespace = module.__dict__
    only = _only_function(known)
    for number, call in enumerate(calls):
        name = call["function"] or only
        function = namespace.get(name) if name else None
        if not callable(function):
            _send({"call": number, "function": name, "missing": True})
            continue
        _send({"call": number, "function": name, **_one_call(function, call)})


@cache
def own_modules() -> list[str]:
    """Return the names of our modules; in each child, the search would touch every name's page."""
    return [name for name in sys.modules if name.partition(".")[0] == "liftlab"]


def _only_function(known: Mapping[str, Any]) -> str | None:
    public = [item["name"] for item in known["functions"] if not item["name"].startswith("_")]
    return public[0] if len(public) == 1 else None


def _one_call(function: Callable[..., Any], call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = _decode(call["args"], **protocol.ARGUMENT_LIMITS)
    keywords = _decode(call["kwargs"], **protocol.ARGUMENT_LIMITS)
    before = _encode([arguments, keywords], **protocol.ARGUMENT_LIMITS)
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


def _is_changed(before: Any, after: Any) -> bool:
    try:
        return bool(_encode(after, **protocol.ARGUMENT_LIMITS) != before)
    except (values.NotPlain, values.TooLarge):
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


def _send(item: Mapping[str, Any]) -> None:
    data = _dumps(item).encode("ascii") + b"\n"
    while data:
        data = data[_write(protocol.RESULT_FD, data) :]
