"""Words that go with numbers, and foreign words made fit to be read."""

from __future__ import annotations

import pytest

from liftlab import words

MARK = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 trials"), (1, "1 trial"), (2, "2 trials"), (1000, "1,000 trials")],
)
def test_a_noun_goes_with_its_number(number: int, said: str) -> None:
    assert words.counted(number, "trial") == said


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert words.counted(1, "retry", "retries") == "1 retry"
    assert words.counted(3, "retry", "retries") == "3 retries"


@pytest.mark.parametrize(("number", "verb"), [(0, "are"), (1, "is"), (2, "are")])
def test_a_verb_goes_with_its_number(number: int, verb: str) -> None:
    assert words.be(number) == verb
    assert words.was(number) == {"is": "was", "are": "were"}[verb]


def test_what_cannot_be_seen_is_marked() -> None:
    assert words.seen("plain") == "plain"
    assert words.seen("tab\tkept\n") == "tab\tkept\n"
    assert words.seen("a\x07b") == f"a{MARK}b"
    assert words.seen("name\u200b") == f"name{MARK}"
    assert words.seen("\u202eдом") == f"{MARK}дом"


@pytest.mark.parametrize(("marks", "kept"), [(4, 4), (5, 4), (30, 4)])
def test_marks_stacked_on_a_letter_are_bounded(marks: int, kept: int) -> None:
    text = words.seen("e" + marks * "\u0301" + "x")
    assert text.count("\u0301") == kept
    assert text.count(MARK) == (marks > kept)
    assert text.endswith("x")


def test_each_letter_may_have_its_own_marks() -> None:
    stacked = 2 * ("\u0301" * 4 + "é")
    assert words.seen(f"a{stacked}") == f"a{stacked}"


def test_a_terminal_obeys_nothing_that_is_printed() -> None:
    assert words.printable("a\x1b[2Jb\n\tc") == f"a{MARK}[2Jb\n\tc"
    assert words.printable("a\nb", kept="") == f"a{MARK}b"


def test_one_line_is_one_line() -> None:
    assert words.one_line("two\nlines\tand é") == "two lines and é"
    assert words.one_line("plain words") == "plain words"


def test_a_foreign_name_is_bounded_and_quoted_where_it_could_be_ours() -> None:
    assert words.name(40 * "x") == 40 * "x"
    assert words.name(41 * "x") == 40 * "x" + "…"
    assert words.name("all met!") == "“all met!”"
    assert words.name(41 * "!") == f"“{40 * '!'}…”"
    assert words.name("") == words.name(None) == ""


def test_stages_are_written_as_people_say_them() -> None:
    assert words.stage_words("e2e") == "End to end"
    assert words.stage_words("code") == "Code"
    assert words.stage_words("nlp_to_ir") == "NLP → IR"
    assert words.stage_words("intent_inference") == "intent inference"
    assert words.stage_words("raw_text_to_ir") == "raw text → IR"


@pytest.mark.parametrize(
    ("seconds", "took"),
    [(0.0051, "5 ms"), (0.02, "20 ms"), (0.999, "999 ms"), (1.0, "1.0 s"), (12.34, "12.3 s")],
)
def test_work_that_no_time_shows_is_said_in_its_unit(seconds: float, took: str) -> None:
    note = words.work_note("code", seconds)
    assert note is not None
    assert f"of code took {took}:" in note


@pytest.mark.parametrize("seconds", [0.0, 0.005, float("nan")])
def test_work_of_no_weight_is_not_mentioned(seconds: float) -> None:
    assert words.work_note("code", seconds) is None
