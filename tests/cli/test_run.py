"""What `liftlab run`, `quick`, `capacity` and `sessions` take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.typed import edges, is_taken, typed


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run", {"warm_up": True, "memory": False, "stream": False, "cases": (), "as_json": False}),
        ("run", {"until_decided": False, "dry_run": False, "categories": (), "segment": None}),
        ("run --no-warm-up --memory --stream", {"warm_up": False, "memory": True, "stream": True}),
        ("run --until-decided --dry-run --json", {"until_decided": True, "dry_run": True}),
        ("run --case a --case b --category c", {"cases": ("a", "b"), "categories": ("c",)}),
        ("run --category a --category b", {"categories": ("a", "b")}),
        ("quick", {"case": None}),
        ("capacity --levels 1,2,4", {"levels": (1, 2, 4), "dry_run": False, "as_json": False}),
        ("capacity --dry-run --json", {"levels": None, "dry_run": True, "as_json": True}),
        ("sessions", {"named": None, "only": (), "as_json": False}),
        ("sessions --only a --only b --json", {"only": ("a", "b"), "as_json": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("run --repeats", 1),
        *edges("run --concurrency", 1),
        *edges("capacity --visits", 1, 100),
        *edges("sessions --concurrency", 1, 256),
        *((f"run --target={share}", 0 < share < 1) for share in (0, 0.01, 0.99, 1, 1.5)),
        *((f"run --zone={share}", 0 < share < 1) for share in (0, 0.01, 0.99, 1, 1.5)),
        ("capacity --levels 1,two", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
