"""Options that several verbs share."""

from __future__ import annotations

from typing import Any

import pytest

from liftlab.cli.main import main
from tests.cli.typed import edges, is_taken, typed


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/10001"])
def test_a_share_that_is_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    load = ["load", "http://127.0.0.1:9", "-n", "9", f"--segment={text}", "--start-at=4e9"]
    grade = ["grade", "none.jsonl", "--suite", "mvp", "--out", "out", f"--shard={text}"]
    for command in (load, grade):
        assert main(command) == 2
        assert f"{text!r}: give I/N" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "run --suite a --suite b --suite a",
            {"suite": "a + b", "seed": None, "temperature": None},
        ),
        ("run --header A=b --header C=d=e", {"headers": {"A": "b", "C": "d=e"}}),
        (
            "run --segment 10000/10000 --start-at 5.5",
            {"segment": (10_000, 10_000), "start_at": 5.5},
        ),
        ("run --temperature 0 --seed 0", {"temperature": 0.0, "seed": 0}),
        ("health", {"named": None, "endpoint": None, "headers": None}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("run --max-requests", 1),
        *edges("run --max-attempts", 1),
        *edges("run --max-error-rate", 0, 1),
        *((f"run --max-seconds={s}", s > 0) for s in (-1, 0, 0.01)),
        *((f"run --max-usd={usd}", usd > 0) for usd in (-1, 0, 0.01)),
        ("run --header nothing", False),
        ("run --protocol smtp", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
