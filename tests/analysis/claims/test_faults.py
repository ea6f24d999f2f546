"""Each of fourteen ways to put a claim wrongly is named, and only where it is so."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from liftlab.analysis.claims import Evidence
from liftlab.analysis.claims.text import lint

COMPARED = "| | Week 1 | Week 2 | Change |\n|---|---|---|---|\n"
FASTER = "| IR → Code | 10.7s | 4.1s | 61% faster |\n"

# What is wrong, and a line of a report on the published day that is put so.
WRONG = {
    "bare_rate": "80% success rate",
    "too_few_for_quantile": "P95 is 27.1 s",
    "bare_spread": "NLP→IR is very consistent",
    "rows_dropped": "NLP→IR: 10.4s median",
    "skewed_mean": "IR→Code mean 7.4s of the ones that succeeded",
    "single_runs": COMPARED + FASTER,
    "uncorrected": COMPARED + FASTER + "| E2E | 21.7s | 14.9s | 31% faster |",
    "interval_holds_limit": "The 70 % success target was reached",
    "read_while_collecting": "The 70 % success target was reached",
    "unexplained_rest": "The IR→Code outlier is explained by the retry",
    "derived": "E2E = NLP→IR + IR→Code",
    "no_start_span": "Cold start 15.3 s, warm 14.9 s",
    "partial_cost": "$0.0034 per request",
}


def faults(report: str, evidence: Evidence) -> set[str]:
    rulings = [ruling for each in lint(report, evidence) for ruling in each.rulings]
    assert rulings
    return {fault for ruling in rulings for fault in ruling.faults}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_named(fault: str, week2: Evidence) -> None:
    assert fault in faults(WRONG[fault], week2)


def twice(evidence: Evidence) -> Evidence:
    """Return the run with every trial repeated once."""
    again = evidence.trials.assign(repeat=evidence.trials["repeat"] + 1)
    return replace(evidence, trials=pd.concat([evidence.trials, again], ignore_index=True))


def test_repeats_counted_as_cases_are_named(week2: Evidence) -> None:
    assert "repeats_as_cases" in faults("80% success rate", twice(week2))
    assert "repeats_as_cases" not in faults("80% success rate", week2)


def test_one_comparison_needs_no_correction_and_one_that_is_told_is_one(week2: Evidence) -> None:
    assert "uncorrected" not in faults(WRONG["single_runs"], week2)
    assert "uncorrected" not in faults(WRONG["uncorrected"] + "\n\nHolm's correction.", week2)


@pytest.mark.parametrize(
    ("fault", "report"),
    [
        ("rows_dropped", "NLP→IR: 10.0s median"),
        ("skewed_mean", "IR→Code median 4.2s (when successful)"),
        ("too_few_for_quantile", "E2E median 14.96 s"),
        ("interval_holds_limit", "The median end-to-end time is under 60 s"),
    ],
)
def test_what_is_put_rightly_is_not_blamed(fault: str, report: str, week2: Evidence) -> None:
    assert fault not in faults(report, week2)
