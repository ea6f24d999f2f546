"""`status.md`, the day's summary and the README's section say what the run says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from liftlab.cli import report as cli
from liftlab.reporting.markdown import PEN, daily, escaped, message, status
from liftlab.reporting.text.messages import AUDIENCES
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize

PROJECT = load_project(Path(__file__).parents[2], environ={})


def of(run: RunData) -> RunSummary:
    return summarize(run, PROJECT)


def test_the_status_file_has_a_message_for_every_audience(week2: RunData) -> None:
    text = status(of(week2))
    assert text.startswith("# 1 of 5 answers is right; not enough prompts yet to say whether 70 %")
    for audience, (heading, written) in AUDIENCES.items():
        assert f"\n## {heading}\n\n{escaped(written(of(week2)))}\n" in text
        assert "`" not in message(of(week2), audience)  # which is plain text
    assert "- Cost of a request: 0.0060 USD" in text


def test_the_status_file_says_first_that_the_client_was_the_bottleneck(forty: RunData) -> None:
    assert "bottleneck" not in status(of(forty))
    row = replace(forty.run, loop_lag_p99_s=0.4, timing_uncertainty_s=0.4)
    title, warning, *_ = status(of(replace(forty, run=row))).split("\n\n")
    assert title.startswith("# ")
    assert warning.startswith("**The client was the bottleneck")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("3.37 USD", "3.37 USD"),
        ("3. item", "3\\. item"),
        ("# a\nb", "\\# a b"),
        ("a\n\n- b", "a\n\n\\- b"),
        ("see http://x", "see http\\://x"),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


def test_the_names_on_the_command_line_are_those_there_are() -> None:
    assert set(cli.AUDIENCES) == {*AUDIENCES, "daily"}


def test_the_day_asks_people_for_what_no_run_knows(any_run: RunData) -> None:
    text = daily(of(any_run))
    sections = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert sections == ["Goals", "Findings", "Decisions", "Risks", "Next steps", "Messages"]
    assert len(re.findall(rf"^{PEN} \*You write: .+\*$", text, flags=re.MULTILINE)) == 5


def test_the_day_holds_what_the_run_says(week2: RunData) -> None:
    text = daily(of(week2))
    assert text.startswith("# 2025-10-15: 1 of 5 answers is right")
    assert "- Fix missing returns first. They cause 3 of 4 failures." in text
    assert "- success rate ≥ 70 %: undecided, 20 %" in text
    assert "- Not decided yet: median end to end; " in text
    assert "- Missing returns: 3 answers, 60 %" in text
