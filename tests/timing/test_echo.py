"""The server that calibration is held against: it tells for how long it held a request."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from liftlab.timing import echo

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [sys.executable, "-I", "-S", str(echo.__file__)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def reply_of(connection: socket.socket) -> int:
    """Read one whole reply, and return for how long its request was held."""
    said = b""
    while not said.endswith(b"\r\n\r\nok"):
        part = connection.recv(65_536)
        assert part, said
        said += part
    lines = said.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"content-length: 2" in lines
    [held] = [line for line in lines if line.startswith(echo.HELD)]
    return int(held.partition(b": ")[2])


def test_it_tells_how_long_it_held_each_request(
    server: tuple[subprocess.Popen[bytes], int],
) -> None:
    with connected(server[1]) as first, connected(server[1]) as second:
        for connection in (first, second, first, first):
            sent_ns = time.perf_counter_ns()
            connection.sendall(HEAD + echo.BODY)
            held_ns = reply_of(connection)
            assert 1_000_000 <= held_ns <= time.perf_counter_ns() - sent_ns


def test_requests_that_come_together_are_all_answered(
    server: tuple[subprocess.Popen[bytes], int],
) -> None:
    connections = [connected(server[1]) for _ in range(5)]
    for connection in connections:
        connection.sendall(HEAD + echo.BODY)
    for connection in connections:
        assert reply_of(connection) >= 1_000_000
        connection.close()


def test_a_request_is_answered_once_it_is_whole(
    server: tuple[subprocess.Popen[bytes], int],
) -> None:
    with connected(server[1]) as halting, connected(server[1]) as other:
        halting.sendall(HEAD + echo.BODY[:-1])
        other.sendall(HEAD + echo.BODY)
        reply_of(other)
        halting.setblocking(False)
        with pytest.raises(BlockingIOError):
            halting.recv(1)
        halting.settimeout(20)
        halting.sendall(echo.BODY[-1:])
        assert reply_of(halting) >= 1_000_000


def test_it_outlives_those_who_leave_and_ends_with_its_input(
    server: tuple[subprocess.Popen[bytes], int],
) -> None:
    process, port = server
    with connected(port) as leaving:
        leaving.shutdown(socket.SHUT_WR)
        assert leaving.recv(1) == b""  # it closed its end, too
    with connected(port) as connection:
        connection.sendall(HEAD + echo.BODY)
        reply_of(connection)
    assert process.poll() is None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
