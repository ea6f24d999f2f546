"""A Markdown report as pieces, each with its line and what it stands under."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liftlab.summary.claims.text.markdown import (
    MAX_CELLS,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_LINES,
    pieces,
    shown,
)


def _texts(report: str) -> list[str]:
    return [piece.text for piece in pieces(report)]


def test_headings_nest_and_the_nearest_comes_first() -> None:
    report = "# A\n## B\none\n### C\ntwo\n## D\nthree\n**E**\nfour\n# F\nfive"
    around = {piece.text: piece.around for piece in pieces(report)}
    assert around["one"] == ("b", "a")
    assert around["two"] == ("c", "b", "a")
    assert around["three"] == ("d", "a")
    assert around["four"] == ("e", "d", "a")  # a line in bold is below every heading
    assert around["five"] == ("f",)


def test_a_list_is_under_the_line_that_leads_to_it() -> None:
    report = "What we saw:\n- 4 s\n- 5 s\n\nAnd:\n\nmore\n\n- 6 s"
    around = {piece.text: piece.around for piece in pieces(report)}
    assert around["4 s"] == around["5 s"] == ("what we saw:",)
    assert around["more"] == ("and:",)
    assert around["6 s"] == ()
    # A heading ends what a line leads to.
    around = {piece.text: piece.around for piece in pieces("Seen:\n# B\n- 4 s")}
    assert around["4 s"] == ("b",)


def test_code_is_no_text() -> None:
    assert _texts("one\n```\n4 s\n```\ntwo") == ["one", "two"]
    assert _texts("one\n~~~~ py\n4 s\n~~~\n~~~~\ntwo") == ["one", "two"]
    assert _texts("one\n```\nnever closed") == ["one"]
    assert _texts("one\n\n    4 s\n\ntwo") == ["one", "two"]
    assert _texts("one\n    goes on") == ["one goes on"]
    assert _texts("    - 4 s") == ["4 s"]  # an item, however deep


def test_a_paragraph_knows_the_line_of_each_place() -> None:
    (piece,) = pieces("\nthe median is\n4.1 s here\n")
    assert piece.text == "the median is 4.1 s here"
    assert [piece.line(piece.text.index(word)) for word in ("the", "is", "4.1", "here")] == [
        2,
        2,
        3,
        3,
    ]
    assert piece.said == {2: "the median is", 3: "4.1 s here"}


def test_a_quotation_is_a_piece_of_its_own() -> None:
    found = [(piece.text, piece.quoted) for piece in pieces("ours\n> theirs\n> too\nours again")]
    assert found == [("ours", False), ("theirs too", True), ("ours again", False)]


def test_rules_and_empty_lines_part_paragraphs() -> None:
    assert _texts("one\n\ntwo\n---\nthree\n***\nfour") == ["one", "two", "three", "four"]


def test_a_line_that_begins_anew_is_a_sentence_of_its_own() -> None:
    assert _texts("median is fine\n**P95** is not") == ["median is fine. p95 is not"]
    assert _texts("median is fine,\n**P95** is not") == ["median is fine, p95 is not"]
    # In a chat each line says its own; a wrapped one goes on.
    chat = "this is a rather long first line of a chat\nmedian 4 s\np95 9 s\nall fine"
    assert _texts(chat) == [chat.replace("\n", ". ")]
    wrapped = "this is a paragraph that was\nwrapped where the line was full\nand goes on"
    assert _texts(wrapped) == [wrapped.replace("\n", " ")]


TABLE = """
| stage | median (s) | P95 | note |
|---|--:|---|---|
| NLP → IR | 4.1 | 9 s | cold |
| code | 5 |
end
"""


def test_a_cell_knows_its_row_and_its_column() -> None:
    found = list(pieces(TABLE))
    assert [(piece.text, piece.names[:3], piece.line(0)) for piece in found] == [
        ("4.1 s", ("nlp to ir", "median (s)", "stage"), 4),
        ("9 s", ("nlp to ir", "p95", "stage"), 4),
        ("cold", ("nlp to ir", "note", "stage"), 4),
        ("5 s", ("code", "median (s)", "stage"), 5),
        ("end", (), 6),
    ]
    assert found[0].names[3] == "cold"  # the row's remarks are its cells without a figure
    assert found[2].names[3] == ""


def test_a_table_whose_first_column_is_a_figure_has_no_names() -> None:
    found = list(pieces("| median | P95 |\n|---|---|\n| 4 s | 9 s |"))
    assert [(piece.text, piece.names[:3]) for piece in found] == [
        ("4 s", ("", "median", "")),
        ("9 s", ("", "p95", "")),
    ]
    # A number may name a row, as that of a run.
    (found_run,) = pieces("| run | P95 |\n|---|---|\n| 4 | 9 s |")
    assert found_run.names[:3] == ("4", "p95", "run")


def test_a_unit_of_the_row_is_the_cell_s() -> None:
    (cell,) = pieces("| what | ours |\n|---|---|\n| P95 [ms] | 850 |")
    assert cell.text == "850 ms"
    (cell,) = pieces("| what | ours |\n|---|---|\n| P95 [ms] | 850 s |")
    assert cell.text == "850 s"


def test_a_line_with_bars_and_no_divider_is_no_table() -> None:
    assert _texts("median | 4 s\nP95 | 9 s") == ["median | 4 s. p95 | 9 s"]


def test_a_report_is_read_up_to_its_bounds() -> None:
    assert len(_texts("x\n\n" * MAX_LINES)) == MAX_LINES // 2
    assert sum(map(len, _texts("y" * (MAX_COLUMNS + 5)))) == MAX_COLUMNS
    lines = ("z" * 999 + "\n") * (MAX_CHARACTERS // 1000 + 5)
    assert len(_texts(lines)[0]) == MAX_CHARACTERS - 1
    cells = "|".join(["a"] * (MAX_CELLS + 5))
    assert len(_texts(f"{cells}\n---|---\n{cells}")) == MAX_CELLS - 1


def test_a_line_for_people_is_printable_and_cut() -> None:
    assert shown("## **Speed**:  4\u202e s") == "Speed: 4 s"
    assert shown("x" * 160) == "x" * 160
    assert shown("x" * 161) == "x" * 159 + "…"
    assert shown("abc", most=2) == "a…"


@given(st.text(alphabet="a1 .|:-#>*`~\n\t", max_size=120))
def test_any_text_is_read(text: str) -> None:
    for piece in pieces(text):
        assert all(1 <= piece.line(place) <= text.count("\n") + 1 for place in (0, 10))
