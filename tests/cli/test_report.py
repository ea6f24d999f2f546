"""What `liftlab report`, `status` and `readme-update` take, write and print."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from liftlab.cli import report
from liftlab.cli.main import main
from liftlab.cli.report import require_worth
from liftlab.errors import LiftlabError
from liftlab.jobs import opening
from liftlab.reporting import markdown
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


@pytest.mark.parametrize(
    ("status", "prompts", "code"),
    [
        ("complete", 5, 0),
        ("complete", 4, 6),
        ("complete", 0, 6),
        ("partial", 5, 6),
        ("running", 50, 6),
    ],
)
def test_too_little_does_not_stand_in_a_readme(status: str, prompts: int, code: int) -> None:
    cases = [f"case_{number // 2}" for number in range(2 * prompts)]
    run: Any = SimpleNamespace(
        run=SimpleNamespace(run_id="r", status=status), trials=pd.DataFrame({"case_id": cases})
    )
    if code == 0:
        require_worth(run)
        return
    with pytest.raises(LiftlabError) as caught:
        require_worth(run)
    assert caught.value.exit_code == code
    assert "--anyway" in str(caught.value)
    assert ("--resume r" in str(caught.value)) is (status != "complete")


@pytest.fixture
def opened(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A project whose newest run is opened without a look; each verdict that was asked for."""
    monkeypatch.chdir(project_folder)
    asked: list[object] = []
    run = SimpleNamespace(
        run=SimpleNamespace(run_id="r", status="partial"), trials=pd.DataFrame({"case_id": ["a"]})
    )
    monkeypatch.setattr(report, "taken", lambda name, _: name)
    monkeypatch.setattr(opening, "open_run", lambda name, project: run)
    monkeypatch.setattr(opening, "open_answers", lambda name, project: run)
    monkeypatch.setattr("liftlab.summary.summarize", lambda *_: "summary")
    monkeypatch.setattr(report, "require_proven", asked.append)
    return asked


def test_a_report_is_told_by_its_page(
    opened: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str | None, bool]] = []

    def write_report(_: object, run: str | None, say: object, *, with_code: bool) -> Path:
        asked.append((run, with_code))
        return Path("pages")

    monkeypatch.setattr("liftlab.reporting.report.write_report", write_report)
    for line in (["report"], ["report", "x"], ["report", "x", "--no-code"]):
        assert main(line) == 0
    assert asked == [(None, True), ("x", True), ("x", False)]
    assert capsys.readouterr().out == "pages/index.html\n" * 3


def test_a_status_is_for_somebody_or_for_all(
    opened: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(markdown, "status", lambda _: "all\n\n")
    monkeypatch.setattr(markdown, "daily", lambda _: "day\n")
    monkeypatch.setattr(markdown, "message", lambda _, audience: f"for {audience}")
    for asked, told in (
        ([], "all\n"),
        (["--for", "daily"], "day\n"),
        (["--for", "users"], "for users\n"),
        (["--for", "leadership"], "for leadership\n"),
    ):
        assert main(["status", *asked]) == 0
        assert capsys.readouterr().out == told
    assert len(opened) == 4
    assert main(["status", "--to", "a@example.org"]) == 2


def test_a_mail_is_written_and_named(
    opened: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("liftlab.reporting.mail.draft", lambda *_: b"the mail")
    monkeypatch.setattr("liftlab.reporting.report.status_page", lambda *_: "page")
    mail = tmp_path / "out.eml"
    assert main(["status", "--eml", str(mail), "--to", "a@example.org"]) == 0
    assert mail.read_bytes() == b"the mail"
    assert capsys.readouterr().out == f"{mail}\n"
    assert len(opened) == 1


def test_a_readme_is_the_projects_or_the_one_that_is_named(
    opened: list[object],
    project_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[Path] = []

    def update_readme(file: Path, _: object) -> bool:
        asked.append(file)
        return len(asked) == 1

    monkeypatch.setattr(markdown, "update_readme", update_readme)
    assert main(["readme-update"]) == 6  # the run is not whole
    assert asked == []
    assert main(["readme-update", "--anyway"]) == 0
    assert "now holds run r" in capsys.readouterr().err
    assert main(["readme-update", "--anyway", "--file", "OTHER.md"]) == 0
    assert "already held run r" in capsys.readouterr().err
    assert asked == [project_folder / "README.md", Path("OTHER.md")]
    assert len(opened) == 3
