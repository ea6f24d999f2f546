"""A check's result as lines, Markdown and JUnit XML."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.regression import Regression
from liftlab.jobs.checking import CheckResult
from liftlab.reporting import gate
from liftlab.reporting.gate import _junit_kind
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize


@pytest.mark.parametrize(
    ("verdict", "required", "undecided_passes", "kind"),
    [
        ("met", True, False, ""),
        ("no regression found", True, False, ""),
        ("not met", True, False, "failure"),
        ("not met", True, True, "failure"),
        ("not met", False, False, "skipped"),
        ("worse", True, True, "failure"),
        ("undecided", True, False, "failure"),
        ("undecided", True, True, "skipped"),
        ("undecided", False, False, "skipped"),
        ("not measurable", True, False, "failure"),
        ("not measurable", True, True, "skipped"),
        ("met", False, False, ""),
    ],
)
def test_only_what_is_required_and_bad_fails(
    verdict: str, required: bool, undecided_passes: bool, kind: str
) -> None:
    assert _junit_kind(verdict, required, undecided_passes) == kind


def test_without_targets_there_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_line", lambda _: "1 of 2 right")
    result: Any = SimpleNamespace(
        run_id="r", summary=SimpleNamespace(answers=None), targets=(), baseline=None
    )
    result.sentence = lambda: "No targets are set."
    assert [*gate.check_lines(result)] == ["r  1 of 2 right", "No targets are set."]


def number(verdict: str = "regression", **parts: Any) -> Regression:
    plain: dict[str, Any] = {
        "metric": "success_rate", "before": 0.5, "after": 0.4, "change": -0.1, "low": -0.2,
        "high": -0.01, "p": 0.01, "runs": 5, "verdict": verdict,
    }  # fmt: skip
    return Regression(**plain | parts)


@pytest.fixture(scope="module")
def summary(forty: RunData) -> RunSummary:
    return summarize(forty, load_project(Path(__file__).parents[2], environ={}))


def result(summary: RunSummary, *regressions: Regression) -> CheckResult:
    baseline = "r0" if regressions else None
    return CheckResult(summary=summary, baseline=baseline, regressions=regressions)


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        (number(), "(-10.0 points, 95 % interval -20.0 to -1.0 %): regression; spread of 5 runs."),
        (number(low=None), "(-10.0 points): regression; spread of 5 runs."),
        (number(high=None, runs=1), "(-10.0 points): regression; spread of 1 run."),
        (number(change=None), "50 % → 40 %: regression; spread of 5 runs."),
        (number(reason="no spread"), ": regression; no spread."),
        (number(metric="cost_per_trial_usd", low=None), "(-10.0 %): regression; spread of 5 runs."),
        (
            number("no regression found", low=None, detectable=-0.25),
            "found; 25 % for the worse would have been found; spread of 5 runs.",
        ),
        (number(low=None, detectable=-0.25), "): regression; spread of 5 runs."),
    ],
)
def test_a_number_against_the_baseline_in_a_line(
    found: Regression, ends: str, summary: RunSummary
) -> None:
    one, other = (
        next(line for line in gate.check_lines(result(summary, *rows)) if "→" in line)
        for rows in ([found], [found, number(reason="else")])
    )
    assert other.replace("\N{MINUS SIGN}", "-").endswith(ends)
    assert one.startswith("  ")


def test_a_reason_that_all_share_is_said_once(summary: RunSummary) -> None:
    rows = [number("undecided", reason="no comparable run"), number(reason="no comparable run")]
    lines = list(gate.check_lines(result(summary, *rows)))
    assert sum("no comparable run" in line.lower() for line in lines) == 1
    rows[1] = number(reason="another reason")
    lines = list(gate.check_lines(result(summary, *rows)))
    assert sum("; no comparable run." in line for line in lines) == 1


def test_targets_stand_in_columns(summary: RunSummary) -> None:
    lines = list(gate.check_lines(result(summary)))
    head, *rows = lines[1 : 2 + len(summary.targets.rows)]
    for name, target in zip(rows, summary.targets.rows, strict=True):
        assert name[head.index("verdict") :].startswith(target.verdict)
        assert ("(not required)" in name) is not target.required
    assert not any("against the baseline" in line for line in lines)


def test_a_comment_has_what_is_open_and_counts_what_is_met(summary: RunSummary) -> None:
    good, bad = number("no regression found"), number()
    comment = gate.check_comment(result(summary, good, bad))
    assert comment.startswith(gate.COMMENT)
    verdicts = [target.verdict for target in summary.targets.rows]
    assert f"{verdicts.count('met')} of {len(verdicts)} targets met" in comment
    rows = [line for line in comment.splitlines() if line.startswith("| ") and "---" not in line]
    open_rows = len(verdicts) - verdicts.count("met")
    assert len(rows) == 1 + open_rows + 1 + 1  # two heads, what is open, and what became worse
    assert {line.count(" | ") for line in rows[: 1 + open_rows]} == {3}
    whole = gate.check_markdown(result(summary, good, bad))
    shown = [line for line in whole.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(shown) == 1 + len(verdicts) + 1 + 2
    assert "baseline" not in gate.check_markdown(result(summary))


def test_junit_counts_what_fails_and_what_is_let_pass(summary: RunSummary) -> None:
    required = [row for row in summary.targets.rows if row.required]
    bad = [row for row in required if row.verdict != "met"]
    later = [row for row in summary.targets.rows if not row.required and row.verdict != "met"]
    root = ElementTree.fromstring(gate.check_junit(result(summary, number(), number("met"))))
    (suite,) = root
    counts = {name: int(suite.get(name, "-1")) for name in ("tests", "failures", "skipped")}
    assert counts == {
        "tests": len(summary.targets.rows) + 2,
        "failures": len(bad) + 1,
        "skipped": len(later),
    }
    assert suite.get("errors") == "0"
    assert all(case.find("system-out") is not None for case in suite)
    failed = suite.findall("testcase/failure")
    assert len(failed) == len(bad) + 1
    assert failed[-1].get("type") == "regression"


@pytest.mark.parametrize(("length", "shown"), [(499, 499), (500, 500), (501, 500)])
def test_foreign_text_is_one_line_of_bounded_length(length: int, shown: int) -> None:
    assert len(gate.visible("x" * length)) == shown
    assert gate.visible("a\n  b\x1b") == "a b\N{REPLACEMENT CHARACTER}"


def test_a_baseline_says_each_number_and_how_runs_like_it_differ() -> None:
    pinned: Any = SimpleNamespace(
        run_id="r0", run={"suite": "mvp", "pipeline": None, "endpoint": "e", "model": "m"},
        metrics={"success_rate": 0.5, "cost_per_trial_usd": 0.01}, cases={"a": 1},
        spreads=lambda: {"success_rate": SimpleNamespace(sd=0.05, runs=4)},
    )  # fmt: skip
    first, success, cost, cases = gate.baseline_lines(pinned)
    assert first == "r0  mvp · e · m"
    assert success.endswith(": 50 %; 4 comparable runs differ by 5 % (SD)")
    assert "comparable run" in cost
    assert "differ" not in cost
    assert cases.strip() == "1 prompt"


def test_false_alarms_are_counted_beside_what_is_expected() -> None:
    rate = Estimate(value=0.1, n=20, unit="%", reason="too few runs")
    found: Any = SimpleNamespace(pairs=20, alarms=2, rate=rate)
    said = gate.false_alarms_line(found)
    assert said.startswith("2 of 20 pairs of comparable runs failed: 10 %")
    assert said.endswith("by chance 5 % are expected.")
    assert "too few runs" in gate.false_alarms_line(SimpleNamespace(pairs=0, alarms=0, rate=rate))
