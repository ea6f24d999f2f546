"""A server in a process of its own: start it, know when it is ready, never leave it behind.

The child tells its addresses in one line of JSON on its standard output and keeps
reading its standard input, which is a pipe that only the parent holds: when the parent
ends, however it ends, the pipe closes and the child leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from liftlab.errors import ServerFailed

_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)
_LOG_TAIL_BYTES = 65_536
_HANDSHAKE_LIMIT = 65_536
_FOLDER_PREFIX = "liftlab-serving-"
_FOLDER_VARIABLE = "LIFTLAB_SERVING_FOLDER"


class ServerProcess:
    """A liftlab server module, run as `python -m module options…`; a context manager.

    The module's `main` calls :func:`announce` and :func:`watch_parent`. From start to a good
    `/health`, model loading included, it has `ready_within_s`; to leave by itself before it is
    killed, `stop_within_s`.
    """

    def __init__(
        self,
        module: str,
        options: Sequence[str] = (),
        *,
        name: str = "server",
        ready_within_s: float = 60.0,
        stop_within_s: float = 5.0,
        log: Path | str | None = None,
    ) -> None:
        self.name = name
        self._module = module
        self._options = list(options)
        self._ready_within_s = ready_within_s
        self._stop_within_s = stop_within_s
        self._request_log = None if log is None else Path(log).resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._log: Path | None = None
        self._addresses: dict[str, str] = {}

    def options(self) -> list[str]:
        """Return the command line; asked for at the start, when :attr:`folder` exists."""
        return self._options

    def greeting(self) -> Sequence[str]:
        """Return the lines that a person at a terminal reads once the server is up."""
        return (f"{self.name} on {self.url}; stop it with Ctrl-C",)

    @property
    def request_log(self) -> Path:
        """File with a line of JSON a request; in the server's folder unless it was named."""
        return self._request_log or self.folder / "requests.jsonl"

    def start(self) -> Self:
        """Start the server and wait until it answers `/health`.

        Raises ServerFailed if it ended or was silent too long; the message carries its last lines.
        """
        if self._process is not None:
            raise ServerFailed(f"{self.name} is running already at {self.url}")
        deadline = time.monotonic() + self._ready_within_s
        self._folder = tempfile.TemporaryDirectory(prefix=_FOLDER_PREFIX)
        self._log = Path(self._folder.name, "server.log")
        try:
            with self._log.open("wb") as log:
                # A session of its own: Ctrl-C reaches the parent alone, which stops the server.
                self._process = subprocess.Popen(
                    [sys.executable, "-m", self._module, *self.options()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**os.environ, _FOLDER_VARIABLE: self._folder.name},
                    start_new_session=True,
                )
            self._addresses = self._read_handshake(deadline)
            self._wait_healthy(deadline)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server and wait for its end; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is not None:
            with process:  # closes its pipes
                process.terminate()
                try:
                    process.wait(self._stop_within_s)
                except subprocess.TimeoutExpired:
                    process.kill()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base URL, `http://127.0.0.1:port`."""
        return self.address("url")

    @property
    def openai_url(self) -> str:
        """Base URL of the OpenAI protocol."""
        return f"{self.url}/v1"

    @property
    def pid(self) -> int | None:
        """Process id, or None when the server is not running."""
        return None if self._process is None else self._process.pid

    @property
    def folder(self) -> Path:
        """Folder of the server's own files; gone once the server is stopped."""
        if self._folder is None:
            raise ServerFailed(f"{self.name} is not running: start it first")
        return Path(self._folder.name)

    def address(self, kind: str) -> str:
        """Return an address that the server announced, by its name."""
        if kind not in self._addresses:
            raise ServerFailed(f"{self.name} has announced no {kind!r}: start it first")
        return self._addresses[kind]

    def alive(self) -> bool:
        """Say whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def serve_forever(self, say: Callable[[str], None] = print) -> None:
        """Serve until Ctrl-C, which ends it cleanly; raise ServerFailed if it ends otherwise."""
        try:
            with self:
                for line in self.greeting():
                    say(line)
                self.wait()
        except KeyboardInterrupt:
            say("stopped")

    def wait(self) -> None:
        """Wait until the server ends by itself, which raises ServerFailed: it is not meant to."""
        if self._process is not None:
            code = self._process.wait()
            raise self._failure(f"ended with exit code {code}")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last `lines` lines that the server wrote to its standard error."""
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _read_handshake(self, deadline: float) -> dict[str, str]:
        process = self._process
        if process is None or process.stdout is None:
            raise ServerFailed(f"{self.name} has no standard output to read its address from")
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise self._failure(f"was not ready within {self._ready_within_s:g} s")
            chunk = os.read(process.stdout.fileno(), _HANDSHAKE_LIMIT)
            line += chunk
            if not chunk:
                code = process.wait()
                raise self._failure(f"ended with exit code {code} before it was ready")
            if len(line) > _HANDSHAKE_LIMIT:
                raise self._failure("wrote no address to its standard output")
        try:
            found: Any = json.loads(line)
            return {str(kind): str(address) for kind, address in found.items()}
        except (ValueError, AttributeError):
            raise self._failure(f"wrote {line[:100]!r} where its address belongs") from None

    def _wait_healthy(self, deadline: float) -> None:
        last = "no answer"
        while time.monotonic() < deadline:
            if not self.alive():
                raise self._failure("ended before it answered /health")
            try:
                status = _status_of(self.url, "/health", max(0.1, deadline - time.monotonic()))
            except OSError as error:
                last = str(error)
            else:
                if status == http.HTTPStatus.OK:
                    return
                last = f"HTTP {status}"
            time.sleep(0.02)
        raise self._failure(f"was not healthy within {self._ready_within_s:g} s ({last})")

    def _failure(self, what: str) -> ServerFailed:
        tail = self.log_tail() or "(it wrote nothing)"
        return ServerFailed(f"the {self.name} {what}; its last lines:\n{tail}")


def asked_to_leave() -> asyncio.Event:
    """Return an event of the running loop that is set when this process is told to end."""
    leave = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, leave.set)
    return leave


def announce(addresses: Mapping[str, str]) -> None:
    """Tell the parent, in one line on standard output, where this server listens."""
    sys.stdout.write(json.dumps(dict(addresses)) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def tied_to_parent_thread() -> Iterator[None]:
    """Have the kernel kill this process, while in the block, when its parent ends.

    For stretches in which no Python thread can run (an engine that loads its model
    without giving the interpreter back). Linux counts the *thread* that started us as
    the parent, so this is for the start only, when that thread is waiting for us.
    Elsewhere it does nothing and :func:`watch_parent` catches up after the block.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    parent = os.getppid()
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the kernel was told
            os._exit(1)
    try:
        yield
    finally:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def watch_parent() -> None:
    """Leave this process, from a thread, as soon as the parent is gone, and tidy up after it.

    The closed pipe on standard input says so at once. A sibling may have inherited the
    pipe's other end, so a changed parent id, asked for once a second, counts as well.
    """
    parent = os.getppid()
    threading.Thread(target=_leave_with, args=(parent,), name="watch-parent", daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        readable = select.select([0], [], [], 1.0)[0]
        if readable and not os.read(0, 4096):
            break
    folder = Path(os.environ.get(_FOLDER_VARIABLE, ""))
    if folder.name.startswith(_FOLDER_PREFIX):  # the parent can no longer remove it
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _status_of(url: str, path: str, timeout_s: float) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"not HTTP: {error!r}") from error
    finally:
        connection.close()
