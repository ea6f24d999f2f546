"""What the caller, the worker and the child send each other."""

from __future__ import annotations

import marshal
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.sandbox.protocol import (
    LOST,
    Answer,
    Job,
    pack_answer,
    pack_job,
    pack_told,
    read_answer,
    read_job,
)

ANSWER = Answer("cpu", -9, 1.5, 2.5, b"result")


def _in_pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    rest = bytearray(data)

    def read(most: int) -> bytes:
        piece = bytes(rest[: min(size, most)])
        del rest[: len(piece)]
        return piece

    return read


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(1, 80))
def test_a_job_comes_through_whatever_its_pieces(source: bytes, told: bytes, size: int) -> None:
    for kind in ("stop", "parse", "run", "probe"):
        job = Job(kind, 1.5, 2.5, 512, 64, source, bytearray(told))
        assert read_job(_in_pieces(pack_job(job), size)) == job


@pytest.mark.parametrize("ended", [None, "cpu", "wall", "output", "result", "disk", "caller"])
@pytest.mark.parametrize("status", [0, 83, -9])
def test_an_answer_comes_through(ended: str | None, status: int) -> None:
    answer = ANSWER._replace(ended_by=ended, status=status)
    assert read_answer(_in_pieces(pack_answer(answer), 7)) == answer


def test_a_worker_that_is_gone_is_no_answer() -> None:
    packed = pack_answer(ANSWER)
    for size in (0, 1, len(packed) - 1):
        with pytest.raises(EOFError):
            read_answer(_in_pieces(packed[:size], 1000))
    assert (LOST.ended_by, LOST.status, LOST.result) == ("worker", None, b"")


def test_an_answer_is_at_most_as_long_as_it_may_be() -> None:
    packed = pack_answer(ANSWER)
    assert read_answer(_in_pieces(packed, 1000), len(packed)) == ANSWER
    with pytest.raises(ValueError, match=f"a message of {len(packed)} bytes"):
        read_answer(_in_pieces(packed, 1000), len(packed) - 1)


def test_what_follows_an_answer_is_not_read() -> None:
    first, second = pack_answer(ANSWER), pack_answer(ANSWER._replace(result=b"x" * 100))
    read = _in_pieces(first, len(first))
    assert read_answer(read) == ANSWER
    assert read_answer(_in_pieces(second, 50)).result == b"x" * 100


def test_what_a_child_is_told_is_read_by_any_python() -> None:
    packed = pack_told({"a": [1, None, "x"]})
    assert marshal.loads(packed) == {"a": [1, None, "x"]}
    assert bytes(packed) == marshal.dumps({"a": [1, None, "x"]}, 2)
