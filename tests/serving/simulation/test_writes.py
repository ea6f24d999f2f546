"""A reply as it goes out: its head, its chunks, and where it is cut."""

from __future__ import annotations

import pytest

from liftlab.serving.simulation.writes import HEAD_END, Plan, Reply, Write, cut, encode, head

WHOLE = Reply(status=200, headers={"a": "b"}, parts=((1.5, b"body"),))
PARTS = Reply(status=200, headers={}, parts=((0.0, b"one"), (0.5, b"x" * 20), (1.0, b"")))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK"),
        (429, b"HTTP/1.1 429 Too Many Requests"),
        (599, b"HTTP/1.1 599 Unk"),
    ],
)
def test_a_head_has_its_reason(status: int, line: bytes) -> None:
    assert head(status, {"a": "b"}).startswith(line)
    assert head(status, {"a": "b"}).endswith(b"\r\na: b" + HEAD_END)


def test_a_body_of_one_part_has_its_length() -> None:
    [write] = encode(WHOLE).writes
    assert (write.at_s, write.body, encode(WHOLE).end) == (1.5, True, "keep")
    assert write.data.endswith(b"content-length: 4" + HEAD_END + b"body")
    assert not WHOLE.streamed
    assert WHOLE.body == b"body"


def test_a_body_of_several_parts_is_chunked() -> None:
    plan = encode(PARTS)
    assert PARTS.streamed
    assert [write.at_s for write in plan.writes] == [0.0, 0.5, 1.0]
    first, second, last = (write.data for write in plan.writes)
    assert b"transfer-encoding: chunked" in first
    assert first.endswith(HEAD_END + b"3\r\none\r\n")
    assert second == b"14\r\n" + b"x" * 20 + b"\r\n"
    assert last == b"0\r\n\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("size", "kept", "with_body"),
    [
        (0, [], []),
        (3, [b"HEA"], [False]),
        (8, [b"HEAD\r\n\r\n"], [False]),
        (9, [b"HEAD\r\n\r\nb"], [True]),
        (10, [b"HEAD\r\n\r\nbo"], [True]),
        (11, [b"HEAD\r\n\r\nbo", b"d"], [True, True]),
        (99, [b"HEAD\r\n\r\nbo", b"dy"], [True, True]),
    ],
)
def test_a_plan_is_cut_at_a_byte(size: int, kept: list[bytes], with_body: list[bool]) -> None:
    writes = (Write(at_s=0, data=b"HEAD\r\n\r\nbo"), Write(at_s=2, data=b"dy"))
    short = cut(Plan(writes=writes, status=200), size, "reset")
    assert (short.end, short.status) == ("reset", 200)
    assert [write.data for write in short.writes] == kept
    assert [write.body for write in short.writes] == with_body
    assert [write.at_s for write in short.writes] == [0, 2][: len(kept)]
