from __future__ import annotations

import asyncio

import pytest

from liftlab.sessions.caller import break_off
from liftlab.settings import EndpointSettings


async def test_head_and_half_of_the_body_arrive_and_nothing_else() -> None:
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    endpoint = EndpointSettings(name="e", protocol="lift", base_url=url)
    request = "note", "POST", "/notes?x=1", [("x-demo-user", "a")], b"0123456789"
    await break_off(endpoint, url, request)
    head, _, body = (await arrived).partition(b"\r\n\r\n")
    server.close()
    assert head.splitlines()[0] == b"POST /notes?x=1 HTTP/1.1"
    assert {b"x-demo-user: a", b"Content-Length: 10"} < set(head.splitlines())
    assert body == b"01234"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
async def test_a_server_that_is_not_there_is_the_next_calls_finding(url: str) -> None:
    endpoint = EndpointSettings(name="e", protocol="lift", base_url=url)
    await break_off(endpoint, url, ("note", "POST", "", [], b""))
