"""Requests as they come off a socket, one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from liftlab.serving.simulation.truth import Truth
from liftlab.serving.simulation.wire import Connection, Listener, Received, listening
from liftlab.serving.simulation.writes import Reply, encode

ASK = b"POST /generate?x=1 HTTP/1.1\r\nHost: here\r\nX-Request-Id: r1\r\n"


async def _answers(*pieces: bytes) -> tuple[list[Received], bytes]:
    """Send bytes piece by piece; return the requests that were read, and all that came back."""
    seen: list[Received] = []

    async def handler(request: Received, connection: Connection) -> None:
        seen.append(request)
        await asyncio.sleep(0)
        body = b"%d" % len(seen)
        reply = encode(Reply(status=200, headers={}, parts=((0.0, body),)))
        await connection.send(
            reply, Truth(request_id="r", path="/", time_scale=1.0, received_s=0.0)
        )

    async with listening(handler) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        back = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    return seen, back


async def test_requests_that_come_together_are_answered_in_turn() -> None:
    first = ASK + b"Content-Length: 2\r\n\r\nab"
    last = ASK + b"Content-Length: 1\r\nConnection: close\r\n\r\nc"
    seen, back = await _answers(first + last)
    assert [request.body for request in seen] == [b"ab", b"c"]
    assert [request.last for request in seen] == [False, True]
    assert back.index(b"\r\n\r\n1") < back.index(b"\r\n\r\n2")
    assert (seen[0].method, seen[0].path) == ("POST", "/generate")
    assert seen[0].headers["x-request-id"] == "r1"


async def test_a_request_waits_for_the_one_before_it() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def handler(request: Received, connection: Connection) -> None:
        order.append("begin")
        begun.set()
        await go_on.wait()
        order.append("end")

    async with listening(handler) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        (served,) = await _connected(listener)
        writer.write(ASK + b"\r\n")
        await asyncio.wait_for(begun.wait(), 10)
        served.data_received(ASK + b"\r\n")  # while the first is being served
        go_on.set()
        async with asyncio.timeout(10):
            while len(order) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0)
        writer.close()
    assert order == ["begin", "end", "begin", "end"]


async def _connected(listener: Listener) -> set[Connection]:
    async with asyncio.timeout(10):
        while not listener.connections:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return listener.connections


async def test_a_request_that_comes_in_pieces_is_one() -> None:
    whole = ASK + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc"
    seen, _ = await _answers(whole[:30], whole[30:-2], whole[-2:])
    assert [request.body for request in seen] == [b"abc"]


async def test_an_old_client_closes_after_one() -> None:
    seen, back = await _answers(b"GET /health HTTP/1.0\r\n\r\n")
    assert seen[0].last
    assert back.endswith(b"\r\n\r\n1")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"Content-Length: many\r\n\r\n", b"400"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Content-Length: 8388609\r\n\r\n", b"413"),
        (b"X-Long: " + b"a" * 65_536, b"431"),
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_closed(
    head: bytes, status: bytes
) -> None:
    seen, back = await _answers(ASK + head)
    assert seen == []
    assert back.startswith(b"HTTP/1.1 " + status)


async def test_a_request_may_have_eight_mebibytes() -> None:
    body = b"x" * 8_388_608
    seen, _ = await _answers(ASK + b"Content-Length: 8388608\r\nConnection: close\r\n\r\n" + body)
    assert seen[0].body == body


async def test_a_handler_s_mistake_leaves_no_client_waiting() -> None:
    said: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    async def handler(request: Received, connection: Connection) -> None:
        raise ZeroDivisionError

    async with listening(handler) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(ASK + b"\r\n")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10) or _lost()
        writer.close()
        assert not listener.connections


def _lost() -> None:
    raise ConnectionResetError  # the end of the stream says so, too


async def test_what_went_out_is_told() -> None:
    truth = Truth(request_id="r", path="/", time_scale=1.0, received_s=0.0)
    plan = encode(Reply(status=201, headers={}, parts=((0.0, b"a"), (0.01, b"b"))))

    async def handler(request: Received, connection: Connection) -> None:
        await connection.send(plan, truth)

    async with listening(handler) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(ASK + b"Connection: close\r\n\r\n")
        back = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert (truth.http_status, truth.writes, truth.bytes_sent) == (201, 2, len(back))
    assert truth.first_byte_s is not None
    assert truth.last_byte_s is not None
    assert truth.last_byte_s - truth.first_byte_s > 0.005
