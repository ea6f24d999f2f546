"""`lint-report` never speaks against what liftlab itself writes of a run, and sees it changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liftlab.jobs import opening
from liftlab.reporting import markdown
from liftlab.reporting.text import messages
from liftlab.settings import Project, load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.summary.claims.text.lint import Checked, lint

ROOT = Path(__file__).parents[2]
SHAPES = [
    "model", "simulator", "all_errors", "most_errors", "timeouts", "one", "none", "unequal",
    "seldom_right", "bimodal", "long_prompts", "week2_day1", "week1",
]  # fmt: skip
FIGURE = re.compile(
    r"(?<![\w.,–≤≥-])(?<!interval )(?<!bound )(\d[\d,]*(?:\.\d+)?)(?= (?:s|ms|%|USD)\b| of \d)"
)
SEEN = 0.9


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(ROOT, environ={"LIFTLAB_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))})


@pytest.fixture(scope="module", params=SHAPES)
def summary(
    request: pytest.FixtureRequest, project: Project, make: Callable[[str], RunData]
) -> RunSummary:
    name = request.param
    run = opening.open_run(name, project=project) if name.startswith("week") else make(name)
    return summarize(run, project)


def written(summary: RunSummary) -> str:
    said = [markdown.message(summary, audience) for audience in messages.AUDIENCES]
    pages = [markdown.status(summary), markdown.daily(summary), markdown.performance(summary)]
    return "\n\n".join([*pages, *said])


def test_nothing_speaks_against_what_liftlab_writes(summary: RunSummary) -> None:
    checked = lint(written(summary), summary)
    against = [
        (row.line, row.said, row.ruling.why)
        for row in checked
        if row.ruling and row.ruling.ruling != "supported"
    ]
    assert against == []
    read = sum(row.ruling is not None for row in checked)
    assert read >= (
        40 if summary.answers.graded and summary.run.run.provenance == "measured" else 0
    )


def lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line that has figures, with the headings and the table's head that it is under."""
    under: list[str] = []
    for line in text.split("\n"):
        if line.startswith("#"):
            under = [line]
        elif line.startswith("| ---"):
            under = [*under[:1], "| | |\n| --- | --- |"]
        if FIGURE.search(line):
            head = "\n\n".join(under if line.startswith("|") else under[:1])
            yield head + ("\n" if line.startswith("|") else "\n\n"), line


def changed(number: str) -> str:
    value = float(number.replace(",", ""))
    decimals = len(number.partition(".")[2])
    factor = 0.7 if value >= 75 else 1.3
    moved = value * factor if decimals else float(round(value * factor))
    return f"{moved if moved != value else value + 1:.{decimals}f}"


def outcomes(summary: RunSummary) -> Iterator[tuple[str, Checked]]:
    """Change one figure after the other, and yield the line and the ruling of each that is read."""
    for head, line in dict.fromkeys(lines(written(summary))):
        before = [row for row in lint(head + line, summary) if row.ruling]
        for figure in FIGURE.finditer(line):
            text = line[: figure.start()] + changed(figure[0]) + line[figure.end() :]
            after = [row for row in lint(head + text, summary) if row.ruling]
            if len(after) != len(before):
                continue  # such as 13 of 10
            for old, new in zip(before, after, strict=True):
                claims = [row.ruling.claim for row in (old, new) if row.ruling]
                if claims[0].value != claims[1].value and claims[0].relation == "is":
                    yield text, new


def test_a_changed_figure_is_contradicted(summary: RunSummary) -> None:
    found = [*outcomes(summary)]
    count = Counter(row.ruling.ruling for _, row in found if row.ruling)
    missed = [text for text, row in found if row.ruling and row.ruling.ruling != "contradicted"]
    assert count["contradicted"] >= SEEN * len(found), missed
    if summary.answers.graded:
        assert len(found) >= 10
