"""What `liftlab health`, `wake`, `serve` and `simulate` take, and what the first two say."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from liftlab.cli import endpoint
from liftlab.cli.main import main
from liftlab.endpoints.base import Health
from liftlab.jobs import running
from liftlab.runner import endpoint_lifecycle
from liftlab.runner.warmup import WarmUpResult
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


@pytest.fixture
def inside(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    monkeypatch.setattr(endpoint_lifecycle, "serving", nullcontext)
    return project_folder


@pytest.mark.parametrize(("well", "code"), [((True, True), 0), ((True, False), 4), ((), 0)])
def test_health_is_that_of_every_url(
    inside: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    well: tuple[bool, ...],
    code: int,
) -> None:
    answers = [
        Health(ok=ok, url=f"http://u{place}/health", status="said", model="m", hardware=None)
        for place, ok in enumerate(well)
    ]
    monkeypatch.setattr(endpoint_lifecycle, "ask_health", lambda _: answers)
    assert main(["health", "http://127.0.0.1:9", "--protocol", "lift"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["ok" if ok else "BAD" for ok in well]
    assert main(["health", "http://127.0.0.1:9", "--protocol", "lift", "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert [(one["ok"], one["model"]) for one in told] == [(ok, "m") for ok in well]


def woken(**how: Any) -> WarmUpResult:
    usual = {"ok": True, "url": "http://u", "status": "warm", "calls": 1, "seconds": 40.0}
    return WarmUpResult(**usual | how)


@pytest.mark.parametrize(
    ("found", "asked", "code", "words"),
    [
        (woken(calls=0, seconds=0.0), [], 0, ["nothing to wake"]),
        (woken(), [], 0, ["one call", "not known"]),
        (woken(again_s=40.0), [], 0, ["one call", "awake already"]),
        (woken(again_s=0.5), [], 0, ["one call", "took 39.5 s", "the plan"]),
        (woken(again_s=0.5, calls=2), [], 0, ["2 calls", "at most 39.5 s", "the plan"]),
        (woken(ok=False, status="401"), [], 4, ["not warm", "http://u: 401"]),
        (woken(ok=False, starting=True), [], 4, ["is starting", "--until-warm"]),
        (
            woken(ok=False, starting=True),
            ["--until-warm", "--timeout", "7"],
            4,
            ["within 7 s", "--timeout"],
        ),
    ],
)
def test_waking_says_what_it_took(
    inside: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: WarmUpResult,
    asked: list[str],
    code: int,
    words: list[str],
) -> None:
    within: list[tuple[float, bool]] = []

    async def wake(_: object, within_s: float, until_warm: bool) -> WarmUpResult:
        within.append((within_s, until_warm))
        return found

    monkeypatch.setattr(endpoint, "_wake", wake)
    monkeypatch.setattr(running, "cold_plan", lambda *_: "the plan")
    line = ["wake", "http://127.0.0.1:9", "--protocol", "lift", *asked]
    assert main(line) == code
    told = "".join(capsys.readouterr())
    assert [word for word in words if word not in told] == []
    assert ("the plan" in told) is ("the plan" in words)
    assert ("at most" in told) is (found.calls == 2)
    assert within == [(7.0, True) if asked else (600.0, False)]
    assert main([*line, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["cold_s"] == found.cold_s
