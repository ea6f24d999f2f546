"""What a fault makes of a reply, byte by byte and second by second."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.serving.simulation.faults import BODY, EARLY, KINDS, early_plan, parse_fault, spoil
from liftlab.serving.simulation.writes import HEAD_END, Plan, Reply, cut, encode

REPLY = Reply(
    status=200,
    headers={"content-type": "application/json", "x-request-id": "r7"},
    parts=((0.5, b'{"text": "0123456789"}'),),
)
STREAM = Reply(
    status=200,
    headers={"content-type": "text/event-stream"},
    parts=((0.0, b"data: 1\n\n"), (0.25, b"data: 2\n\n"), (1.0, b"data: 3\n\n")),
)
RESULT = "http://127.0.0.1:1/result"


def _bytes(plan: Plan) -> bytes:
    return b"".join(write.data for write in plan.writes)


def _parts(plan: Plan) -> tuple[bytes, bytes]:
    top, _, body = _bytes(plan).partition(HEAD_END)
    return top, body


def _spoilt(words: str, reply: Reply = REPLY) -> Plan:
    return spoil(reply, parse_fault(words))


def test_a_fault_has_its_numbers_or_their_defaults() -> None:
    assert dict(parse_fault("status").numbers) == {"code": 503, "retry_after": -1}
    assert dict(parse_fault("drip pieces=3").numbers) == {"s": 0.1, "pieces": 3}
    assert parse_fault("silence").numbers["s"] == 3600
    assert parse_fault("silence s=0").numbers["s"] == 0
    assert parse_fault("huge-head bytes=100000000").numbers["bytes"] == 1e8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "no fault ''"),
        ("sulk", "no fault 'sulk'; known: bad-status-line"),
        ("status s=1", "it has: code, retry_after"),
        ("empty s=1", "it has: -"),
        ("silence s=-1", "must be from 0 to 1e"),
        ("silence s=1e9", "must be from 0 to 1e"),
        ("silence s=nan", "must be from 0 to 1e"),
    ],
)
def test_a_fault_that_is_none(words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_fault(words)


def test_without_a_fault_a_reply_is_whole() -> None:
    plan = spoil(REPLY, None)
    assert (plan.end, plan.status, plan.writes[0].at_s) == ("keep", 200, 0.5)
    top, body = _parts(plan)
    assert top.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"content-length: {len(body)}".encode() in top
    assert body == REPLY.body


def test_a_stream_goes_out_in_chunks_at_its_times() -> None:
    plan = spoil(STREAM, None)
    assert [write.at_s for write in plan.writes] == [0.0, 0.25, 1.0]
    top, body = _parts(plan)
    assert b"transfer-encoding: chunked" in top
    assert b"content-length" not in top
    assert body == b"".join(b"9\r\n%b\r\n" % part for _, part in STREAM.parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("kind", sorted(EARLY))
def test_an_early_fault_takes_the_place_of_a_generation(kind: str) -> None:
    assert early_plan(parse_fault(kind), RESULT) is not None


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(EARLY)))
def test_other_faults_spoil_what_was_made(kind: str) -> None:
    assert early_plan(parse_fault(kind), RESULT) is None


def _early(words: str) -> Plan:
    plan = early_plan(parse_fault(words), RESULT)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("words", "first", "header"),
    [
        ("status", b"HTTP/1.1 503 Service Unavailable", None),
        ("status code=429 retry_after=0", b"HTTP/1.1 429 Too Many Requests", b"retry-after: 0"),
        ("status code=204", b"HTTP/1.1 204 No Content", b"content-length: 0"),
        ("status code=799", b"HTTP/1.1 799 Unknown", None),
        ("hop s=2", b"HTTP/1.1 303 See Other", b"location: http://127.0.0.1:1/result"),
        ("hop-elsewhere", b"HTTP/1.1 303 See Other", b"location: http://127.0.0.2:9/result"),
    ],
)
def test_early_answers(words: str, first: bytes, header: bytes | None) -> None:
    top, body = _parts(_early(words))
    assert top.split(b"\r\n")[0] == first
    assert (header or b"retry-after") in top or header is None
    if words == "status":
        assert b"retry-after" not in top
        assert json.loads(body) == {"error": "simulated HTTP 503"}


def test_early_ends() -> None:
    assert _early("hop s=2").writes[0].at_s == 2
    assert b"location" not in _bytes(_early("hop-nowhere"))
    assert (_early("reset-before-head").end, _early("reset-before-head").writes) == ("reset", ())
    assert (_early("close-before-head").end, _early("close-before-head").writes) == ("close", ())
    silence = _early("silence s=7")
    assert (silence.end, silence.writes[0].at_s, _bytes(silence)) == ("close", 7, b"")
    assert len(_bytes(_early("huge-head bytes=500"))) > 500
    assert not any(write.body for write in _early("not-http").writes)


@pytest.mark.parametrize("kind", sorted(BODY))
def test_another_body_keeps_the_time_and_the_request_s_id(kind: str) -> None:
    plan = _spoilt(kind)
    top, body = _parts(plan)
    assert plan.writes[0].at_s == 0.5
    assert b"x-request-id: r7" in top
    assert body != REPLY.body
    assert f"content-length: {len(body)}".encode() in top


def test_bodies_are_what_their_names_say() -> None:
    assert _parts(_spoilt("empty"))[1] == b""
    assert _parts(_spoilt("json-deep levels=3"))[1] == b'{"ir_json": [[[]]]}'
    assert len(_parts(_spoilt("too-large bytes=50"))[1]) == 50 + len(b'{"text": ""}')
    assert b"content-type: text/html" in _parts(_spoilt("html"))[0]
    assert b"content-encoding: gzip" in _parts(_spoilt("compressed"))[0]
    assert isinstance(json.loads(_parts(_spoilt("json-array"))[1]), list)
    with pytest.raises(UnicodeDecodeError):
        _parts(_spoilt("not-utf8"))[1].decode()
    for kind in ("json-garbage", "json-cut"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(_parts(_spoilt(kind))[1])


WHOLE = len(_bytes(encode(REPLY)))
HEAD = WHOLE - len(REPLY.body)


@pytest.mark.parametrize("end", ["reset", "close"])
@pytest.mark.parametrize(
    ("where", "size"),
    [("in-head", 20), ("after-head", HEAD), ("in-body", (HEAD + WHOLE) // 2)],
)
def test_a_reply_that_breaks_off(end: Any, where: str, size: int) -> None:
    plan = _spoilt(f"{end}-{where}")
    assert (plan.end, _bytes(plan)) == (end, _bytes(encode(REPLY))[:size])
    # Bytes of the head are no body: no first byte is stamped.
    assert any(write.body for write in plan.writes) is (where == "in-body")


@pytest.mark.parametrize(
    ("where", "size"),
    [("before-head", 0), ("after-head", HEAD), ("in-body", (HEAD + WHOLE) // 2)],
)
def test_a_reply_that_stalls_is_whole_in_the_end(where: str, size: int) -> None:
    plan = _spoilt(f"stall-{where} s=3")
    assert _bytes(plan) == _bytes(encode(REPLY))
    assert plan.end == "keep"
    assert sum(len(write.data) for write in plan.writes if write.at_s < 3.5) == size
    assert plan.writes[-1].at_s == 3.5


@pytest.mark.parametrize(("words", "pieces"), [("pieces=4", 4), ("pieces=1", 2), ("pieces=0", 2)])
def test_a_reply_that_drips_comes_in_even_pieces(words: str, pieces: int) -> None:
    plan = _spoilt(f"drip s=2 {words}")
    assert _bytes(plan) == _bytes(encode(REPLY))
    assert len(plan.writes) == pieces
    assert plan.writes[0].at_s == 0.5
    assert all(0.5 <= write.at_s < 2.5 for write in plan.writes)
    sizes = [len(write.data) for write in plan.writes]
    assert max(sizes[:-1]) - min(sizes[:-1]) == 0
    assert [write.body for write in plan.writes] == [
        sum(sizes[: n + 1]) > HEAD for n in range(pieces)
    ]


@pytest.mark.parametrize(
    ("words", "length"),
    [
        ("length-too-long by=5", b"27"),
        ("length-too-short by=5", b"17"),
        ("length-too-short by=500", b"0"),
        ("length-garbage", b"many"),
    ],
)
def test_a_length_that_is_not_the_body_s(words: str, length: bytes) -> None:
    plan = _spoilt(words)
    top, body = _parts(plan)
    assert b"content-length: " + length in top
    assert (body, plan.end, plan.status, plan.writes[0].at_s) == (REPLY.body, "close", 200, 0.5)


def test_two_lengths_differ() -> None:
    top, body = _parts(_spoilt("two-lengths"))
    assert body == REPLY.body
    assert b"content-length: 22" in top
    assert b"Content-Length: 23" in top


def test_what_comes_before_and_behind_a_reply() -> None:
    plan = _spoilt("interim s=2")
    assert [write.at_s for write in plan.writes] == [0, 2.5]
    assert plan.writes[0].data.startswith(b"HTTP/1.1 100 Continue")
    assert b"HTTP/1.1 103 Early Hints" in plan.writes[0].data
    assert not plan.writes[0].body
    unasked = _spoilt("unasked")
    assert _bytes(unasked).startswith(_bytes(encode(REPLY)))
    assert _bytes(unasked).endswith(b"content-length: 2\r\n\r\n{}")
    assert (_spoilt("close-behind").end, _bytes(_spoilt("close-behind"))) == (
        "close",
        _bytes(encode(REPLY)),
    )
    garbage = _spoilt("chunk-garbage")
    assert (garbage.end, _parts(garbage)[1][:4]) == ("close", b"zz\r\n")


@pytest.mark.parametrize("size", [0, 1, HEAD, HEAD + 1, WHOLE, WHOLE + 10])
def test_a_plan_is_cut_after_so_many_bytes(size: int) -> None:
    plan = cut(encode(STREAM), size, "close")
    assert _bytes(plan) == _bytes(encode(STREAM))[:size]
    assert all(write.data for write in plan.writes)
