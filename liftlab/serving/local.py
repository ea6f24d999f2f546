"""The embedded endpoint: a small, real model behind the lift protocol and OpenAI's.

`with LocalServer() as server:` starts it in a process of its own, on loopback, on free ports.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from liftlab.errors import LiftlabError
from liftlab.serving.llama import Engine, find_model, start_engine
from liftlab.serving.process import (
    ServerProcess,
    announce,
    asked_to_leave,
    tied_to_parent_thread,
    watch_parent,
)

_STOP_GRACE_S = 1.0  # what requests in flight have when the server is asked to leave


class LocalServer(ServerProcess):
    """The embedded model's server; a `with` block starts and stops it.

    `slots` generations run at once, each in so many `threads` (one, unless cores are idle); more
    wait. `model` is a GGUF file, by default what `find_model` finds. Raises ServerFailed if engine
    or model is missing, or the server did not come up.
    """

    def __init__(
        self, *, slots: int = 1, threads: int = 1, model: Path | str | None = None, port: int = 0
    ) -> None:
        super().__init__("liftlab.serving.local", name="local model server")
        self.model_path = find_model() if model is None else Path(model)
        self._numbers = [f"--slots={slots}", f"--threads={threads}", f"--port={port}"]

    def options(self) -> list[str]:
        """Return the command line of the server's process."""
        return [f"--model={self.model_path}", f"--request-log={self.request_log}", *self._numbers]

    def greeting(self) -> Sequence[str]:
        """Say what is served where."""
        return (
            f"{self.model_path.name} is served on {self.url} (lift protocol)",
            f"and on {self.openai_url} (OpenAI's); stop it with Ctrl-C",
        )

    @property
    def raw_openai_url(self) -> str:
        """Base URL of llama.cpp's own server: nothing of ours between, nothing logged."""
        return f"{self.address('engine')}/v1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the server's process; :class:`LocalServer` starts it."""
    parser = argparse.ArgumentParser(prog="liftlab.serving.local")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--request-log", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        with tied_to_parent_thread():
            engine = start_engine(options.model, slots=options.slots, threads=options.threads)
    except LiftlabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    watch_parent()
    asyncio.run(_serve(engine, options.slots, options.port, options.request_log))
    return 0


async def _serve(engine: Engine, slots: int, port: int, request_log: Path) -> None:
    # The parent never needs the web framework: only the server's process loads it.
    from aiohttp import web

    from liftlab.serving.lift_proxy import LiftProxy

    leave = asked_to_leave()
    with request_log.open("a", encoding="utf-8", buffering=1) as log:
        app = LiftProxy(engine, slots=slots, log=log).app()
        # Cancelled with its client, a handler lets go of the engine, which stops drawing tokens.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_GRACE_S
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        listening = runner.addresses[0][1]
        announce({"url": f"http://127.0.0.1:{listening}", "engine": engine.url})
        await leave.wait()
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
