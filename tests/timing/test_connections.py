"""Which connections requests take, where a person has a say in it."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest

from liftlab.timing.failures import TransportFailure
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport
from tests.timing.conftest import closes_when_asked_again


async def _ok(call):
    await call.reply({"ok": True})


async def test_without_keep_alive_each_request_has_a_connection_of_its_own(loopback):
    server = await loopback(_ok)
    transport = StampedTransport(keep_alive=False)
    for _ in range(3):
        await transport.handle_async_request(httpx.Request("POST", server.url, content=b"{}"))
    assert server.connections == 3
    await server.drained()
    await transport.aclose()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs unix sockets")
async def test_a_unix_socket_is_connected_to_whatever_the_host(tmp_path):
    async def serve(reader, writer):
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        writer.close()

    path = tmp_path / "s"
    server = await asyncio.start_unix_server(serve, path)
    transport = StampedTransport(unix_socket=str(path))
    replies = [
        await transport.handle_async_request(httpx.Request("GET", "http://llm.test/health"))
        for _ in range(2)
    ]
    assert [reply.content for reply in replies] == [b"hi", b"hi"]
    stamps = [reply.extensions["stamps"] for reply in replies]
    assert [stamp.connection_reused for stamp in stamps] == [False, True]
    assert stamps[0].tcp_s >= 0
    await transport.aclose()
    server.close()


async def test_a_name_takes_its_time_to_resolve_and_an_address_none(loopback):
    server = await loopback(_ok)
    stamps = []
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        transport = StampedTransport(keep_alive=False)
        reply = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        stamps.append(reply.extensions["stamps"])
        await transport.aclose()
        await server.drained()
    address, name = stamps
    assert address.dns_s is None
    assert name.dns_s >= 0
    assert address.tcp_s >= 0
    assert name.tcp_s >= 0


async def test_a_connection_that_its_server_closed_while_the_loop_was_busy_is_not_used(transport):
    listener = socket.create_server(("127.0.0.1", 0))
    leave, left = threading.Event(), threading.Event()

    def serve():
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                assert leave.wait(10)
            left.set()

    server = threading.Thread(target=serve)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    answers = [await transport.exchange("POST", url, [], b"", Recorder())]
    leave.set()
    assert left.wait(10)  # the loop has not seen it
    recorder = Recorder()
    answers.append(await transport.exchange("POST", url, [], b"", recorder))
    assert [answer.content for answer in answers] == [b"ok", b"ok"]
    assert recorder.stamps().connection_reused is False
    server.join(10)
    listener.close()


@pytest.mark.parametrize("seen", [True, False])
async def test_what_no_new_connection_could_take_was_never_sent(loopback, monkeypatch, seen):
    """Whether the kept connection is seen to be gone, or only once it was written to."""
    server = await loopback(closes_when_asked_again)
    transport = StampedTransport()
    await transport.exchange("GET", server.url, [], b"", Recorder())
    [(protocol, _)] = transport._connector._conns.copy().popitem()[1]
    recorder = Recorder()
    reused = recorder.reused

    def taken():
        reused()
        if seen:
            protocol.transport.close()

    async def refused(*_, **__):
        raise ConnectionRefusedError

    recorder.reused = taken
    monkeypatch.setattr(transport._connector, "_create_connection", refused)
    with pytest.raises(TransportFailure) as failed:
        await transport.exchange("GET", server.url, [], b"", recorder)
    assert failed.value.error_class == "connect"
    assert failed.value.stamps.sent_ns is None
    assert failed.value.stamps.bytes_sent is None
    await transport.aclose()


async def test_an_exchange_does_not_end_with_a_connection_that_it_did_not_take(loopback):
    """Of several kept connections one was closed: the next request passes over the others."""
    gathered = asyncio.Event()

    async def script(call):
        if call.server.connections == 3:
            gathered.set()
        await gathered.wait()  # so that three connections are kept
        await closes_when_asked_again(call)

    server = await loopback(script)
    transport = StampedTransport()
    asked = [transport.exchange("POST", server.url, [], b"{}", Recorder()) for _ in range(3)]
    await asyncio.gather(*asked)
    with pytest.raises(TransportFailure):
        await transport.exchange("POST", server.url, [], b"{}", Recorder())
    recorder = Recorder()
    await transport.exchange("POST", server.url, [], b"{}", recorder)
    stamps = recorder.stamps()
    assert server.connections == 4
    assert stamps.called_ns < stamps.sent_ns < stamps.last_byte_ns <= stamps.ended_ns
    await transport.aclose()
