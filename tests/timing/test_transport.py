"""The stamped transport on a real wire; `test_wire.py` has what needs none."""

from __future__ import annotations

import asyncio
import ssl
import time
from itertools import pairwise

import httpx
import pytest

from liftlab.timing.failures import TransportFailure
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport
from tests.timing.conftest import closes_when_asked_again

BESIDE_THE_SOCKET = pytest.mark.parametrize("transport", ["wire"], indirect=True)


def ordered(stamps):
    return (
        stamps.called_ns,
        stamps.sent_ns,
        stamps.headers_ns,
        stamps.first_byte_ns,
        stamps.last_byte_ns,
        stamps.ended_ns,
    )


async def ok(call):
    await call.reply({"ok": True})


async def test_stamps_are_in_order_and_the_connection_is_used_again(loopback, transport):
    server = await loopback(ok)
    found = []
    for _ in range(3):
        request = httpx.Request("POST", server.url, json={"a": 1})
        response = await transport.handle_async_request(request)
        assert response.json() == {"ok": True}
        found.append(response.extensions["stamps"])
    for stamps in found:
        assert all(a <= b for a, b in pairwise(ordered(stamps)))
        assert stamps.bytes_sent == len(request.content)
        assert stamps.bytes_received == len(response.content)
    assert [stamps.connection_reused for stamps in found] == [False, True, True]
    assert found[0].tcp_s > 0
    assert found[1].tcp_s is None
    assert server.connections == 1


