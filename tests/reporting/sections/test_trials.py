"""Every trial as a table, and one of them in full."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from liftlab.analysis.tokens import WORDS
from liftlab.reporting.sections import section_of
from liftlab.reporting.sections.trials import trial_table
from liftlab.reporting.tables import MOST_ROWS
from liftlab.store import RunData
from liftlab.summary.trials import Exchange, TrialDetails, rows_of
from tests.reporting.conftest import synthetic_run, tables_in
from tests.reporting.sections.test_base import summary_of


def test_the_slowest_trial_is_first_with_its_stages(forty: RunData) -> None:
    (rows,) = tables_in(trial_table(forty))
    assert list(rows[0]) == [
        "Prompt", "Repeat", "Category", "NLP → IR, s", "IR → Code, s", "End to end, s",
        "Attempts", "Outcome", "What went wrong",
    ]  # fmt: skip
    times = [float(row["End to end, s"]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert list(rows[0].values()) == [
        "case_19", "2", "control flow", "1.96", "1.53", "3.49", "3", "fail", "missing returns",
    ]  # fmt: skip
    assert rows[1]["What went wrong"] == "–"


def test_all_trials_are_in_the_download_with_their_checks() -> None:
    html = str(trial_table(synthetic_run(MOST_ROWS + 1, 1)))
    (rows,) = tables_in(html)
    assert len(rows) == MOST_ROWS
    assert "and 1 more" in html
    encoded = re.search(r"base64,([^\"]+)", html)
    assert encoded
    full = pd.read_csv(io.BytesIO(base64.b64decode(encoded[1])))
    assert len(full) == MOST_ROWS + 1
    assert set(full["checks_total"]) == {6}
    assert "why" not in full


def test_liftlab_s_own_work_has_a_column_where_it_counts(forty: RunData) -> None:
    busy = replace(forty, trials=forty.trials.assign(client_s=forty.trials["e2e_s"] / 2))
    (rows,) = tables_in(trial_table(busy))
    assert float(rows[0]["Of it liftlab, s"]) == pytest.approx(3.49 / 2, abs=0.01)


def test_how_the_run_went_is_counted(forty: RunData) -> None:
    trials = summary_of(forty).trials
    section = section_of(trials)
    assert section.title == "All 40 trials went through all stages"
    assert section.sentences == ("84 HTTP requests were sent, 4 of them retries.",)
    shown = re.findall('"what">([^<]*)<.*?"number">([^<]*)<', str(section.parts[0]))
    assert shown == [
        ("HTTP requests", "84"), ("Retries", "4"), ("Failed HTTP requests", "0"),
        ("Output tokens", "3,568"),
    ]  # fmt: skip
    silent = section_of(replace(trials, output_tokens=None, completed=39, requests=1, retries=1))
    assert "Output tokens" not in str(silent.parts[0])
    assert silent.title == "39 of 40 trials went through all stages"
    assert silent.sentences == ("1 HTTP request was sent, 1 of them a retry.",)


def test_before_the_first_trial_there_is_nothing_to_show() -> None:
    section = section_of(summary_of(synthetic_run(0, 1)).trials)
    assert section.parts == ()
    assert "All" not in section.title


def test_tokens_are_a_row_a_stage_and_kind(forty: RunData) -> None:
    times: Any = type("Tokens", (), {"stage": "ir_to_code", "n": 7})
    one, other = list(WORDS)[:2]
    times.medians, times.p95s = {one: "1 s", other: "2 s"}, {one: "3 s"}
    section = section_of(replace(summary_of(forty).trials, tokens=(times,)))
    ((_, html),) = section.details
    (rows,) = tables_in(html)
    assert [(row["Stage"], row["Replies"], row["Median"], row["P95"]) for row in rows] == [
        ("IR → Code", "7", "1 s", "3 s"), ("IR → Code", "7", "2 s", "–"),
    ]  # fmt: skip
    assert section_of(summary_of(forty).trials).details == ()


def details(forty: RunData, **parts: Any) -> TrialDetails:
    key = ("case_06", 1)
    plain: dict[str, Any] = {
        "run": forty, "case_id": key[0], "repeat": key[1],
        "trial": rows_of(forty.trials, *key).iloc[0].to_dict(),
        "stages": rows_of(forty.stages, *key), "attempts": rows_of(forty.attempts, *key),
        "checks": pd.DataFrame(), "exchanges": (), "ir": None, "code": None, "facets": {},
        "case": None,
    }  # fmt: skip
    return TrialDetails(**plain | parts)


def test_a_trial_s_attempts_begin_with_its_first_request(forty: RunData) -> None:
    section = section_of(details(forty))
    assert "It gave no code." in str(section.parts[0])
    (rows,) = tables_in(section.parts[1])
    assert [row["attempt"] for row in rows] == ["1", "1", "2"]
    assert [row["stage"] for row in rows] == ["NLP → IR", "IR → Code", "IR → Code"]
    assert float(rows[0]["sent, s"]) == 0
    assert rows[0]["last byte, s"] == rows[1]["sent, s"]
    assert float(rows[-1]["last byte, s"]) == pytest.approx(3.44, abs=0.01)
    assert rows[0]["asked again because"] == "–"
    assert "does_not_parse" not in rows[2]["asked again because"]
    assert "of it queue, s" not in rows[0]  # the server does not say
    assert "what went wrong" not in rows[0]


def test_a_trial_has_what_was_kept_of_it(forty: RunData) -> None:
    checks = pd.DataFrame(
        {"call": ["f(1)"], "passed": [False], "expected": ["1"], "actual": ["2"], "error": [None]}
    )
    case: Any = type("Case", (), {"prompt": "Add two."})
    exchange = Exchange(
        stage="ir_to_code", attempt=2, system="", schema=None, prompt="p", reply="r"
    )
    nothing = replace(exchange, attempt=None, prompt=None, reply=None)
    section = section_of(
        details(
            forty,
            case=case,
            code="a\nb",
            facets={"line": 2},
            checks=checks,
            ir="{}",
            exchanges=(exchange, nothing),
        )
    )
    prompt, code, met, _ = map(str, section.parts)
    assert "Add two." in prompt
    assert "b</span>  ← line 2" in code
    assert tables_in(met) == [[{"call": "f(1)", "passed": "no", "expected": "1", "actual": "2"}]]
    (ir, text), (one, both), (none, neither) = section.details
    assert (ir, str(text)) == ("IR", "<pre>{}</pre>")
    assert one.startswith("IR → Code, attempt 2:")
    assert none.startswith("IR → Code:")
    assert str(both) == (
        '<p class="note">Prompt</p><pre>p</pre><p class="note">Reply</p><pre>r</pre>'
    )
    assert "Neither was kept." in str(neither)
    assert section_of(details(forty, attempts=forty.attempts.head(0))).parts[1:] == ()
