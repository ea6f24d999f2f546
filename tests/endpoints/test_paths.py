"""Dotted paths into what a server replied."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.endpoints.paths import at, gap

REPLY: dict[str, Any] = {"a": {"b": [10, {"c": None}]}, "t": "text", "n": 1}


@pytest.mark.parametrize(
    ("path", "value"),
    [("", REPLY), ("a.b.0", 10), ("a.b.1.c", None), ("t", "text"), ("a..b.0", 10)],
)
def test_what_is_at_a_path(path: str, value: Any) -> None:
    assert at(REPLY, path) == value


@pytest.mark.parametrize(
    "path", ["x", "a.b.2", "a.b.-1", "a.b.²", "a.b.c", "t.0", "n.0", "a.b.1.c.d"]
)
def test_nothing_is_there(path: str) -> None:
    with pytest.raises(KeyError, match=path.replace(".", r"\.")):
        at(REPLY, path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x", "no x in the reply, which has a, t, n"),
        ("a.x", "no x in a, which has b"),
        ("a.b.2", "no 2 in a.b, which is a list of 2"),
        ("a.b.1.c.d", "no d in a.b.1.c, which is null"),
        ("t.x", "no x in t, which is a str"),
        ("n.x", "no x in n, which is a int"),
        ("a.b.1.c", "null at a.b.1.c"),
        ("", "null at the top"),
    ],
)
def test_where_a_path_leads_to_nothing(path: str, said: str) -> None:
    assert gap(REPLY, path) == said


def test_what_is_there_instead_is_bounded() -> None:
    assert gap({}, "x") == "no x in the reply, which is empty"
    ten = {f"k{n}": n for n in range(10)}
    assert gap(ten, "x").endswith(", k9")
    assert gap({**ten, "k10": 1}, "x").endswith(", k9, …")
    assert gap({"y" * 50: 1}, "x").endswith(f"has {'y' * 40}")
