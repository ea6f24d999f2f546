from __future__ import annotations

import asyncio

import httpx
import pytest

from liftlab.endpoints.base import Secret
from liftlab.endpoints.http import (
    MAX_HOPS,
    Exchange,
    HttpClient,
    class_of_status,
    health_of,
    warm_up_of,
)
from liftlab.timing.clock import Stamps
from liftlab.timing.transport import StampedTransport

TOKEN = "tok-0123456789"


@pytest.fixture
async def client():
    made = HttpClient(
        transport=StampedTransport(max_body_bytes=100_000, connect_s=2.0), token=Secret(TOKEN)
    )
    yield made
    await made.close()


async def reset_at_once(call):
    call.reset()


async def close_at_once(call):
    call.close()


async def reset_within_headers(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-le")
    call.reset()


async def close_within_headers(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-le")
    call.close()


async def reset_after_headers(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
    await asyncio.sleep(0.02)  # a reset at once would overtake the head
    call.reset()


async def reset_within_body(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await asyncio.sleep(0.02)
    call.reset()


async def short_body(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    call.close()


async def short_chunk(call):
    await call.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf")
    call.close()


async def no_last_chunk(call):
    await call.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    call.close()


async def not_http(call):
    await call.send(b"SSH-2.0-OpenSSH_9.6\r\n")
    call.close()


async def bad_length(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")
    call.close()


async def bad_status(call):
    await call.send(b"HTTP/1.1 twohundred OK\r\n\r\n")
    call.close()


async def endless_header(call):
    await call.send(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n")


async def long_announced(call):
    await call.reply(b"x" * 100_001)


async def long_unannounced(call):
    await call.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)


async def stalled(call):
    await call.reader.read()


async def stalled_in_body(call):
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await call.reader.read()


async def dripping(call):
    await call.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await call.send(b".")
        await asyncio.sleep(0.01)


async def compressed(call):
    await call.reply(b"\x1f\x8b", content_encoding="gzip")


async def other_host(call):
    await call.reply("", "303 See Other", location="http://elsewhere.invalid/result")


async def other_port(call):
    await call.reply("", "303 See Other", location=f"http://127.0.0.1:{call.server.port + 1}/")


async def other_scheme(call):
    await call.reply("", "303 See Other", location=f"https://127.0.0.1:{call.server.port}/")


async def nowhere(call):
    await call.reply("", "303 See Other")


async def moved(call):
    await call.reply("", "308 Permanent Redirect", location="http://elsewhere.invalid/v1")


async def in_circles(call):
    await call.reply("", "303 See Other", location="/again")


def status(line):
    async def script(call):
        await call.reply({"detail": "no\nway"}, line)

    script.__name__ = f"status_{line[:3]}"
    return script


FAULTS = [
    (reset_at_once, "reset"),
    (close_at_once, "reset"),
    (reset_within_headers, "reset"),
    (close_within_headers, "reset"),
    (reset_after_headers, "reset"),
    (reset_within_body, "reset"),
    (short_body, "truncated"),
    (short_chunk, "truncated"),
    (no_last_chunk, "truncated"),
    (not_http, "protocol"),
    (bad_length, "protocol"),
    (bad_status, "protocol"),
    (endless_header, "protocol"),
    (compressed, "protocol"),
    (long_announced, "too_large"),
    (long_unannounced, "too_large"),
    (stalled, "deadline"),
    (stalled_in_body, "deadline"),
    (dripping, "deadline"),
    (other_host, "protocol"),
    (other_port, "protocol"),
    (other_scheme, "protocol"),
    (nowhere, "protocol"),
    (moved, "protocol"),
    (in_circles, "protocol"),
    (status("400 Bad Request"), "http_4xx"),
    (status("404 Not Found"), "http_4xx"),
    (status("429 Too Many Requests"), "http_429"),
    (status("500 Oh"), "http_5xx"),
    (status("503 Busy"), "http_5xx"),
]


@pytest.mark.parametrize(("script", "expected"), FAULTS, ids=lambda x: getattr(x, "__name__", x))
async def test_each_fault_has_its_class_and_ends_in_time(loopback, client, script, expected):
    server = await loopback(script)
    deadline_s = 0.4 if expected == "deadline" else 10.0
    async with asyncio.timeout(8):
        exchange = await client.post(
            f"{server.url}/generate?key=hidden", {"a": 1}, request_id="r", deadline_s=deadline_s
        )
    assert exchange.error_class == expected
    assert exchange.message
    assert len(exchange.message) <= 300
    assert exchange.message.isprintable()
    assert "hidden" not in exchange.message
    assert exchange.stamps.ended_ns >= exchange.stamps.sent_ns >= exchange.stamps.called_ns
    posts = [request for request in server.requests if request.method == "POST"]
    assert len(posts) == 1
    await client.close()
    await server.drained()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert len(names) <= 1 + server.connections, names


async def test_a_refused_connection_is_a_row(client, free_port):
    url = f"http://127.0.0.1:{free_port}/generate"
    exchange = await client.post(url, {}, request_id="r", deadline_s=5)
    assert (exchange.error_class, exchange.status) == ("connect", None)
    assert exchange.stamps.sent_ns is None
    assert exchange.stamps.bytes_sent is None
    assert exchange.seconds > 0


async def test_a_deadline_does_not_spoil_the_next_request(loopback, client):
    async def first_stalls(call):
        if len(call.server.requests) == 1:
            await stalled(call)
        await call.reply({"n": len(call.server.requests)})

    server = await loopback(first_stalls)
    first = await client.get(server.url, deadline_s=0.1)
    second = await client.get(server.url, deadline_s=5)
    assert (first.error_class, second.error_class) == ("deadline", None)
    assert second.body == b'{"n": 2}'


async def test_a_303_is_followed_by_get_on_the_same_host_within_the_exchange(loopback, client):
    async def script(call):
        step = len(call.server.requests)
        if step < 3:
            await call.reply("", "303 See Other", location=f"/result?step={step}")
        else:
            await call.reply({"step": step})

    server = await loopback(script)
    exchange = await client.post(
        f"{server.url}/generate", {"prompt": "x"}, request_id="id-7", deadline_s=5
    )
    assert (exchange.status, exchange.body) == (200, b'{"step": 3}')
    assert exchange.stamps.hops == 2
    assert [(r.method, r.path) for r in server.requests] == [
        ("POST", "/generate"),
        ("GET", "/result?step=1"),
        ("GET", "/result?step=2"),
    ]
    assert all(r.headers["x-request-id"] == "id-7" for r in server.requests)
    assert all(r.headers["authorization"] == f"Bearer {TOKEN}" for r in server.requests)
    assert server.requests[1].body == b""
    assert "content-type" not in server.requests[1].headers
    assert exchange.stamps.bytes_sent == len(server.requests[0].body)


async def test_redirects_end(loopback, client):
    server = await loopback(in_circles)
    exchange = await client.post(server.url, {}, request_id="r", deadline_s=10)
    assert exchange.error_class == "protocol"
    assert exchange.stamps.hops == MAX_HOPS
    assert "redirects" in exchange.message


async def test_no_token_reaches_another_host(loopback, client):
    other = await loopback(status("200 OK"))

    async def script(call):
        await call.reply("", "303 See Other", location=f"{other.url}/steal")

    server = await loopback(script)
    exchange = await client.post(server.url, {}, request_id="r", deadline_s=5)
    assert exchange.error_class == "protocol"
    assert exchange.status == 303
    assert other.requests == []


async def test_what_is_sent(loopback):
    async def ok(call):
        await call.reply({}, x_request_id="srv-1")

    server = await loopback(ok)
    client = HttpClient(token=Secret(TOKEN), headers={"X-Api-Key": Secret("k1")})
    exchange = await client.post(
        server.url, {"prompt": "é\ud800"}, request_id="id-1", deadline_s=5, stream=True
    )
    await client.close()
    [request] = server.requests
    assert request.json() == {"prompt": "é\ud800"}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["x-api-key"] == "k1"
    assert request.headers["x-request-id"] == "id-1"
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert exchange.headers["x-request-id"] == "srv-1"


async def test_a_secret_that_the_server_echoes_is_struck_out(loopback, client):
    async def echo(call):
        said = {"error": f"bad key {TOKEN} in request"}
        await call.reply(said, "401 Unauthorized", x_request_id=f"for {TOKEN}")

    server = await loopback(echo)
    exchange = await client.post(server.url, {}, request_id="r", deadline_s=5)
    assert exchange.error_class == "http_4xx"
    assert "bad key" in exchange.message
    assert exchange.headers["x-request-id"].startswith("for ***")
    assert TOKEN not in repr(exchange) + repr(client.redact)
    assert TOKEN.encode() not in exchange.body
    assert len(exchange.body) == int(exchange.headers["content-length"])


async def test_retry_after_is_read(loopback, client):
    async def busy(call):
        await call.reply("", "429 Too Many Requests", retry_after="7")

    server = await loopback(busy)
    exchange = await client.post(server.url, {}, request_id="r", deadline_s=5)
    assert (exchange.error_class, exchange.retry_after_s) == ("http_429", 7.0)


async def test_a_307_is_followed_with_method_and_body_on_the_same_host(loopback, client):
    async def script(call):
        if call.request.path == "/v1/chat":
            await call.reply("", "307 Temporary Redirect", location="/v1/chat/")
        else:
            await call.reply({"ok": True})

    server = await loopback(script)
    url = f"{server.url}/v1/chat"
    exchange = await client.post(url, {"a": 1}, request_id="r", deadline_s=5)
    assert (exchange.status, exchange.stamps.hops) == (200, 1)
    first, second = server.requests
    assert (second.method, second.path, second.json()) == ("POST", "/v1/chat/", {"a": 1})
    assert second.headers["content-type"] == "application/json"
    assert first.headers["traceparent"] == second.headers["traceparent"]


async def test_another_transport_is_stamped_from_outside():
    def answer(request):
        return httpx.Response(200, json={"path": request.url.path})

    client = HttpClient(transport=httpx.MockTransport(answer))
    exchange = await client.get("http://host.test/health", deadline_s=5)
    assert exchange.body == b'{"path":"/health"}'
    assert exchange.stamps.last_byte_ns >= exchange.stamps.called_ns
    assert exchange.stamps.chunks == 1


async def test_another_transports_errors_are_rows_too():
    def refuse(_request):
        raise httpx.ConnectError("no")

    client = HttpClient(transport=httpx.MockTransport(refuse))
    assert (await client.get("http://host.test/", deadline_s=5)).error_class == "connect"


def test_a_secret_shows_itself_nowhere():
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == TOKEN


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((200, 201, 299), None),
        ((100, 199, 300, 303, 399), "protocol"),
        ((400, 401, 404, 428, 430, 499), "http_4xx"),
        ((429,), "http_429"),
        ((500, 503, 599), "http_5xx"),
    ],
)
def test_each_status_is_of_a_class(statuses, expected):
    assert {class_of_status(status) for status in statuses} == {expected}


@pytest.mark.parametrize("status", [408, 425, 502, 503, 504, 429, 401, 404, 409, 500, 501])
def test_a_container_that_starts_is_asked_again_for_its_health(status):
    told = {"url": "http://h", "stamps": Stamps(called_ns=0), "status": status}
    starts = status in (408, 425, 502, 503, 504)
    refused = Exchange(**told, error_class=class_of_status(status))
    assert health_of(refused).starting is starts
    assert warm_up_of(refused).starting is (starts or status == 429)
