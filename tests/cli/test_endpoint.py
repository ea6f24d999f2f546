"""What `liftlab health`, `wake`, `serve` and `simulate` take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.typed import edges, is_taken, typed


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("health", {"named": None, "as_json": False}),
        ("wake", {"named": None, "until_warm": False, "timeout_s": None}),
        ("wake modal --until-warm --timeout 0.5", {"until_warm": True, "timeout_s": 0.5}),
        ("serve", {"slots": 1, "port": 0}),
        ("simulate", {"profile": "fast", "time_scale": 1.0, "port": 0, "log": None}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("serve --slots", 1, 64),
        *edges("serve --port", 0, 65_535),
        *edges("simulate --port", 0, 65_535),
        *((f"wake --timeout={seconds}", seconds > 0) for seconds in (-1, 0, 0.01)),
        *((f"simulate --time-scale={scale}", scale > 0) for scale in (-1, 0, 0.01)),
        ("simulate --log .", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
