"""Runs a reference server: in a thread for tests, or for a terminal.

`python -m tests.sessions.serving --fault NAME` serves until Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiohttp import web

from tests.sessions.faults import BY_NAME
from tests.sessions.reference import Reference


@contextmanager
def serve(
    *faults: str, think_s: float = 0.0, port: int = 0, kind: type[Reference] = Reference
) -> Iterator[Reference]:
    """Run a reference server in a thread, and give it with its address."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    server = kind(*faults, think_s=think_s)
    where: list[int] = []

    async def start() -> web.AppRunner:
        runner = web.AppRunner(
            server.app(),
            max_field_size=65536,
            shutdown_timeout=0.05,
            access_log=None,
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        where.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(stop(runner))
        loop.close()

    async def stop(runner: web.AppRunner) -> None:
        await runner.cleanup()
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        server.url = f"http://127.0.0.1:{where[0]}"
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="tests.sessions.serving")
    parser.add_argument("--fault", action="append", default=[], choices=sorted(BY_NAME))
    parser.add_argument("--think", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with serve(*given.fault, think_s=given.think, port=given.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
