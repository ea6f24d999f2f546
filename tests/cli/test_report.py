"""What `liftlab report`, `status` and `readme-update` take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.typed import edges, is_taken, typed


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("report", {"run": None, "suite": None, "no_code": False}),
        ("report x --no-code", {"run": "x", "no_code": True}),
        ("status", {"run": "latest", "audience": None, "mail": None, "to": ()}),
        ("readme-update", {"run": "latest", "path": None, "anyway": False}),
        ("readme-update x --anyway", {"run": "x", "anyway": True}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


def test_a_mail_goes_to_several() -> None:
    line = "status --eml out.eml --to a@example.org --to b@example.org"
    assert [one.addr_spec for one in typed(line)["to"]] == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("report --repeats", 1),
        ("status --for users", True),
        ("status --for everybody", False),
        ("status --to nobody", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
