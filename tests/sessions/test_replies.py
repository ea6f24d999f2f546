"""What stands at a path of a reply, and whether it is as a check says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from liftlab.sessions.record import Exchange
from liftlab.sessions.replies import (
    MISSING,
    at_path,
    fits,
    holds,
    look_up,
    moment,
    parse_path,
    parsed,
    read_at,
    same,
)

DATA = {
    "id": "s1",
    "turns": [{"n": 1, "tags": ["a"]}, {"n": 2, "tags": ["b", "c"]}, {"tags": []}],
    "rows": [[1, 2], [3]],
    "none": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", DATA),
        ("id", "s1"),
        ("none", None),
        ("turns[0].n", 1),
        ("turns[-1].tags", []),
        ("turns[-3].n", 1),
        ("turns[2].tags", []),
        ("turns[*].n", [1, 2]),  # the third has none
        ("turns[*].tags[*]", ["a", "b", "c"]),
        ("rows[*][0]", [1, 3]),
        ("rows[*][1]", [2]),
        ("turns[n=2].tags[1]", "c"),
        ("turns[*].nothing", []),
    ],
)
def test_a_path_leads_to_what_stands_there(path: str, found: Any) -> None:
    assert look_up(DATA, path) == found


@pytest.mark.parametrize(
    "path",
    ["x", "id.x", "turns[3]", "turns[-4]", "turns.n", "turns[n=3]", "id[0]", "id[*]", "x[*].y"],
)
def test_a_path_that_leads_nowhere_is_missing(path: str) -> None:
    assert look_up(DATA, path) is MISSING


@pytest.mark.parametrize("path", [".id", "a..b", "a[", "a[x", "a b", "[1234567]", "@texts"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path such as"):
        parse_path(path)


def exchange(**more: Any) -> Exchange:
    plain = Exchange(at="1", call="make", user="a", method="GET", path="/", **more)
    return replace(plain, headers={"content-type": "text/plain"})


def test_a_reply_s_text_and_headers_have_paths_too() -> None:
    assert at_path("@text", exchange(), b"\xc3\xa9t\xc3\xa9 \xff") == "été \ufffd"
    assert at_path("@header.Content-Type", exchange(), b"") == "text/plain"
    assert at_path("@header.etag", exchange(), b"") is MISSING
    assert at_path("n", exchange(), b'{"n": 3}') == 3


def test_what_is_no_json_has_nothing_at_any_path() -> None:
    for body in (b"", b"{", b"NaN", b"[" * 100_000):
        assert read_at("n", body) is MISSING
    with pytest.raises(ValueError, match="NaN"):
        parsed(b'{"n": NaN}')
    with pytest.raises(ValueError, match="nested too deeply"):
        parsed(b"[" * 100_000)
    assert parsed(b'{"n": 1}') == {"n": 1}


@pytest.mark.parametrize(
    ("status", "allowed", "fit"),
    [
        (200, ["2xx"], True),
        (200, ["200"], True),
        (299, ["2xx"], True),
        (300, ["2xx"], False),
        (404, ["400", "4xx"], True),
        (404, ["400"], False),
        (None, ["no reply"], True),
        (None, ["2xx"], False),
        (200, ["no reply"], False),
    ],
)
def test_a_status_fits_by_itself_or_its_kind(
    status: int | None, allowed: list[str], fit: bool
) -> None:
    assert fits(status, allowed) is fit


def test_true_is_not_one() -> None:
    assert same(1, 1.0)
    assert not same(True, 1)
    assert same({"a": [1]}, {"a": [1]})
    assert not same("1", 1)


def test_moments_are_told_apart_from_other_texts() -> None:
    first = datetime(2025, 1, 1, tzinfo=UTC)
    assert moment("2025-01-01T00:00:00") == first  # without an offset it is UTC
    assert moment("2025-01-01T00:00:00Z") == first
    assert moment("2025-01-01T00:00:00+00:00Z") == first
    east = timezone(timedelta(hours=1))
    assert moment("2025-01-01T01:00:00+01:00") == first.astimezone(east)
    assert moment("soon") == "soon"
    assert moment(5) == 5


@pytest.mark.parametrize(
    ("operator", "value", "target", "held"),
    [
        ("equals", 1, 1, True),
        ("equals", 1, True, False),
        ("differs", 1, True, True),
        ("differs", 1, 1, False),
        ("contains", ["a", "b"], "b", True),
        ("contains", ["ab"], "a", False),
        ("contains", "abc", "b", True),
        ("contains", "a1", 1, True),
        ("contains", 5, 5, False),
        ("contains_all", ["a", "b"], ["a", "b"], True),
        ("contains_all", ["a", "b"], ["a", "c"], False),
        ("contains_all", ["a", "b"], "a", True),
        ("excludes", ["a"], "b", True),
        ("excludes", ["a"], "a", False),
        ("excludes", 5, "a", False),
        ("at_least", 2, 2, True),
        ("at_least", 1, 2, False),
        ("at_least", "2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z", True),
        ("at_least", "soon", 2, False),
        ("equals", MISSING, None, False),
        ("differs", MISSING, None, False),
        ("excludes", MISSING, "a", False),
    ],
)
def test_a_comparison_holds_or_not(operator: str, value: Any, target: Any, held: bool) -> None:
    assert holds(operator, value, target) is held
