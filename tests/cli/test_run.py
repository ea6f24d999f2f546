"""What `liftlab run`, `quick`, `capacity` and `sessions` take, and what they exit with."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.cli import run as verbs
from liftlab.cli import show
from liftlab.cli.main import main
from liftlab.cli.run import require_whole
from liftlab.errors import LiftlabError
from liftlab.jobs import running
from liftlab.reporting.text import reasons
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


@pytest.fixture
def inside(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("LIFTLAB_BASE_URL", "http://127.0.0.1:9")
    return project_folder


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("--target 0.8", 2),
        ("--zone 0.1", 2),
        ("--until-decided --repeats 2", 2),
        ("--until-decided --repeats 1", 0),
        ("--until-decided", 0),
        ("--until-decided --target 0.5 --zone 0.49", 0),
        ("--until-decided --target 0.5 --zone 0.5", 2),
        ("--until-decided --target 0.9 --zone 0.2", 2),
        ("--until-decided --target 0.1 --zone 0.2", 2),
        ("--until-decided --target 0.95", 0),
    ],
)
def test_what_a_run_may_decide(inside: Path, options: str, code: int) -> None:
    assert main(["run", "--dry-run", *options.split()]) == code


def test_a_dry_run_tells_what_a_run_takes_at_most(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--dry-run", "--repeats", "4", "--concurrency", "3"]) == 0
    trials, calls, *_ = capsys.readouterr().out.splitlines()
    assert trials.startswith("12 trials of tiny through lift on lift, 3 at once")
    assert re.search(r"24 to \d+, each sent again up to \d+ times", calls)
    assert main(["capacity", "--slo", "e2e_p95_s <= 9", "--levels", "1,2,4", "--dry-run"]) == 0
    assert "1 to 4 at once" in capsys.readouterr().out


def ended(status: str, outcomes: list[str], *, fault: str = "") -> Any:
    """Return the summary of a run that has ended so."""
    run = SimpleNamespace(
        run=SimpleNamespace(run_id="r", status=status),
        trials=pd.DataFrame({"outcome": outcomes}, dtype="string"),
        fault=fault,
    )
    return SimpleNamespace(run=run, capacity=None, decision=None)


@pytest.mark.parametrize(
    ("summary", "code"),
    [
        (ended("complete", ["pass", "error"]), 0),
        (ended("complete", []), 0),
        (ended("complete", ["error", "error"]), 4),
        (ended("complete", ["fail"], fault="each stops at the same place"), 4),
        (ended("partial", ["error"]), 5),
        (ended("partial", ["pass"]), 5),
    ],
)
def test_what_a_run_that_has_ended_exits_with(
    summary: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "require_proven", lambda run: None)
    monkeypatch.setattr(show, "failures", lambda run: "1 × no connection")
    monkeypatch.setattr(reasons, "set_up_fault", lambda run: run.fault or None)
    if code == 0:
        require_whole(summary)
        return
    with pytest.raises(LiftlabError) as caught:
        require_whole(summary)
    assert caught.value.exit_code == code


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        (SimpleNamespace(judged=True, refused=""), "complete", 0),
        (None, "complete", 0),
        (SimpleNamespace(judged=True, refused=""), "partial", 5),
        (SimpleNamespace(judged=False, refused=""), "complete", 4),
        (SimpleNamespace(judged=False, refused="it has none"), "partial", 4),
    ],
)
def test_session_checks_exit_by_what_was_judged(
    inside: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: Any,
    status: str,
    code: int,
) -> None:
    run = SimpleNamespace(run=SimpleNamespace(run_id="r", status=status))
    monkeypatch.setattr(running, "plan_sessions", lambda *_, **asked: asked)
    monkeypatch.setattr(running, "run_suite", lambda _: run)
    monkeypatch.setattr(
        "liftlab.summary.summarize", lambda *_: SimpleNamespace(run=run, sessions=found)
    )
    printed: list[bool] = []
    monkeypatch.setattr(verbs, "print_run", lambda _, as_json: printed.append(as_json))
    assert main(["sessions", "http://127.0.0.1:9"]) == code
    assert main(["sessions", "http://127.0.0.1:9", "--json"]) == code
    assert printed == [False, True]
    assert ("it has none" in capsys.readouterr().err) is (found is not None and found.refused != "")
