"""The simulator: an endpoint whose true times are known, to prove the measuring right.

`with SimulatorServer("fast") as server:` starts it in a process of its own, on loopback, on a
free port.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liftlab.errors import LiftlabError, UsageError
from liftlab.serving.process import ServerProcess, announce, asked_to_leave, watch_parent
from liftlab.serving.simulation.profile import Profile, load_profile
from liftlab.serving.simulation.service import Simulator
from liftlab.serving.simulation.truth import TruthLog, read_truth
from liftlab.serving.simulation.wire import listening


class SimulatorServer(ServerProcess):
    """The simulator's process; a `with` block starts and stops it.

    `profile` is one's name, or a file of one; every time in it is divided by `time_scale`: at 100,
    10.4 s are 104 ms. The truth log is appended to `log`, by default a file that goes with the
    server. Raises UnknownName, FileInvalid, UsageError if the profile, the scale, the port or the
    log's place cannot be used.
    """

    def __init__(
        self,
        profile: str | Path = "fast",
        *,
        time_scale: float = 1.0,
        log: Path | str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(
            "liftlab.serving.simulator", name="simulator", ready_within_s=30.0, log=log
        )
        if not 0 < time_scale < math.inf:
            raise UsageError(f"time_scale must be above 0 and finite, not {time_scale:g}")
        self.profile: Profile = load_profile(profile)
        _check_place(port, log)
        self.time_scale = time_scale
        self._source = Path(profile)
        self._port = port

    def options(self) -> list[str]:
        """Return the command line of the server's process."""
        source = self._source
        return [
            f"--profile={source.resolve() if source.suffix == '.toml' else source}",
            f"--time-scale={self.time_scale}",
            f"--log={self.request_log}",
            f"--port={self._port}",
        ]

    def truth(self) -> list[dict[str, Any]]:
        """Return the requests that have ended, with their true times and answers."""
        return read_truth(self.request_log)

    def greeting(self) -> Sequence[str]:
        """Say what is simulated where."""
        return (
            f"{self.profile.name}, {self.time_scale:g} times as fast, is simulated",
            f"on {self.url} (lift protocol) and {self.openai_url} (OpenAI's);",
            f"the truth is in {self.request_log}; stop it with Ctrl-C",
        )


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
