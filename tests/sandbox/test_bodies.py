"""What an answer looks like before it is taken for Python."""

from __future__ import annotations

import json
from typing import Any

import pytest

from liftlab.sandbox.bodies import text_facts


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"error": "x"}, "error"),
        ({"error": ""}, "value"),
        ({"Error": {"code": 1}}, "error"),
        ([{"error": "x"}], "error"),
        ([{"error": "x"}, 1], "value"),
        ([], "value"),
        ({"error": "x", "result": 1}, "value"),
        ({"detail": None}, "error"),
        ({"detail": "x", "more": 1}, "value"),
        ({"object": "error", "result": 1}, "error"),
        ({"message": "Too many requests"}, "error"),
        ({"message": "well done"}, "value"),
        ({"message": "it failed", "count": 1}, "value"),
        ({"code": 500, "message": "internal error", "request_id": "a"}, "error"),
        ({"code": 1}, "value"),
        ([[1]], "value"),
        (["error"], "value"),
    ],
)
def test_an_error_is_told_from_other_json(value: Any, kind: str) -> None:
    text = json.dumps(value)
    assert text_facts(f"\n {text}")["json"] == kind
    event = text_facts(f"event: x\ndata: {text}")["json"]
    assert event == ("error" if kind == "error" and text.startswith("{") else None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a": 1', "value"),  # cut off
        ('[{"a": 1', "value"),
        ('{"a": 1\ndef f(x):\n', None),
        ('{"a", 1', None),
        ("x", None),
        ("", None),
    ],
)
def test_json_that_breaks_off(text: str, kind: str | None) -> None:
    assert text_facts(text)["json"] == kind


@pytest.mark.parametrize(
    ("text", "pythonic", "foreign"),
    [
        ("def f(x):\n    return x", True, False),
        ("import os", True, False),
        ("words only", False, False),
        ("function f(x) { return x }", False, True),
        ("const x = 1;", False, True),
        ("#include <stdio.h>", False, True),
        ("public static void main", False, True),
        ("def f(x) -> int:\n    pass\nconst x = 1", True, False),
        ("words\nx = 1", True, False),
        (f"{'w' * 19_990}\nx = 1", True, False),
        (f"{'w' * 20_000}\nx = 1", False, False),
        (f"{'w' * 20_000}\nconst x = 1", False, False),
    ],
)
def test_a_language_is_told_by_its_lines(text: str, pythonic: bool, foreign: bool) -> None:
    told = text_facts(text)
    assert (told["pythonic"], told["foreign"]) == (pythonic, foreign)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("<html><h1>502 Bad Gateway</h1>", True),
        (" \n<html>503</html>", True),
        ("<html>welcome</html>", False),
        ("502 Bad Gateway", True),
        ("HTTP/1.1 503 Service Unavailable", True),
        ("too many requests, try later", True),
        ("404 Not Found", True),
        ("the service is unavailable", False),
        ("Traceback (most recent call last):\n  File", True),
        ("It said Traceback (most recent call last):", False),
        ("", False),
    ],
)
def test_a_page_of_a_gateway_is_no_answer(text: str, page: bool) -> None:
    assert text_facts(text)["gateway_page"] is page


@pytest.mark.parametrize(("text", "empty"), [("", True), (" \n", True), ("x", False)])
def test_an_empty_answer(text: str, empty: bool) -> None:
    assert text_facts(text)["empty"] is empty
