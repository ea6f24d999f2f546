from __future__ import annotations

import pytest

from liftlab.endpoints.server_facts import tokens_of


@pytest.mark.parametrize(
    ("told", "usd"),
    [
        (0, 0.0),
        (0.25, 0.25),
        (-1, None),
        (True, None),
        ("1", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_a_price_that_cannot_be_is_none(told: object, usd: float | None) -> None:
    assert tokens_of({"usage": {"cost": told}})["reported_usd"] == usd
