"""Links between a report's pages: from quantities and trials to what says more."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from liftlab.jobs import opening
from liftlab.reporting.links import alone, glossary, linked, saved_beside, trials_page
from liftlab.reporting.tables import table, trial_codes, trial_mark
from liftlab.settings import load_project
from liftlab.store import RunData
from tests.hostile import STRINGS

ROOT = Path(__file__).parents[2]
SAVED = '<a href="trials-0123abcd.csv" download="trials.csv">CSV, 9 rows</a>'


def test_a_quantity_leads_to_its_row() -> None:
    html, names = glossary()
    shown = '<span data-q="count:success_rate" data-v="x">1 of 5</span>'
    [target] = re.findall('href="definitions.html#(.+?)"', linked(f"<p>{shown}</p>", names, ()))
    assert f'id="{target}"' in html
    assert linked(f"<summary>{shown}</summary>", names, ()) == f"<summary>{shown}</summary>"
    assert linked('<span data-q="other">1</span>', names, ()).count("<a ") == 0


def test_the_glossary_names_each_quantity_once_and_leads_nowhere_else() -> None:
    html, names = glossary()
    assert sorted(re.findall(r'id="q-(\w+)"', html)) == sorted(names)
    assert {"success_rate", "p95", "cost_per_right", "slow_steps"} <= names
    assert set(re.findall(r'href="([^#"]+)', html)) == {"index.html"}


def test_a_case_leads_to_its_trial_in_full(week2: RunData) -> None:
    shown = str(table(pd.DataFrame({"Prompt": trial_codes(week2.trials.head(2))})))
    html, marks = trials_page(week2, [shown, shown])
    assert marks == [trial_mark("add_numbers", 1), trial_mark("multiply", 1)]
    assert re.findall(r'<h2 id="t-([^"]+)">', html) == marks
    assert re.findall('trials.html#t-([^"]+)', linked(shown, (), marks)) == marks
    assert "trials.html" not in linked(shown, (), ())


def test_a_trial_in_full_has_its_prompt_and_its_checks() -> None:
    run = opening.open_run("week2_day1", project=load_project(ROOT, environ={}))
    shown = str(table(pd.DataFrame({"Prompt": trial_codes(run.trials[-1:])})))
    html, _ = trials_page(run, [shown])
    assert "is_even, repeat 1: right</h2>" in html
    assert "<blockquote>" in html


def test_a_damaged_folder_costs_one_section(week2: RunData) -> None:
    shown = str(table(pd.DataFrame({"Prompt": trial_codes(week2.trials.head(1))})))
    assert "manifest.json: cannot be read" in trials_page(week2, [shown])[0]


def test_trials_of_another_run_lead_nowhere(week2: RunData, forty: RunData) -> None:
    shown = str(table(pd.DataFrame({"Prompt": trial_codes(forty.trials.head(2))})))
    assert trials_page(week2, [shown])[1] == []


def test_only_so_many_trials_are_written_in_full(
    forty: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = str(table(pd.DataFrame({"Prompt": trial_codes(forty.trials)})))
    monkeypatch.setattr("liftlab.reporting.links.MOST_TRIALS", 7)
    assert len(trials_page(forty, [shown])[1]) == 7
    monkeypatch.setattr("liftlab.reporting.links.MOST_CHARACTERS", 1)
    assert len(trials_page(forty, [shown])[1]) == 1


@pytest.mark.parametrize("text", [*STRINGS, "\ud800"])
def test_a_mark_is_plain_whatever_the_case_is_called(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}-3", trial_mark(text, 3))


def test_a_page_alone_says_where_its_table_is() -> None:
    assert saved_beside(f"<p>{SAVED}</p>") == {"trials-0123abcd.csv"}
    said = "CSV, 9 rows: trials-0123abcd.csv, beside the full report"
    assert alone(f"<p>{SAVED}</p>") == f"<p>{said}</p>"
    inside = '<a href="data:text/csv;base64,eA==" download="x.csv">CSV</a>'
    assert alone(inside) == inside
