"""What a process that nothing confines can do, and that each try is looked at by itself."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liftlab.sandbox import canaries

SCRIPT = (
    "import json, sys\nfrom liftlab.sandbox import canaries\n"
    "print(json.dumps(canaries.probe(json.loads(sys.argv[1]))))"
)
NOWHERE = "/nowhere/at all"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[dict[str, Any]]:
    file = tmp_path / "canary"
    file.write_text("as it was")
    file.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield {
            "port": listener.getsockname()[1],
            "file": str(file),
            "home": str(tmp_path),
            "caller": os.getpid(),
            "group": os.getpgrp(),
        }


def possible(target: dict[str, Any]) -> dict[str, bool]:
    command = [sys.executable, "-c", SCRIPT, json.dumps(target)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, bool] = json.loads(ran.stdout)  # once: no other process came of it
    return found


def test_without_a_sandbox_all_is_possible(target: dict[str, Any]) -> None:
    found = possible(target)
    assert tuple(found) == canaries.NAMES
    del found["write_worker_memory"]  # not everywhere, of a parent
    assert set(found.values()) == {True}
    file = Path(target["file"])
    assert file.read_text() == "as it was"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("port", 1, {"connect"}),
        ("file", NOWHERE, {"read_outside", "write_outside", "change_mode_outside"}),
        ("home", NOWHERE, {"read_home"}),
        ("group", 1, {"see_caller"}),
        ("caller", 2**22 + 1, {"read_caller_environment", "see_caller"}),  # no such process
    ],
)
def test_what_is_not_there_is_not_possible(
    key: str, value: Any, refused: set[str], target: dict[str, Any]
) -> None:
    found = possible(target | {key: value})
    del found["write_worker_memory"]
    assert {name for name, is_possible in found.items() if not is_possible} == refused
