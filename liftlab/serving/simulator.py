"""The simulator: an endpoint whose true times are known, to prove the measuring right.

`with serve_simulator("fast") as server:` starts it in a process of its own, on loopback,
on a free port; :func:`simulate_forever` is the same for a terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from liftlab.errors import LiftlabError, UsageError
from liftlab.serving.process import ServerProcess, announce, asked_to_leave, watch_parent
from liftlab.serving.request_log import read_request_log
from liftlab.serving.simulation.profile import Profile, load_profile
from liftlab.serving.simulation.service import Simulator
from liftlab.serving.simulation.truth import TruthLog
from liftlab.serving.simulation.wire import listening


class SimulatorServer(ServerProcess):
    """The simulator's process; made by :func:`serve_simulator`."""

    def __init__(
        self,
        profile: str | Path,
        *,
        time_scale: float = 1.0,
        log: Path | str | None = None,
        port: int = 0,
        ready_within_s: float = 30.0,
    ) -> None:
        super().__init__(
            "liftlab.serving.simulator", name="simulator", ready_within_s=ready_within_s
        )
        if not 0 < time_scale < math.inf:
            raise UsageError(f"time_scale must be above 0 and finite, not {time_scale:g}")
        self.profile: Profile = load_profile(profile)
        _check_place(port, log)
        self.time_scale = time_scale
        self._source = profile
        self._log_path = None if log is None else Path(log).resolve()
        self._port = port

    def options(self) -> list[str]:
        """Return the command line of the server's process."""
        source = Path(self._source)
        return [
            f"--profile={source.resolve() if source.suffix == '.toml' else source}",
            f"--time-scale={self.time_scale}",
            f"--log={self.request_log}",
            f"--port={self._port}",
        ]

    @property
    def request_log(self) -> Path:
        """File with a line of JSON a request; in the server's folder unless it was named."""
        return self._log_path or self.folder / "truth.jsonl"

    def truth(self) -> list[dict[str, Any]]:
        """Return the requests that have ended, as the server knows them."""
        return read_request_log(self.request_log)


def serve_simulator(
    profile: str | Path = "fast",
    *,
    time_scale: float = 1.0,
    log: Path | str | None = None,
    port: int = 0,
) -> SimulatorServer:
    """Prepare a simulator; a `with` block starts and stops it.

    Raises UnknownName, FileInvalid, UsageError if the profile, the scale, the port or the log's
    place cannot be used.

    Parameters
    ----------
    profile
        A profile's name, or a file of one.
    time_scale
        Every time of the profile is divided by it: at 100, 10.4 s are 104 ms.
    log
        Where the truth log is appended; by default a file that goes with the server.
    port
        Port on 127.0.0.1; 0 takes a free one.
    """
    return SimulatorServer(profile, time_scale=time_scale, log=log, port=port)


def _check_place(port: int, log: Path | str | None) -> None:
    """See to it, before a process is started, that it can listen and log."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        said = os.strerror(error.errno or 0)
        raise UsageError(f"port {port}: {said}; port 0 takes a free one") from None
    if log is not None:
        try:
            Path(log).open("ab").close()
        except OSError as error:
            raise UsageError(f"{log}: the log cannot be written there: {error.strerror}") from None


def simulate_forever(
    profile: str | Path = "fast",
    *,
    time_scale: float = 1.0,
    log: Path | str | None = None,
    port: int = 0,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C, which ends it cleanly.

    Raises ServerFailed if the server did not come up, or ended by itself.
    """
    server = serve_simulator(profile, time_scale=time_scale, log=log, port=port)
    server.run_until_interrupted(
        lambda: (
            f"{server.profile.name}, {time_scale:g} times as fast, is simulated",
            f"on {server.url} (lift protocol) and {server.openai_url} (OpenAI's);",
            f"the truth is in {server.request_log}; stop it with Ctrl-C",
        ),
        say,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the server's process; :class:`SimulatorServer` starts it."""
    parser = argparse.ArgumentParser(prog="liftlab.serving.simulator")
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args(arguments)
    try:
        profile = load_profile(options.profile)
    except LiftlabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    watch_parent()
    asyncio.run(_serve(profile, options.time_scale, options.port, options.log))
    return 0


async def _serve(profile: Profile, time_scale: float, port: int, log: Path | None) -> None:
    leave = asked_to_leave()
    with TruthLog(log) as truth:
        simulator = Simulator(profile, time_scale=time_scale, log=truth)
        async with listening(simulator.handle, port) as listener:
            announce({"url": listener.url})
            await leave.wait()


if __name__ == "__main__":
    sys.exit(main())
