"""Figures in free text: the words say what they are of, and what is unclear is not read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftlab.summary import RunSummary
from liftlab.summary.claims import Quantity
from liftlab.summary.claims.text.lint import lint

# A report's line, and of each claim in it the metric, the figure and the ruling.
Row = tuple[str, float, str]
S, X, N, M = "supported", "contradicted", "not supported", "not measurable"
READ: list[tuple[str, list[Row]]] = [
    ("**Success Rate**: 80% (4/5 passed)", [("success_rate", 0.8, X)]),
    ("4 of 5 answers parse", [("parsed_rate", 0.8, S)]),
    ("One answer of five is correct", []),
    ("1 of 5 answers is correct", [("success_rate", 0.2, S)]),
    ("0 of 2 arithmetic prompts pass", [("success_rate", 0.0, S)]),
    ("4 of 5 answers are wrong", [("success_rate", 0.2, S)]),
    ("Error rate: 0%", [("error_rate", 0.0, S)]),
    ("- **NLP → IR**: 10.4s median", [("nlp_to_ir_median_s", 10.4, X)]),
    ("## IR → Code\n- Mean: 7.4s", [("ir_to_code_mean_s", 7.4, X)]),
    ("IR → Code: 4.2 s median, 9.86 s mean", [
        ("ir_to_code_median_s", 4.2, S),
        ("ir_to_code_mean_s", 9.86, S),
    ]),
    ("P50 and P95 are 14.96 s and 27.1 s", [("e2e_median_s", 14.96, S), ("e2e_p95_s", 27.1, M)]),
    ("Median/mean: 14.96 s / 19.6 s", [("e2e_median_s", 14.96, S), ("e2e_mean_s", 19.6, S)]),
    ("min=14.16s med=14.96s max=27.1s", [
        ("e2e_min_s", 14.16, S), ("e2e_median_s", 14.96, S), ("e2e_max_s", 27.1, S),
    ]),
    ("Average latency: 19.6 s (19,608 ms)", [("e2e_mean_s", 19.6, S)]),
    ("Median latency: 14.96 s (14.2–27.1 s)", [("e2e_median_s", 14.96, S)]),
    ("The median is 14.96 s (95 % interval 10–20 s)", [("e2e_median_s", 14.96, S)]),
    ("NLP → IR has <5% variance", [("nlp_to_ir_cv", 0.05, X)]),
    ("Revised: <15s median E2E latency", [("e2e_median_s", 15.0, N)]),
    ("The 70 % success target is met", [("success_rate", 0.7, N)]),
    ("We do not meet the 15 s target at the median", [("e2e_median_s", 15.0, N)]),
    ("The median is below our 30 s goal", [("e2e_median_s", 30.0, S)]),
    ("- **Per request**: $0.0034 average", [("cost_per_trial_usd", 0.0034, X)]),
    ("$5.99 per 1,000 requests", [("cost_per_trial_usd", 0.00599, S)]),
    ("3 cents per right answer", [("cost_per_pass_usd", 0.03, S)]),
    ("A right answer costs 0.03 USD, and the median request takes 26.9 s", [
        ("cost_per_pass_usd", 0.03, S), ("e2e_median_s", 26.9, X),
    ]),
    ("A right answer costs 0.03 USD; the median request takes 26.9 s", [
        ("cost_per_pass_usd", 0.03, S), ("e2e_median_s", 26.9, X),
    ]),
    ("Right answers are 20 %, and the median request takes 14.96 s", [
        ("success_rate", 0.2, S), ("e2e_median_s", 14.96, S),
    ]),
    ("Right answers cost a lot and take 26.9 s at the median", [("e2e_median_s", 26.9, S)]),
    ("Right answers are 20 %, and the median is 26.9 s", [("success_rate", 0.2, S)]),
    ("80 % of requests finish within 27 s", [("e2e_within", 0.8, S)]),
    ("2 of 5 requests took longer than 20 s", [("e2e_within", 0.6, S)]),
    ("No request took longer than 16 s", [("e2e_within", 1.0, X)]),
    ("Control flow: 1 of 2 answers is right", [("success_rate", 0.5, S)]),
    ("3 of 4 failures are missing returns", [("share_of_failures", 0.75, S)]),
    ("pass@1 = 0.20", [("pass_at_1", 0.2, S)]),
    ("Entity resolution: 1.5 s at the median", [("entity_resolution_median_s", 1.5, M)]),
    ("TTFT: median 0.4 s", [("ttft_median_s", 0.4, M)]),
    ("50 % of hard prompts pass", [("success_rate", 0.5, M)]),  # the run has none
    ("It is hard to say, but 1 of 5 answers is correct", [("success_rate", 0.2, S)]),
    ("| stage | median | mean |\n|---|---|---|\n| IR → Code | 4.19 s | 9.86 s |", [
        ("ir_to_code_median_s", 4.19, S),
        ("ir_to_code_mean_s", 9.86, S),
    ]),
    ("| | NLP → IR | E2E |\n|---|---|---|\n| Median (s) | 10.01 | 14.96 |", [
        ("nlp_to_ir_median_s", 10.01, S),
        ("e2e_median_s", 14.96, S),
    ]),
    ("P50 fell from 21.7 s to 14.96 s", [("e2e_median_s", 14.96, S)]),
    ("Median 14.96 s, anything between 14.2 s and 27.1 s", [("e2e_median_s", 14.96, S)]),
    ("The median is a healthy 9.1 s", [("e2e_median_s", 9.1, X)]),
    ("Quick numbers before the stand-up: P50 14.96 s", [("e2e_median_s", 14.96, S)]),
    ("Median 14.96 s, so plan for it", [("e2e_median_s", 14.96, S)]),
    ("Success ≥ 70 %: no (20 %)", [("success_rate", 0.7, N), ("success_rate", 0.2, S)]),
    ("Median ≤ 30 s: ✅", [("e2e_median_s", 30.0, S)]),
    ("The goal is 70 % success; we have 20 % success", [("success_rate", 0.2, S)]),
    ("One in ten requests takes longer than 20 s", [("e2e_within", 0.9, N)]),
    ("All four failures are missing returns", [("share_of_failures", 1.0, X)]),
    ("None of the 10 steps was slow", [("slow_steps", 0.0, X)]),
    ("All five answers parse", [("parsed_rate", 1.0, X)]),
    ("3 retries in total", [("retries", 3, S)]),
    ("We saw no retries.", [("retries", 0, X)]),
    ("13 attempts, 7 retries", [("attempts", 13, S), ("retries", 7, X)]),
    ("Wrong answers: 4 | Right: 2", [("wrong_answers", 4, S), ("right_answers", 2, X)]),
    ("We sent 5 requests", [("requests", 5, S)]),
    ("Easy: 1 of 5. Strings: 0 of 1.", [("success_rate", 0.2, S), ("success_rate", 0.0, S)]),
    ("1,000 requests cost $5.99", [("cost_per_trial_usd", 0.00599, S)]),
    ("10,000 requests = $92", [("cost_per_trial_usd", 0.0092, X)]),
    ("$/request: 0.0060", [("cost_per_trial_usd", 0.006, S)]),
    ("| failure | count | share |\n|---|---|---|\n| missing return | 3 | 75 % |", [
        ("failures_of_class", 3, S),
        ("share_of_failures", 0.75, S),
    ]),
    ("| category | passed | rate |\n|---|---|---|\n| control flow | 1/2 | 50 % |", [
        ("success_rate", 0.5, S), ("success_rate", 0.5, S),
    ]),
    ("| right | wrong | retries |\n|---|---|---|\n| 1 | 4 | 9 |", [
        ("right_answers", 1, S), ("wrong_answers", 4, S), ("retries", 9, X),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), READ)
def test_a_figure_is_ruled_by_the_quantity_it_names(
    text: str, rows: list[Row], summary: RunSummary
) -> None:
    found = []
    for row in lint(text, summary):
        if row.ruling is not None:
            what = row.ruling.claim.what
            assert isinstance(what, Quantity)
            found.append((what.metric, pytest.approx(row.ruling.claim.value), row.ruling.ruling))
            assert row.line == text.count("\n") + 1
    assert found == rows


UNREAD = {
    "The median": ["IR → Code took 4.2 s", "Latency went from 1.9 s to 850 ms"],
    "a plan": ["If >30% fail, prioritize the fix", "We aim for 80 % success", "- [ ] median 5 s"],
    "one of the sentence's goals": [
        "Goal for Q1: median under 5 s and 90 % success",
        "By March: success rate 90 %, median 5 s",
        "OKR: 90 % success, P95 under 12 s",
    ],
    "another model, or another place": [
        "In staging (another model) the median was 6.3 s and the success rate 83 %",
        "Sonnet gets 95 % right with a median of 3 s",
        "On the H100 the median is 5.1 s",
        "The README is 80 % right",
    ],
    "an unknown row": [
        "| | median |\n|---|---|\n| planner | 2.1 s |",
        "| model | success rate |\n|---|---|\n| Llama-3 70B | 61 % |",
        "| run | success rate |\n|---|---|\n| 1 | 35 % |",
    ],
    "a part": ["In 7 requests the median is 3 s", "10.0 s of 15 s at the median"],
    "no number of the run": ["At most 7 retries", "We need 7 requests", "4 requests per minute"],
    "what the prompts are": ["The suite is 50 % easy, 35 % strings"],
    "a number of a kind of prompt": ["Arithmetic: 5 retries", "IR → Code: 3 retries in total"],
    "a condition": ["Without a queue there are no retries", "If warm, the median is 14.96 s"],
    "a goal": ["## Goals\n- 5 s median", "Target: median < 15 s, success ≥ 70 %"],
    "a question": ["Is a median of 14.96 s enough?", "Is 70 % success reached?"],
    "another run": ["Last week the median was 21.7 s", "| | Week 1 |\n|---|---|\n| P50 | 21.7 s |"],
    "a case": [
        "is_even took 26.9 s at the median",
        "| Test | E2E |\n|---|---|\n| multiply | 15 s |",
    ],
    "quoted": ["“80 % success” was the wording", "> the median is 14.96 s"],
    "some": ["The median with retries is 20 s", "Simple prompts: median 3 s"],
    "other times": ["Schema validation took 0.1 s at p50", "Cold start: 15.3 s on average"],
    "of what": ["20 % of the budget is spent", "We changed 40 % of it", "99 of 230 checks passed"],
    "a change": ["We are 31 % faster", "The median dropped by 0.4 s", "Success: +30 %"],
    "a price": ["The GPU costs $1.10/hour", "$34 a month"],
    "a denial": ["It is not true that the median is 20 s", "The median is not 20 s"],
}


@pytest.mark.parametrize("text", [text for texts in UNREAD.values() for text in texts])
def test_what_is_not_clearly_a_claim_is_listed_with_a_reason(
    text: str, summary: RunSummary
) -> None:
    rows = lint(text, summary)
    assert rows
    assert [row.said for row in rows if row.ruling] == []
    assert all(row.why_not for row in rows)


@pytest.mark.parametrize(
    "text",
    ["```\nmedian 14.9 s, 80% success\n```", "<!-- 80% success -->", "3 people, 2 days, v1.2.0"],
)
def test_code_and_bare_numbers_are_no_figures(text: str, summary: RunSummary) -> None:
    assert lint(text, summary) == []


def test_a_change_has_the_ratio_of_its_units(summary: RunSummary) -> None:
    (row,) = lint("Latency went from 1.9 s to 850 ms", summary)
    assert row.why_not.startswith("a change from 1.9 to 0.85 s (ratio 0.45)")
    (row,) = lint("End-to-end went from 2 minutes to 45 s", summary)
    assert "from 120 to 45 s" in row.why_not


def test_each_line_of_a_chat_is_a_statement_of_its_own(summary: RunSummary) -> None:
    chat = "p50 = 14.96s\nif we are lucky we see 10 s some day\nthe mean was 19.6 s"
    assert [row.line for row in lint(chat, summary) if row.ruling] == [1, 3]


_PIECES = """| # : 0 % 0% 100% 80% 4/5 0/0 9/3 14.9s 0s 1ms <15s < >= + - $0 $3.37 $0.01 per request
/month 1000 requests 0 requests median mean P95 P99 success failure faster variance cold warm
met target pass@1 0.5 E2E NLP → IR IR→Code within from to not no all of prompts parse wrong
control flow İ ² ٣ % 999999999s 0.000001s"""
_WORDS = st.sampled_from([*_PIECES.split(), "\n"])


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(_WORDS, max_size=40).map(" ".join)))
def test_no_text_raises(summary: RunSummary, text: str) -> None:
    for row in lint(text, summary):
        assert row.line <= text.count("\n") + 1
        assert row.ruling or row.why_not


@pytest.mark.parametrize(
    "piece", ["9", "9,", "9% ", "9/9 success ", "<", "|", "p95 ", "$1 ", "(", "9s ", "9s to 8s "]
)
def test_hostile_text_ends(piece: str, summary: RunSummary) -> None:
    assert len(lint((piece * 2_000 + "\n") * 30, summary)) <= 1_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The 95 % success target is not met", "agrees with the statement (at most 95 %)."),
        ("The 95 % success target is met", "disagrees with the statement (at least 95 %)."),
        ("The target of 30 s at the median is met", "agrees with the statement (at most 30 s)."),
        ("The 70 % success target is not met", "leaves the statement open (at most 70 %); "),
    ],
)
def test_the_reason_says_whether_what_was_measured_agrees(
    text: str, said: str, summary: RunSummary
) -> None:
    (row,) = lint(text, summary)
    assert row.ruling is not None
    assert f"; the measured value {said}" in row.ruling.why


# A line, which of its rulings, and the claim in it: the relation, the value, by how much it may be
# off, and the ruling.
CLAIMED: list[tuple[str, int, tuple[str, float, float, str]]] = [
    ("Median is about 15 s", 0, ("is", 15, 0.75, S)),
    ("about 21 % success", 0, ("is", 0.21, 0.02, S)),
    ("about 22.5 % success", 0, ("is", 0.225, 0.02, X)),
    ("about 80 % parse", 0, ("is", 0.8, 0.04, S)),
    ("roughly $0.0061 per request", 0, ("is", 0.0061, 0.000305, S)),
    ("1,000 requests cost $5.9", 0, ("is", 0.0059, 0.00005, X)),
    ("1,000 requests cost $5.987", 0, ("is", 0.005987, 0.000003, X)),
    ("10,000 requests cost $60", 0, ("is", 0.006, 0.00005, S)),
    ("The 20 % success target is met", 0, ("at_least", 0.2, 0.005, N)),
    ("The 15 s median target is met", 0, ("at_most", 15, 0.5, N)),
    ("The 20 s median target is not met", 0, ("at_least", 20, 0.5, N)),
    ("at most 80 % of answers are wrong", 0, ("at_least", 0.2, 0.005, N)),
    ("at least 90 % of answers are wrong", 0, ("at_most", 0.1, 0.005, N)),
    ("3 of 5 requests finish within 16 s", 0, ("at_least", 0.6, 0.005, S)),
    ("2 of 5 requests finish within 16 s", 0, ("at_least", 0.4, 0.005, X)),  # a count
    ("at least 2 of 5 requests finish within 16 s", 0, ("at_least", 0.4, 0.005, N)),
    ("at least 2 of 5 requests took longer than 16 s", 0, ("at_most", 0.6, 0.005, S)),
    ("20 % of requests are right within 30 s", 0, ("at_least", 0.2, 0.005, S)),
    ("60 % of nlp to ir finish within 11 s", 0, ("at_least", 0.6, 0.005, N)),
    ("week 2: median 14.96 s", 0, ("is", 14.96, 0.005, S)),
    ("previously the median was 21 s, now the median is 14.96 s", 0, ("is", 14.96, 0.005, S)),
    ("P50 fell from 20 s to 14.96 s", 0, ("is", 14.96, 0.005, S)),
    ("Requests: 5, median 14.96 s", 0, ("is", 5, 0, S)),
    ("Requests: 5, median 14.96 s", 1, ("is", 14.96, 0.005, S)),
    ("No retries in 5 requests", 0, ("is", 0, 0, X)),
    ("# Control flow\n- 9 retries in total", 0, ("is", 9, 0, X)),
    ("Right answers are nice, the median request takes 26.9 s", 0, ("is", 26.9, 0.05, S)),
    ("20 % succeed, right answers cost a lot, median request takes 26.9 s", 1,
        ("is", 26.9, 0.05, S)),
    ("| success by category | rate |\n|---|---|\n| control flow | 50 % |", 0,
        ("is", 0.5, 0.005, S)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "claimed"), CLAIMED)
def test_a_claim_is_a_figure_or_a_limit_as_exact_as_it_was_written(
    text: str, place: int, claimed: tuple[str, float, float, str], summary: RunSummary
) -> None:
    ruling = [row.ruling for row in lint(text, summary) if row.ruling][place]
    relation, value, off, verdict = claimed
    claim = ruling.claim
    assert (claim.relation, ruling.ruling) == (relation, verdict)
    assert claim.value == pytest.approx(value)
    assert claim.off == pytest.approx(off, rel=0.01)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Simple prompts are slow, and the median request takes 14.96 s", "some requests"),
        ("Requests: 5, for 0.006 USD per request", "for a price"),
        ("| category | retries |\n|---|---|\n| control flow | 9 |", "by kind of prompt"),
        ("40 % of right answers arrive within 30 s", "by kind of prompt"),
        ("week 3: median 14.96 s", "week 3"),
        ("| | median |\n|---|---|\n| baseline | 14.96 s |", "baseline"),
        ("P50 ranged from 14 s to 16 s", "a range"),
        ("goal: 5 requests", "a target"),
        ("; ".join(["1 s"] * 25), "a listing"),
    ],
)
def test_why_a_figure_is_no_claim(text: str, why: str, summary: RunSummary) -> None:
    rows = lint(text, summary)
    assert [row.ruling for row in rows if why in row.why_not] == [None]


def test_a_sentence_with_few_enough_figures_is_no_listing(summary: RunSummary) -> None:
    rows = lint(", ".join(f"{n}.5 s" for n in range(24)), summary)
    assert rows
    assert not any("listing" in row.why_not for row in rows)


def test_a_change_says_that_it_takes_both_runs(summary: RunSummary) -> None:
    (row,) = lint("The median improved from 20 s to 14.96 s", summary)
    assert row.ruling is not None
    assert row.ruling.caveat
    (row,) = lint("The median is 14.96 s", summary)
    assert row.ruling is not None
    assert not row.ruling.caveat


def test_a_stage_goes_on_into_the_next_sentence_only_if_it_is_named(summary: RunSummary) -> None:
    assert lint("IR → Code is slow. The median is 4.2 s.", summary)[0].ruling is None
    assert lint("End to end is slow. The median is 14.96 s.", summary)[0].ruling is not None


def test_as_data_a_line_has_its_ruling_or_why_it_has_none(summary: RunSummary) -> None:
    read, unread = (row.as_json() for row in lint("Median 14.96 s\n\nIt took 3 s", summary))
    assert (read["line"], read["ruling"], read["not_read"]) == (1, S, None)
    assert (unread["line"], unread["ruling"]) == (3, None)
    assert unread["not_read"]
