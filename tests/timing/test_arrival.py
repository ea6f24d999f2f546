"""When bytes came: what the kernel tells, what is made of it, and what happens without it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.timing import arrival
from liftlab.timing.arrival import (
    ArrivalSocket,
    arrival_of,
    arrival_socket,
    received_ns,
    round_trip_s,
)
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TOLD = (socket.SOL_SOCKET, 37)
HOUR_NS = 3_600_000_000_000
ANCILLARY = st.lists(
    st.tuples(st.sampled_from([socket.SOL_SOCKET, 0, 41]), st.integers(0, 64), st.binary())
)


def connected_pair():
    """A loopback TCP connection: an end that knows arrivals, and its peer."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    near = arrival_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", address))
    near.connect(address)
    far, _ = listener.accept()
    listener.close()
    return near, far


@pytest.fixture(scope="module")
def kernel_tells():
    """Skip where the kernel tells no arrivals; it begins a moment after it is first asked to."""
    near, far = connected_pair()
    for _ in range(10_000):
        far.send(b"x")
        near.recv(1)
        if not isinstance(near, ArrivalSocket) or near.arrived_ns is not None:
            break
    told = getattr(near, "arrived_ns", None) is not None
    if told:
        yield  # with a connection open that asks, it goes on
    near.close()
    far.close()
    if not told:
        pytest.skip("this kernel does not tell when bytes came")


@pytest.fixture(params=["recv", "recv_into"])
def read(request):
    """Both ways in which asyncio reads a socket."""

    def into(sock):
        buffer = bytearray(100)
        size = sock.recv_into(buffer)
        return bytes(buffer[:size])

    return into if request.param == "recv_into" else lambda sock: sock.recv(100)


@given(ANCILLARY, st.integers(0, 2**33), st.integers(1, 999_999_999), ANCILLARY)
def test_the_stamp_is_found_among_whatever_comes_with_it(before, seconds, nanoseconds, after):
    item = (*TOLD, struct.pack("@6l", seconds, nanoseconds, 0, 0, 7, 7))
    others = [other for other in before if other[:2] != TOLD]
    assert received_ns([*others, item, *after]) == seconds * 1_000_000_000 + nanoseconds
    assert received_ns(others) is None


@given(ANCILLARY, st.binary(max_size=15))
def test_no_ancillary_data_breaks_a_read(ancillary, cut_short):
    assert isinstance(received_ns(ancillary), int | None)
    assert received_ns([(*TOLD, cut_short), (*TOLD, bytes(48))]) is None


def test_a_read_tells_when_its_bytes_had_come_and_not_when_it_was_made(kernel_tells, read):
    near, far = connected_pair()
    with near, far:
        sending_ns = time.perf_counter_ns()
        far.send(b"one")
        assert near.recv(2, socket.MSG_PEEK) == b"on"  # it is there
        there_ns = time.perf_counter_ns()
        assert (read(near), sending_ns < near.arrived_ns < there_ns) == (b"one", True)
        first_ns = near.arrived_ns
        far.send(b"two")
        far.send(b"three")
        while len(near.recv(100, socket.MSG_PEEK)) < len(b"twothree"):
            pass
        assert read(near) == b"twothree"
        assert first_ns < near.arrived_ns < time.perf_counter_ns()
        far.shutdown(socket.SHUT_WR)
        assert (read(near), near.arrived_ns) == (b"", None)


def test_a_listener_hands_on_what_it_knows(kernel_tells):
    listener = arrival_socket((socket.AF_INET, socket.SOCK_STREAM, 0))
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    with listener, socket.create_connection(listener.getsockname()) as far:
        near, address = listener.accept()
        with near:
            assert address == far.getsockname()
            before_ns = time.perf_counter_ns()
            far.send(b"x")
            assert near.recv(1) == b"x"
            assert before_ns < near.arrived_ns < time.perf_counter_ns()


async def test_the_kernel_tells_the_round_trip_of_a_connection():
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport, _ = await loop.create_connection(asyncio.Protocol, *listener.getsockname())
        found_s = round_trip_s(transport)
        transport.close()
    assert (found_s is not None) == (sys.platform == "linux")
    assert found_s is None or 0 < found_s < 1
    assert round_trip_s(None) is None


def test_a_buffer_takes_no_more_than_was_asked_for():
    near, far = connected_pair()
    with near, far:
        far.send(b"abcdef")
        buffer = bytearray(6)
        assert near.recv_into(buffer, 2) == 2
        assert bytes(buffer) == b"ab\0\0\0\0"


