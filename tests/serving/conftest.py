from __future__ import annotations

import json
import os
import select
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

_PATIENCE_S = 20.0


def _call(url: str, body: Any = None, request_id: str = "t") -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "x-request-id": request_id}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _gone(pid: int) -> bool:
    """Wait for a process that is not our child to end."""
    try:
        if sys.platform == "linux":
            handle = os.pidfd_open(pid)
            try:
                return bool(select.select([handle], [], [], _PATIENCE_S)[0])
            finally:
                os.close(handle)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="session")
def call() -> Callable[..., tuple[int, Any]]:
    """Send a GET, or a POST of JSON; gives the status and the JSON that came back."""
    return _call


@pytest.fixture(scope="session")
def gone() -> Callable[[int], bool]:
    """Say whether a process has ended, after waiting for it."""
    return _gone