async def a_few_rounds():
    """Let the loop, which is the client's and the server's, read what was sent."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_interim_responses_are_no_answer(loopback, transport):
    answered = []

    async def script(call):
        await call.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n")
        await a_few_rounds()
        answered.append(time.perf_counter_ns())
        await call.reply({"ok": True})

    server = await loopback(script)
    for _ in range(2):
        response = await transport.handle_async_request(httpx.Request("POST", server.url))
        stamps = response.extensions["stamps"]
        assert response.json() == {"ok": True}
        assert all(a <= b for a, b in pairwise(ordered(stamps)))
        assert stamps.headers_ns >= answered[-1]
    assert server.connections == 1


async def test_what_nobody_asked_for_is_not_the_next_answer(loopback, transport):
    writers = []

    async def script(call):
        writers.append(call.writer)
        await call.reply({"number": len(writers)})

    server = await loopback(script)
    request = httpx.Request("POST", server.url)
    for number, unasked in enumerate((b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"?"), 1):
        assert (await transport.handle_async_request(request)).json() == {"number": number}
        writers[-1].write(unasked)
        await a_few_rounds()
    assert (await transport.handle_async_request(request)).json() == {"number": 3}
    assert server.connections == 3


async def test_stamps_lie_within_the_servers_own_times(loopback, transport):
    seen = {}

    async def script(call):
        loop = asyncio.get_running_loop()
        seen["read"] = loop.time()
        await asyncio.sleep(0.02)
        seen["wrote"] = loop.time()
        await call.reply("done")

    server = await loopback(script)
    response = await transport.handle_async_request(httpx.Request("POST", server.url, json={}))
    stamps = response.extensions["stamps"]
    # Server and client share one clock here, so causes must come before effects.
    assert stamps.sent_ns / 1e9 <= seen["read"] + 1e-3
    assert seen["wrote"] - 1e-3 <= stamps.first_byte_ns / 1e9
    assert stamps.first_byte_ns - stamps.sent_ns >= 19e6


async def test_every_read_of_a_streamed_body_is_stamped(loopback, transport):
    go_on = asyncio.Event()
    recorder = Recorder()
    got_chunk = recorder.got_chunk

    def note(*read):
        got_chunk(*read)
        go_on.set()

    recorder.got_chunk = note

    async def script(call):
        await call.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for part in (b"one", b"three", b"x"):
            go_on.clear()
            await call.send(b"%x\r\n%s\r\n" % (len(part), part))
            await go_on.wait()  # so that no two parts are read at once
        await call.send(b"0\r\n\r\n")

    server = await loopback(script)
    request = httpx.Request("GET", server.url, extensions={"recorder": recorder})
    stamps = (await transport.handle_async_request(request)).extensions["stamps"]
    assert stamps.chunk_end == (3, 8, 9)
    assert stamps.chunks == 3
    assert all(a < b for a, b in pairwise(stamps.chunk_ns))
    assert stamps.max_gap_s == max(b - a for a, b in pairwise(stamps.chunk_ns)) / 1e9
    assert stamps.first_byte_ns == stamps.chunk_ns[0]
    assert stamps.last_byte_ns >= stamps.chunk_ns[-1]


async def test_more_than_a_hundred_connections_at_once(loopback, transport):
    full = asyncio.Event()

    async def script(call):
        if len(call.server.open) >= 120:
            full.set()
        await full.wait()
        await call.reply("x")

    server = await loopback(script)
    async with asyncio.timeout(20):
        await asyncio.gather(
            *(
                transport.handle_async_request(httpx.Request("GET", f"{server.url}/{i}"))
                for i in range(120)
            )
        )
    assert server.connections == 120


async def test_redirects_cookies_and_compression_are_left_alone(loopback, transport):
    async def script(call):
        if call.request.path == "/gz":
            await call.reply(b"\x1f\x8b", content_encoding="gzip")
        else:
            await call.reply("moved", "302 Found", location="/other", set_cookie="a=b")

    server = await loopback(script)
    request = httpx.Request("GET", server.url, headers={"accept-encoding": "identity"})
    response = await transport.handle_async_request(request)
    assert (response.status_code, response.text) == (302, "moved")
    with pytest.raises(TransportFailure, match="compressed") as caught:
        await transport.handle_async_request(httpx.Request("GET", f"{server.url}/gz"))
    assert caught.value.error_class == "protocol"
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert "cookie" not in server.requests[1].headers


async def test_a_large_request_body_arrives_whole(loopback, transport):
    server = await loopback(ok)
    body = b"x" * 3_000_000
    await transport.handle_async_request(httpx.Request("POST", server.url, content=body))
    assert server.requests[0].body == body


async def test_a_body_over_the_limit_is_cut_off_and_the_connection_dropped(loopback):
    async def endless(call):
        await call.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await call.send(b"x" * 65536)

    server = await loopback(endless)
    transport = StampedTransport(max_body_bytes=200_000)
    with pytest.raises(TransportFailure) as caught:
        await transport.handle_async_request(httpx.Request("GET", server.url))
    assert caught.value.error_class == "too_large"
    assert caught.value.stamps.bytes_received < 5_000_000
    assert caught.value.stamps.last_byte_ns is None
    await server.drained()
    await transport.aclose()


async def test_a_cancelled_request_leaves_no_connection_and_no_task(loopback, transport):
    asked = asyncio.Event()

    async def silent(call):
        asked.set()
        await call.reader.read()

    server = await loopback(silent)
    before = asyncio.all_tasks()
    task = asyncio.create_task(
        transport.handle_async_request(httpx.Request("POST", server.url, json={}))
    )
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.drained()
    assert {task for task in asyncio.all_tasks() - before if "serve" not in repr(task)} == set()


@BESIDE_THE_SOCKET
async def test_a_request_that_met_a_closed_connection_goes_to_a_new_one(loopback, transport):
    server = await loopback(ok)
    request = httpx.Request("POST", server.url, json={})
    await transport.handle_async_request(request)
    [(protocol, _)] = transport._connector._conns.copy().popitem()[1]
    recorder = Recorder()
    reused = recorder.reused

    def close_it():
        reused()
        protocol.transport.close()

    recorder.reused = close_it
    request = httpx.Request("POST", server.url, json={}, extensions={"recorder": recorder})
    stamps = (await transport.handle_async_request(request)).extensions["stamps"]
    assert stamps.connection_reused is False
    assert stamps.tcp_s > 0
    assert (len(server.requests), server.connections) == (2, 2)


@BESIDE_THE_SOCKET
async def test_a_kept_connection_that_was_closed_is_stale_and_teaches_the_pool(loopback, transport):
    server = await loopback(closes_when_asked_again)
    recorders = [Recorder() for _ in range(4)]
    await transport.exchange("POST", server.url, [], b"{}", recorders[0])
    with pytest.raises(TransportFailure, match="was to keep") as failed:
        await transport.exchange("POST", server.url, [], b"{}", recorders[1])
    assert failed.value.error_class == "stale_connection"
    for recorder in recorders[2:]:
        assert (await transport.exchange("POST", server.url, [], b"{}", recorder)).status == 200
    reused = [recorder.stamps().connection_reused for recorder in recorders]
    assert reused == [False, True, False, False]
    assert (len(server.requests), server.connections) == (4, 3)


@BESIDE_THE_SOCKET
async def test_a_connection_that_breaks_within_a_reply_or_when_new_is_not_stale(
    loopback, transport
):
    async def script(call):
        used = getattr(call.writer, "used", False)
        call.writer.used = True
        if used:
            await call.send(b"HTTP/1.1 2")
        elif len(call.server.requests) == 1:
            await call.reply({"ok": True})
            return
        call.reset()

    server = await loopback(script)
    await transport.exchange("POST", server.url, [], b"{}", Recorder())
    for _ in range(2):  # one within the head on the kept connection, one on a new one
        with pytest.raises(TransportFailure) as failed:
            await transport.exchange("POST", server.url, [], b"{}", Recorder())
        assert failed.value.error_class == "reset"
    assert len(server.requests) == 3


async def test_tls_is_verified_and_its_handshake_stamped(loopback, certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = await loopback(ok, context)
    trusting, doubting = StampedTransport(ca_file=str(cert)), StampedTransport()
    response = await trusting.handle_async_request(httpx.Request("GET", server.url))
    stamps = response.extensions["stamps"]
    assert stamps.tls_s > 0
    assert stamps.tcp_s > 0
    with pytest.raises(TransportFailure) as caught:
        await doubting.handle_async_request(httpx.Request("GET", server.url))
    assert caught.value.error_class == "tls"
    words = f"the certificate of 127.0.0.1:{server.port} does not hold: self-signed certificate"
    assert str(caught.value) == words
    await trusting.aclose()
    await doubting.aclose()


async def test_tls_to_a_server_without_it_is_a_tls_failure(loopback, transport):
    async def never(call):
        raise AssertionError("no request is readable")

    server = await loopback(never)
    url = server.url.replace("http:", "https:")

    async def garbage(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(garbage, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
    with pytest.raises(TransportFailure) as caught:
        await transport.handle_async_request(httpx.Request("GET", url))
    assert caught.value.error_class == "tls"
    plain.close()


@pytest.mark.parametrize("direct", ["127.0.0.1", "*"])
async def test_a_host_that_no_proxy_names_is_asked_itself(loopback, monkeypatch, direct):
    server = await loopback(ok)
    monkeypatch.setenv("http_proxy", "http://nowhere.invalid:1")
    monkeypatch.setenv("no_proxy", direct)
    transport = StampedTransport(use_proxy=True)
    request = httpx.Request("GET", f"{server.url}/x")
    assert (await transport.handle_async_request(request)).status_code == 200
    assert server.requests[0].path == "/x"
    await transport.aclose()


async def test_a_name_that_does_not_resolve_is_a_dns_failure(transport):
    with pytest.raises(TransportFailure) as caught:
        # RFC 6761: no server ever knows a name under .invalid.
        await transport.handle_async_request(httpx.Request("GET", "http://nowhere.invalid/"))
    assert caught.value.error_class == "dns"
    assert caught.value.stamps.sent_ns is None


async def test_proxies_of_the_environment_only_when_asked(loopback, monkeypatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server = await loopback(ok)
    monkeypatch.setenv("http_proxy", server.url)
    asked, unasked = StampedTransport(use_proxy=True), StampedTransport()
    request = httpx.Request("GET", "http://nowhere.invalid/x")
    assert (await asked.handle_async_request(request)).status_code == 200
    assert server.requests[0].path == "http://nowhere.invalid/x"
    with pytest.raises(TransportFailure):
        await unasked.handle_async_request(request)
    await asked.aclose()
    await unasked.aclose()


async def test_a_proxy_is_told_who_asks_for_each_request(loopback, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = await loopback(ok)
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//me:word@"))
    transport = StampedTransport(use_proxy=True)
    for path in ("x", "x", "y"):  # the second and third go to the connection that was kept
        request = httpx.Request("GET", f"http://nowhere.invalid/{path}")
        assert (await transport.handle_async_request(request)).status_code == 200
    told = [asked.headers.get("proxy-authorization") for asked in server.requests]
    assert told == ["Basic bWU6d29yZA=="] * 3
    await transport.aclose()
