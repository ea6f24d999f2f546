"""Which words of a sentence speak of which of its figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.summary import RunSummary
from liftlab.summary.claims.text.figures import figures
from liftlab.summary.claims.text.lexicon import Lexicon, Slot
from liftlab.summary.claims.text.markdown import Piece
from liftlab.summary.claims.text.sentence import MAX_SENTENCE, Sentence, sentences


@pytest.fixture(scope="module")
def lexicon(summary: RunSummary) -> Lexicon:
    return Lexicon(summary)


def _sentence(
    text: str, lexicon: Lexicon, names: tuple[str, ...] = (), around: tuple[str, ...] = ()
) -> Sentence:
    piece = Piece(text=text, lines=((0, 1),), names=names, around=around)
    return Sentence(text, lexicon.marks(text), figures(text), piece, lexicon)


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("median 4.2 s, mean 9.86 s", ["median 4.2 s", "mean 9.86 s"]),
        ("2.1 s; 3 s | 4 s", ["2.1 s", "3 s ", " 4 s"]),
        ("it took 2.15 s (median) and 3 s", ["it took 2.15 s (median)", " and 3 s"]),
        ("it took 2.15 s (of 4 runs)", ["it took 2.15 s "]),  # no remark: it has a number
        # What leads to a figure is left out, unless it names something.
        ("quick numbers before the call: p50 14.96 s", ["p50 14.96 s"]),
        ("results: median 14.96 s", ["median 14.96 s"]),
        ("median results: 14.96 s", ["median results: 14.96 s"]),
        ("first, median results: 14.96 s", ["median results: 14.96 s"]),
        ("4 s results: 14.96 s", ["4 s results: 14.96 s"] * 2),
    ],
)
def test_a_clause_is_the_words_around_a_figure(
    text: str, clauses: list[str], lexicon: Lexicon
) -> None:
    sentence = _sentence(text, lexicon)
    assert [text[slice(*sentence.clause(one))] for one in sentence.figures] == clauses


def test_both_sides_end_at_a_semicolon(lexicon: Lexicon) -> None:
    sentence = _sentence("one; two, 4.2 s three; four", lexicon)
    assert sentence.sides(sentence.figures[0]) == ("two, ", " three")


@pytest.mark.parametrize(
    ("text", "slot", "values"),
    [
        ("median 4.2 s, mean 9.86 s", "statistic", [["median"], ["mean"]]),
        ("p50 and p95 are 1.2 s and 3.4 s", "statistic", [["median"], ["p95"]]),
        ("p50, p95: 1.2 s", "statistic", [["p95"]]),  # a list of two names, and one figure
        ("min = 1.2 s max = 3.4 s", "statistic", [["min"], ["max"]]),
        # What an earlier figure took is not taken again, unless that one was a limit.
        ("median of 4.2 s, 3.1 s", "statistic", [["median"], []]),
        ("median under 4.2 s, 3.1 s", "statistic", [["median"], ["median"]]),
        ("median 4.2 s, target 3.1 s", "statistic", [["median"], ["median"]]),
        ("median 4.2 s, 50 % success", "statistic", [["median"], ["median"]]),
        # What stands right beside the last name is of the figure, too.
        ("checks, passed (43 %)", "measure", [["!checks", "success_rate"]]),
        ("checks - passed (43 %)", "measure", [["success_rate"]]),
        ("parse, passed (43 %)", "measure", [["success_rate"]]),
    ],
)
def test_a_figure_takes_the_names_of_its_clause_or_the_last_before_it(
    text: str, slot: Slot, values: list[list[str]], lexicon: Lexicon
) -> None:
    sentence = _sentence(text, lexicon)
    assert [sentence.values(slot, figure) for figure in sentence.figures] == values


def test_words_that_no_table_knows_are_left_over(lexicon: Lexicon) -> None:
    sentence = _sentence("the planner median is really a healthy 4.2 s for widgets: here", lexicon)
    (figure,) = sentence.figures
    assert sentence.leftover(figure) == ["planner", "widgets"]
    assert sentence.leftover(figure, before=True) == ["planner"]
    assert sentence.leftover(figure, before=True, since=sentence.text.index("median")) == []


@pytest.mark.parametrize(
    ("names", "is_unknown"),
    [
        (("nlp to ir", "median (s)", "stage", ""), False),
        (("planner", "median (s)", "stage", ""), True),
        (("nlp to ir", "banana", "stage", ""), True),
        (("nlp to ir", "median (s)", "banana", ""), False),  # the head of the first column
        (("right answers", "median", "", ""), False),
        (("correct", "median", "", ""), True),  # of a time it says nothing
        ((), False),
    ],
)
def test_a_cell_is_not_read_where_its_row_or_column_is_not_known(
    names: tuple[str, ...], is_unknown: bool, lexicon: Lexicon
) -> None:
    sentence = _sentence("4.2 s", lexicon, names)
    assert bool(sentence.unknown_name(sentence.figures[0])) is is_unknown


def test_names_come_before_headings_and_the_nearest_heading_first(lexicon: Lexicon) -> None:
    around = ("p95", "mean")
    assert _sentence("4.2 s", lexicon, ("nlp to ir", "median"), around).of_names("statistic") == {
        "median"
    }
    sentence = _sentence("4.2 s", lexicon, ("nlp to ir", "time", "p99"), around)
    assert sentence.of_names("statistic") == {"p95"}
    assert sentence.of_names("statistic", near=True) == set()
    assert sentence.of_names("cost") == set()


@pytest.mark.parametrize(
    ("text", "names", "is_one"),
    [
        ("is even took 4.2 s", (), True),
        ("it took 4.2 s", (), False),
        ("4.2 s", ("multiply", "e2e", "what", ""), True),
        ("4.2 s", ("planner", "e2e", "test", ""), True),
        ("4.2 s", ("nlp to ir", "e2e", "stage", ""), False),
    ],
)
def test_a_sentence_may_be_about_a_single_prompt(
    text: str, names: tuple[str, ...], is_one: bool, lexicon: Lexicon
) -> None:
    assert _sentence(text, lexicon, names).is_of_a_case() is is_one


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one. two! three? four", [(0, "one."), (5, "two!"), (10, "three?"), (17, "four")]),
        ("1.5 s e.g. here", [(0, "1.5 s e.g."), (11, "here")]),
        ("x" * MAX_SENTENCE, [(0, "x" * MAX_SENTENCE)]),
        ("x" * MAX_SENTENCE + "y", [(0, "x" * MAX_SENTENCE), (MAX_SENTENCE, "y")]),
        ("", []),
    ],
)
def test_a_text_has_sentences(text: str, parts: list[tuple[int, str]]) -> None:
    assert [*sentences(text)] == parts


@given(st.text(alphabet="a. !\n", max_size=80))
def test_no_letter_of_a_text_is_lost(text: str) -> None:
    found = [*sentences(text)]
    assert all(text[at:].startswith(part) for at, part in found)
    assert "".join(part for _, part in found).count("a") == text.count("a")
