from __future__ import annotations

import pytest

from liftlab.words import be, counted, name, one_line, seen, stage_words, work_note


def test_a_number_with_its_noun_and_verb() -> None:
    assert [counted(1, "trial"), counted(2, "trial")] == ["1 trial", "2 trials"]
    assert counted(2_000, "success", "successes") == "2,000 successes"
    assert [be(1), be(0), be(2)] == ["is", "are", "are"]


def test_what_cannot_be_seen_is_marked() -> None:
    assert seen("a\u200bb\U000e0041") == "a\ufffdb\ufffd"
    assert len(seen("a" + 90 * "\u0301")) == 6
    assert one_line("two\nlines, \u202edrawn backwards") == "two lines, \ufffddrawn backwards"


def test_a_foreign_name_is_bounded_and_quoted_where_it_could_be_our_words() -> None:
    assert [name("SmolLM2-135M"), name(None)] == ["SmolLM2-135M", ""]
    assert name("run: all met!") == "“run: all met!”"
    assert name(50 * "x") == 40 * "x" + "…"


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("nlp_to_ir", "NLP → IR"),
        ("code", "Code"),
        ("intent_inference", "intent inference"),
        ("e2e", "End to end"),
    ],
)
def test_a_stage_in_words(stage: str, words: str) -> None:
    assert stage_words(stage) == words


def test_work_that_no_time_shows_is_told_above_5_ms() -> None:
    said = "prompt() and parse() of ir_to_code took {}: no time of the run has that in it"
    assert work_note("ir_to_code", 1.02) == said.format("1.0 s")
    assert work_note("ir_to_code", 0.02) == said.format("20 ms")
    assert work_note("ir_to_code", 0.005) is None
