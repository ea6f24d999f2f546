"""A loopback server that holds each request for a moment, and tells for how long exactly.

Run as a program of its own, with the standard library only: the client is then woken as by
any other server. It prints its port, and ends with its standard input.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import sys
import time

HELD_NS = 1_000_000
HELD = b"x-held-ns"
BODY = b'{"prompt": "how long does this take?"}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n%s: %d\r\n\r\n"


def serve() -> None:
    """Answer until standard input ends."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    received: dict[socket.socket, bytes] = {}
    held: list[tuple[int, int, socket.socket]] = []  # when to answer, since when it is held
    while True:
        wait_s = max(0.0, (held[0][0] - time.perf_counter_ns()) / 1e9) if held else None
        for key, _ in selector.select(wait_s):
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
                received[connection] = b""
                continue
            connection = key.fileobj  # type: ignore[assignment]  # the rest are connections
            data = connection.recv(65_536)
            now_ns = time.perf_counter_ns()
            if not data:
                selector.unregister(connection)
                connection.close()
                continue
            received[connection] += data
            if received[connection].endswith(BODY):
                received[connection] = b""
                heapq.heappush(held, (now_ns + HELD_NS, now_ns, connection))
        while held and held[0][0] <= time.perf_counter_ns():
            _, since_ns, connection = heapq.heappop(held)
            connection.send(_HEAD % (HELD, time.perf_counter_ns() - since_ns) + b"ok")


if __name__ == "__main__":
    serve()
