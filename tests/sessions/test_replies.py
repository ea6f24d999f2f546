"""What stands at a path of a reply, and when two values are the same."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.sessions.replies import MISSING, look_up, moment, same

DATA = {"sessions": [{"id": "x", "n": 1}, {"id": "y", "n": 2}, {"n": 3}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sessions[*].id", ["x", "y"]),
        ("sessions[id=y].n", 2),
        ("sessions[-1].n", 3),
        ("sessions[3]", MISSING),
        ("a.b", MISSING),
        ("a[*]", MISSING),
    ],
)
def test_a_path_leads_to_what_is_there(path: str, value: Any) -> None:
    assert look_up(DATA, path) == value


def test_true_is_not_1() -> None:
    assert same(1, 1.0)
    assert not same(True, 1)
    assert not same([{"a": 0}], [{"a": False}])


def test_a_z_behind_an_offset_changes_no_moment() -> None:
    assert moment("2025-01-01T00:00:00+00:00Z") == moment("2025-01-01T00:00:00Z")
    assert moment("2025-01-01T00:00:00") == moment("2025-01-01T01:00:00+01:00")
    assert [moment("soon"), moment(7)] == ["soon", 7]
