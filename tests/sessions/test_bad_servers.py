"""A server that is dead, hangs, drips or lies gets its verdict in bounded time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from liftlab.sandbox import Sandbox
from liftlab.sessions import clean_up
from liftlab.sessions.grade import Judged
from tests.sessions.driver import failures, lift_checks, run_checks, worst

Wire = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BOUND_S = 60.0  # far from what a whole run takes here, and far from 98 checks of 10 s a call
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
LIE = b'{"error": "model not loaded"}'


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD % 100_000)
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def lies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")]
        await reader.readexactly(sum(int(line.partition(b":")[2]) for line in lengths))
        writer.write(HEAD % len(LIE) + LIE)
        await writer.drain()


@asynccontextmanager
async def served(wire: Wire) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await wire(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _brief_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_up, "CLEAN_UP_S", 0.3)


async def verdicts_on(url: str, deadline_s: float = 10.0) -> dict[str, Judged]:
    async with asyncio.timeout(BOUND_S):
        with Sandbox() as sandbox:
            return await run_checks(url, lift_checks(deadline_s=deadline_s), sandbox, concurrency=8)


@pytest.mark.parametrize("wire", [hangs, drips])
async def test_a_server_without_whole_replies_is_given_up(wire: Wire) -> None:
    async with served(wire) as url:
        verdicts = await verdicts_on(url, deadline_s=0.1)
    assert worst(failures(verdicts)) == "critical"
    assert {finding.kind for _, finding in failures(verdicts)} == {"hang"}
    assert Counter(one.outcome for one in verdicts.values())["pass"] == 0


async def test_a_dead_server_has_no_verdict() -> None:
    async with served(hangs) as url:
        pass
    verdicts = await verdicts_on(url)
    assert {one.outcome for one in verdicts.values()} == {"error"}


async def test_a_lie_is_no_success() -> None:
    async with served(lies) as url:
        verdicts = await verdicts_on(url)
    failed = [name for name, one in verdicts.items() if one.outcome == "fail"]
    assert {"workflow-ir", "unknown-session", "generate-right", "isolation-read"} <= set(failed)
    assert verdicts["create-shape"].outcome == "fail"
    assert len({finding.cause for _, finding in failures(verdicts)}) < len(failed)
