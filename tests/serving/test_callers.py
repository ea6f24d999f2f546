"""Servers on loopback answer no page of another site."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from liftlab.serving.callers import refused
from liftlab.serving.simulator import SimulatorServer

REFUSED = [("evil.example:80", ""), ("127.0.0.1:80", "https://evil.example"), ("", "null")]


@pytest.mark.parametrize(("host", "origin"), REFUSED)
def test_others_are_refused(host: str, origin: str) -> None:
    assert refused(host, origin)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80", ""])
def test_loopback_is_served(host: str) -> None:
    assert not refused(host, "")
    assert not refused(host, "http://localhost:8888")


def test_the_simulator_asks() -> None:
    with SimulatorServer("fast", time_scale=100) as server:
        url = urlsplit(server.url)
        for host, status in (("localhost", 200), ("evil.example", 403)):
            connection = http.client.HTTPConnection(url.hostname or "", url.port)
            connection.request("GET", "/health", headers={"Host": host})
            assert connection.getresponse().status == status
            connection.close()
