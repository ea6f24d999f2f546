"""Claims in free text: a dozen kinds are found where they stand, and ruled by the run's rows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.analysis.claims import Evidence
from liftlab.analysis.claims.text import lint

COUNT, NOT, AGAINST = "supported as a count only", "not supported", "contradicted"
COMPARED = "| Metric | Week 1 (factorial) | Week 2 (add_numbers) | Change |\n|---|---|---|---|\n"

# A report's line, the kind of claim, and its rulings (by `parsed`, then `pass`, where both rule).
LABELLED = [
    ("**Success Rate**: 80% (4/5 passed)", "success rate", [COUNT, AGAINST]),
    ("4 of 5 prompts succeeded", "success rate", [COUNT, AGAINST]),
    ("data shows a 20% failure rate", "success rate", [COUNT, AGAINST]),
    ("Is a 70%+ success rate achievable?", "success target", [NOT, NOT]),
    ("Affects ~20% of prompts with control flow", "share of control flow prompts", [NOT, NOT]),
    ("- **NLP → IR**: 10.4s median", "median", [AGAINST]),
    ("- **IR → Code**: 4.2s median (when successful)", "median", ["supported"]),
    ("- **End-to-End**: 14.9s median", "median", [AGAINST]),
    ("## IR → Code\n- Mean: 7.4s", "mean", [AGAINST]),
    ("NLP → IR has <5% variance", "spread", [AGAINST]),
    ("NLP→IR is very consistent", "spread", [AGAINST]),
    ("Revised: <15s median E2E latency", "latency target", [NOT]),
    ("The P95 latency is 27.1 s", "quantile", ["not measurable"]),
    (COMPARED + "| E2E Total | 21.7s | 14.9s | 31% faster |", "change", [NOT]),
    (COMPARED + "| IR → Code | 10.7s | 4.1s | 61% faster |", "change", [NOT]),
    (COMPARED + "| Success Rate | 50% (1/2) | 80% (4/5) | +30% |", "points", [NOT]),
    ("Cold start (15.3s) barely slower than warm (14.9s)", "cold against warm", [NOT]),
    ("The IR → Code outliers are explained by retries", "explained by", [NOT]),
    ("- **Per request**: $0.0034 average", "cost", [AGAINST]),
    ("~$3.37/month for 1000 requests", "cost", [AGAINST]),
    ("Cost: <$0.01 per request", "cost target", [NOT]),
    ("Works well for simple functions (add, multiply, string operations)", "works", [AGAINST]),
    ("E2E = NLP to IR + IR to code", "sum of stages", ["supported"]),
    ("New E2E estimate: 20.9 s", "forecast", []),
    ("We are 31% faster", "change", [NOT]),
    ("E2E: 21.7 s → 14.9 s", "change", [NOT]),
    ("Latency is down by almost a third", "change", [NOT]),
    ("Success went from 50 % to 80 %", "points", [NOT]),
    ("4 of 5 answers parse", "success rate", [COUNT]),
    ("One answer in five is correct", "success rate", [COUNT]),
    ("NLP → IR has a CV of 14.6 %", "spread", ["supported"]),
    ("NLP → IR has a CV of 60 %", "spread", [AGAINST]),
    ("No request took longer than 16 s", "latency target", [AGAINST]),
    ("Every request is answered within half a minute", "latency target", [COUNT]),
    ("Control flow: 1 of 2 answers parse", "share of control flow prompts", [COUNT]),
    ("Median E2E is sub-15 s", "latency target", [NOT]),
    ("Retries explain both outliers", "explained by", [NOT]),
    ("IR → Code averages 7.4 s (n = 4)", "mean", ["supported"]),
    ("| Metric | Median (s) |\n|---|---|\n| E2E | 14.96 |", "median", ["supported"]),
    ("4 of 5 answers parse; whether 70 % is reached is open", "success rate", [COUNT]),
]


@pytest.mark.parametrize(("text", "kind", "rulings"), LABELLED)
def test_a_labelled_line_is_one_claim_with_its_ruling(
    text: str, kind: str, rulings: list[str], week2: Evidence
) -> None:
    (found,) = lint(text, week2)
    assert found.kind == kind
    assert [ruling.ruling for ruling in found.rulings] == rulings
    assert found.line == text.count("\n") + 1
    assert bool(found.note) != bool(rulings)


@pytest.mark.parametrize(
    "text",
    [
        "If >30% failure rate, prioritize the fix",
        "| Test | NLP→IR | E2E |\n|---|---|---|\n| add_numbers | 10.80s | 14.92s |",
        "```\nmedian 14.9 s, 80% success\n```",
        "10+ prompts with success rates (5/10 done)",
        "Progress: 1/3 goals, docs 100% written",
        "Measure the P95 latency; budget 2-3 days",
        "Memory: 0.56MB average",
        "95% confidence interval",
        "The GPU costs $1.10/hour",
        "It is not true that we are 31 % faster",
        '"80 % success" was the wording in the summary',
        "We intend to lower the median to 10 s",
        "## Where we want to be\n- 5 s median",
        "- [ ] 20 cases x 5 repeats cost $0.40",
        "ChatGPT answers in 4 s",
        "3 of 4 workers are up",
        "is_even took 17 s",
    ],
)
def test_what_is_no_claim_is_left_alone(text: str, week2: Evidence) -> None:
    assert lint(text, week2) == []


def test_a_table_of_statistics_is_read_cell_by_cell(week2: Evidence) -> None:
    table = "| stage | median | mean |\n|---|---|---|\n| IR → Code | 4.19 s | 9.86 s |"
    found = lint(table, week2)
    assert [(each.kind, each.line) for each in found] == [("median", 3), ("mean", 3)]
    assert all(each.rulings[0].ruling == "supported" for each in found)


def test_each_line_of_a_chat_is_a_statement_of_its_own(week2: Evidence) -> None:
    chat = "p95 is around 27 s\nsuccess = 4/5\nif we are lucky\nthe median E2E time was 14.96 s"
    assert [(each.line, each.kind) for each in lint(chat, week2)] == [
        (1, "quantile"),
        (2, "success rate"),
        (4, "median"),
    ]


def test_points_say_that_they_are_points(week2: Evidence) -> None:
    (found,) = lint(COMPARED + "| Success | 50% (1/2) | 80% (4/5) | +30% |", week2)
    assert "percentage points, not percent" in found.rulings[0].why


_PIECES = """| # : 0 % 0% 100% 80% 4/5 0/0 9/3 14.9s 0s 1ms <15s < >= + - $0 $3.37 $0.01 per request
/month 1000 requests 0 requests median mean P95 P99 success failure faster variance cold warm
explained by retries consistent E2E NLP → IR IR→Code works well for estimate ``` of prompts with
control flow İ ² ٣ % 999999999s 0.000001s"""
_WORDS = st.sampled_from([*_PIECES.split(), "\n"])


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(_WORDS, max_size=40).map(" ".join)))
def test_no_text_raises(week2: Evidence, text: str) -> None:
    for each in lint(text, week2):
        assert each.line <= text.count("\n") + 1
        assert each.rulings or each.note


@pytest.mark.parametrize(
    "piece", ["9", "9,", "9% ", "9/9 success ", "<", "|", "p95 ", "$1 ", "explained by ", "9s "]
)
def test_hostile_text_ends(piece: str, week2: Evidence) -> None:
    assert len(lint((piece * 2_000 + "\n") * 30, week2)) <= 1_000
