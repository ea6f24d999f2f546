"""A loopback server that does exactly what a test tells it to, byte by byte."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Received:
    """One request as the server read it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Call:
    """What a script works with: the request, and the wire back."""

    request: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Loopback

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(
        self, body: bytes | str | dict | list, status: str = "200 OK", **headers: str
    ) -> None:
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Call], Awaitable[None]]


@dataclass
class Loopback:
    """A running server; `connections` counts all, `open` those that still stand."""

    port: int = 0
    scheme: str = "http"
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        self.idle.clear()

    def closed(self, writer: asyncio.StreamWriter) -> None:
        self.open.discard(writer)
        if not self.open:
            self.idle.set()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def drained(self) -> None:
        """Wait until no connection stands; a leaked one makes this time out."""
        async with asyncio.timeout(5):
            await self.idle.wait()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = first.split(" ")
    return Received(method, path, headers, body)


@pytest.fixture
async def loopback() -> AsyncIterator[Callable[..., Awaitable[Loopback]]]:
    """Start servers with ``await loopback(script)``; all are closed after the test."""
    running: list[tuple[asyncio.Server, Loopback, set[asyncio.Task[None]]]] = []

    async def start(script: Script, tls: ssl.SSLContext | None = None) -> Loopback:
        state = Loopback(scheme="https" if tls else "http")
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            state.opened(writer)
            tasks.add(asyncio.current_task())
            try:
                while request := await _read(reader):
                    state.requests.append(request)
                    await script(Call(request, reader, writer, state))
            except ConnectionError:
                pass
            finally:
                writer.close()
                state.closed(writer)
                tasks.discard(asyncio.current_task())

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        state.port = server.sockets[0].getsockname()[1]
        running.append((server, state, tasks))
        return state

    yield start
    for server, _, tasks in running:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, made for this session alone."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=loopback -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {cert}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return cert, key
