"""What the caller, the worker and the child agree on. Standard library only."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

RESULT_FD = 3
EXIT_MEMORY, EXIT_BROKEN = 81, 83
MODULE_NAME, FILENAME = "candidate", "<candidate>"
MESSAGE_CHARS = 300
NAME_CHARS = 120
OWNER = "Solution"  # the class whose methods count as functions
MOST_FUNCTIONS = 100
# A suite's arguments may be larger than what a candidate may send back.
ARGUMENT_LIMITS = {"max_nodes": 1_000_000, "max_bytes": 4 * 1024 * 1024}
# A run that has to wait for a processor may take this many times its wall limit.
HELD_UP_FACTOR = 10

Kind = Literal["stop", "parse", "run", "probe"]
EndedBy = Literal["cpu", "wall", "output", "result", "disk", "caller", "worker"]
_KINDS: tuple[Kind, ...] = ("stop", "parse", "run", "probe")
_ENDINGS: tuple[EndedBy | None, ...] = (None, "cpu", "wall", "output", "result", "disk", "caller")
_CHUNK = 1 << 16
_MARSHAL_VERSION = 2  # read by every Python


class Job(NamedTuple):
    """What the worker is asked; `told` is data that only the child reads."""

    kind: Kind
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_mb: int = 0
    output_kb: int = 0
    source: bytes = b""
    told: bytearray = bytearray()


class Answer(NamedTuple):
    """What the worker saw: `result` is what the child sent.

    `status` is the exit code or the negative number of a signal, None where no worker answered.
    """

    ended_by: EndedBy | None
    status: int | None
    cpu_s: float
    wall_s: float
    result: bytes


LOST = Answer("worker", None, 0.0, 0.0, b"")
_JOB = struct.Struct(">BddIIII")
_ANSWER = struct.Struct(">BiddI")


def pack_job(job: Job) -> bytes:
    """Return a job as the worker reads it."""
    kind, *limits, source, told = job
    head = _JOB.pack(_KINDS.index(kind), *limits, len(source), len(source) + len(told))
    return b"".join((head, source, told))


def pack_told(told: dict[str, Any]) -> bytearray:
    """Return JSON data as the child reads it; `marshal` there touches least."""
    return bytearray(marshal.dumps(told, _MARSHAL_VERSION))


def read_job(read: Callable[[int], bytes]) -> Job:
    """Read a job; raises as `_read` does."""
    (kind, cpu_s, wall_s, memory_mb, output_kb, length), data = _read(read, _JOB)
    source, told = data[:length], bytearray(data[length:])
    return Job(_KINDS[kind], cpu_s, wall_s, memory_mb, output_kb, source, told)


def pack_answer(answer: Answer) -> bytes:
    """Return an answer as the caller reads it."""
    ended_by, *seen, result = answer
    return _ANSWER.pack(_ENDINGS.index(ended_by), *seen, len(result)) + result


def read_answer(read: Callable[[int], bytes], most: int = 1 << 30) -> Answer:
    """Read an answer of at most so many bytes; raises as `_read` does."""
    (ended_by, status, cpu_s, wall_s), result = _read(read, _ANSWER, most)
    return Answer(_ENDINGS[ended_by], status, cpu_s, wall_s, result)


def _read(
    read: Callable[[int], bytes], head: struct.Struct, most: int = 1 << 30
) -> tuple[tuple[Any, ...], bytes]:
    """Read one message: numbers, and as many bytes as the last of them says.

    Raises EOFError if the other side is gone, ValueError if the message is longer than it may be.
    """
    data = b""
    while len(data) < head.size:
        data += _more(read, _CHUNK)
    *numbers, length = head.unpack_from(data)
    end = head.size + length
    if end > most:
        raise ValueError(f"a message of {end} bytes")
    parts, have = [data], len(data)
    while have < end:
        parts.append(_more(read, end - have))
        have += len(parts[-1])
    return tuple(numbers), b"".join(parts)[head.size : end]


def _more(read: Callable[[int], bytes], most: int) -> bytes:
    data = read(min(most, 1 << 20))
    if not data:
        raise EOFError("the other side is gone")
    return data