def unable(monkeypatch, how):
    """Make arrivals unknown, as one of the systems without them."""
    if how == "not Linux":
        monkeypatch.setattr(arrival.sys, "platform", "darwin")
    elif how == "refused":

        def refuse(*option):
            raise OSError(92, "Protocol not available")

        monkeypatch.setattr(ArrivalSocket, "setsockopt", refuse)
    else:
        monkeypatch.setattr(arrival, "_SO_TIMESTAMPING", 38)  # taken, but tells nothing


@pytest.mark.parametrize("how", ["not Linux", "refused"])
def test_elsewhere_a_socket_is_a_plain_one(monkeypatch, how):
    unable(monkeypatch, how)
    with arrival_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))) as plain:
        assert type(plain) is socket.socket


@given(st.lists(st.tuples(st.integers(0, 100), st.none() | st.integers(-300, 300))))
def test_moments_are_in_order_within_the_exchange_whatever_is_told(reads):
    now = 1_000
    recorder = Recorder(lambda: now)
    recorder.sending()
    latest = now
    for wait, told in reads:
        now += wait
        at_ns = recorder.moment(None if told is None else now + told)
        assert latest <= at_ns <= now
        if told is None or told > 0 or now + told < recorder.sent_ns:
            assert at_ns == now
        else:
            assert at_ns == max(latest, now + told)
        latest = at_ns


def test_nothing_arrived_on_a_hop_before_the_hop_was_asked_for():
    now = 10
    recorder = Recorder(lambda: now)
    recorder.sending()
    recorder.redirected()
    now = 20
    recorder.sending()
    now = 30
    assert (recorder.sent_ns, recorder.moment(15), recorder.moment(25)) == (10, 30, 30)


async def test_a_connection_without_a_socket_of_ours_has_no_arrivals():
    assert arrival_of(None) is arrival_of(asyncio.Transport()) is None


def read_head(connection):
    while not connection.recv(65_536).endswith(b"\r\n\r\n"):
        pass


@pytest.fixture
def answering(certificate, monkeypatch):
    """Start a thread that answers one request; give its URL and an event: the reply is out.

    The way there is plain, by TLS, or a proxy's, which is itself what it connects to.
    """
    threads = []

    def start(way):
        listener = socket.create_server(("127.0.0.1", 0))
        replied = threading.Event()

        def answer():
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if way == "proxy":
                read_head(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            if way != "plain":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*certificate)
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                read_head(connection)
                connection.sendall(REPLY)
                replied.set()
                connection.recv(1)  # until the client closes
            listener.close()

        threads.append(threading.Thread(target=answer, daemon=True))
        threads[-1].start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("https_proxy", f"http://{address}")
        return f"{'http' if way == 'plain' else 'https'}://{address}", replied

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


async def blocked_exchange(answering, certificate, way="plain"):
    """Make an exchange whose reply comes while the loop is busy; give stamps and its end."""
    url, replied = answering(way)
    transport = StampedTransport(ca_file=str(certificate[0]), use_proxy=way == "proxy")
    recorder = Recorder()

    async def block():
        while recorder.sent_ns is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert replied.wait(10)  # nothing else happens in this loop until the reply is there
        return time.perf_counter_ns()

    answer, free_ns = await asyncio.gather(
        transport.exchange("GET", url, [], b"", recorder), block()
    )
    await transport.aclose()
    assert (answer.status, answer.content) == (200, b"ok")
    stamps = recorder.stamps()
    moments = (stamps.sent_ns, stamps.headers_ns, stamps.first_byte_ns, stamps.last_byte_ns)
    assert all(a <= b for a, b in pairwise((*moments, stamps.ended_ns)))
    return stamps, free_ns


@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
async def test_a_busy_loop_does_not_delay_a_stamp(kernel_tells, answering, certificate, way):
    stamps, free_ns = await blocked_exchange(answering, certificate, way)
    assert stamps.sent_ns < stamps.first_byte_ns == stamps.last_byte_ns < free_ns


@pytest.mark.parametrize("how", ["not Linux", "refused", "silent"])
async def test_without_the_kernels_word_a_read_is_stamped_when_it_is_made(
    monkeypatch, answering, certificate, how
):
    unable(monkeypatch, how)
    stamps, free_ns = await blocked_exchange(answering, certificate)
    assert free_ns < stamps.first_byte_ns


@pytest.mark.parametrize("step_ns", [-HOUR_NS, HOUR_NS])
async def test_a_wall_clock_that_is_set_between_arrival_and_read_spoils_no_stamp(
    monkeypatch, kernel_tells, answering, certificate, step_ns
):
    wall_ns = time.time_ns
    monkeypatch.setattr(arrival.time, "time_ns", lambda: wall_ns() + step_ns)
    stamps, free_ns = await blocked_exchange(answering, certificate)
    assert free_ns < stamps.first_byte_ns
