"""Times around the calls of httpx, where the clock cannot sit beside the socket."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import httpx
import pytest
from aiohttp.client_proto import ResponseHandler

from liftlab.timing.failures import TransportFailure
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport, why_around
from liftlab.timing.trust import calibrate


@pytest.fixture(autouse=True)
def asked_anew():
    why_around.cache_clear()
    yield
    why_around.cache_clear()


@pytest.fixture
def another_aiohttp(monkeypatch):
    """Take away what no promise of aiohttp's covers."""
    monkeypatch.delattr(ResponseHandler, "set_response_params")


async def test_the_installed_aiohttp_has_connections_to_put_a_clock_in():
    assert why_around() is None


def unseen(monkeypatch):
    monkeypatch.setattr("liftlab.timing.wire.StampedHandler.data_received", lambda *_: None)


def renamed(monkeypatch):
    monkeypatch.delattr("aiohttp.TCPConnector._create_connection")


def called_otherwise(monkeypatch):
    monkeypatch.setattr("aiohttp.TCPConnector.connect", lambda self, request: None)


@pytest.mark.parametrize("changed", [unseen, renamed, called_otherwise])
async def test_another_way_of_reading_connecting_or_calling_is_noticed(monkeypatch, changed):
    changed(monkeypatch)
    assert "is new to this liftlab" in why_around()


@pytest.mark.usefixtures("another_aiohttp")
async def test_with_an_aiohttp_of_another_make_requests_go_on_and_their_error_is_measured(loopback):
    async def script(call):
        await call.reply({"ok": True})

    assert "set_response_params" in why_around()
    server = await loopback(script)
    transport = StampedTransport()
    found = []
    for _ in range(2):
        recorder = Recorder()
        answer = await transport.exchange("POST", server.url, [], b"{}", recorder)
        assert (answer.status, answer.content) == (200, b'{"ok": true}')
        found.append(recorder.stamps())
    await transport.aclose()
    for it in found:
        moments = (it.called_ns, it.sent_ns, it.headers_ns, it.first_byte_ns, it.last_byte_ns)
        assert all(a <= b for a, b in pairwise(moments))
    assert [stamps.connection_reused for stamps in found] == [False, True]
    assert 0 < await calibrate(2) < 1.0


class Failing(httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle_async_request(self, request):
        raise self.error


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        (httpx.RemoteProtocolError("Server disconnected"), "reset"),
        (httpx.ReadError(""), "reset"),
        (httpx.ReadTimeout(""), "deadline"),
        (httpx.ConnectError("refused"), "connect"),
    ],
)
async def test_what_httpx_raises_has_a_class_and_words(error, error_class):
    transport = StampedTransport(under=Failing(error))
    with pytest.raises(TransportFailure, match=r"\S") as failed:
        await transport.exchange("POST", "http://127.0.0.1/", [], b"{}", Recorder())
    assert failed.value.error_class == error_class
    assert failed.value.stamps.ended_ns is not None


async def test_a_body_that_ends_too_early_is_cut_short():
    async def parts():
        yield b"half"
        await asyncio.sleep(0)
        raise httpx.RemoteProtocolError("peer closed connection")

    class Body(httpx.AsyncByteStream):
        def __aiter__(self):
            return parts()

    under = httpx.MockTransport(lambda _: httpx.Response(200, stream=Body()))
    recorder = Recorder()
    with pytest.raises(TransportFailure) as failed:
        await StampedTransport(under=under).exchange("GET", "http://127.0.0.1/", [], b"", recorder)
    assert failed.value.error_class == "truncated"
    assert recorder.stamps().bytes_received == 4
