from __future__ import annotations

import base64
import io
import re

import pandas as pd
import pytest

from liftlab.reporting.html import Html
from liftlab.reporting.tables import (
    Scorecard,
    codes,
    download,
    facts_table,
    scorecards,
    table,
    verdict,
)


def test_numbers_are_aligned_and_text_is_escaped() -> None:
    html = str(table(pd.DataFrame({"case": ["<b>"], "s": [1.234], "n": [1234]})))
    assert "&lt;b&gt;" in html
    assert '<td class="num">1.23</td>' in html
    assert '<td class="num">1,234</td>' in html


def test_what_is_missing_is_a_dash() -> None:
    html = str(table(pd.DataFrame({"a": pd.array([None, 1], dtype="Int64"), "b": ["", None]})))
    assert html.count("<td>–</td>") + html.count('<td class="num">–</td>') == 3


def test_long_tables_are_cut_and_say_so() -> None:
    html = str(table(pd.DataFrame({"n": range(10_000)}), most=40))
    assert html.count("<tr>") == 41
    assert "and 9,960 more" in html


def test_an_empty_table_says_none() -> None:
    assert "none" in str(table(pd.DataFrame({"n": []})))


def test_our_own_html_stays_html_in_a_cell() -> None:
    assert "<b>x</b>" in str(table(pd.DataFrame({"v": [Html("<b>x</b>")]})))


def test_the_csv_holds_all_rows_within_the_page() -> None:
    frame = pd.DataFrame({"case": ["a,b", '"'], "s": [1.5, 2.5], "unknown": [None, None]})
    link = str(download(frame, "t.csv"))
    encoded = re.search(r"base64,([^\"]+)", link)[1]
    read = pd.read_csv(io.BytesIO(base64.b64decode(encoded)))
    assert read.to_dict("list") == {"case": ["a,b", '"'], "s": [1.5, 2.5]}
    assert 'download="t.csv"' in link


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_spreadsheet_runs_nothing(cell: str) -> None:
    link = str(download(pd.DataFrame({"a": [cell]}), "t.csv"))
    text = base64.b64decode(re.search(r"base64,([^\"]+)", link)[1]).decode()
    assert text.splitlines()[1].lstrip('"').startswith("'")


def test_a_table_too_large_for_a_page_is_not_embedded() -> None:
    link = str(download(pd.DataFrame({"a": ["x" * 1000] * 4000}), "t.csv"))
    assert "4,000 rows, too many for a page" in link
    assert "data:" not in link


def test_facts_without_a_value_are_left_out() -> None:
    html = str(facts_table({"Model": None, "Run": "r1", "Seed": 0}))
    assert "Model" not in html
    assert "Seed" in html


def test_a_ruling_has_a_word_and_a_colour() -> None:
    html = str(verdict("not supported"))
    assert html == '<span class="verdict undecided">not supported</span>'


def test_a_tile_says_what_number_why_and_verdict() -> None:
    tile = Scorecard(what="P95", number="–", why="needs 72", verdict="not measurable")
    html = str(scorecards([tile]))
    for part in ("P95", "–", "needs 72", '<span class="verdict unmeasured">not measurable</span>'):
        assert part in html
    assert "target ≤ 5 s: met" in str(
        scorecards([Scorecard(what="E2E", number="4 s", verdict="met", target="target ≤ 5 s")])
    )


def test_a_verdict_from_elsewhere_has_no_colour_of_ours() -> None:
    assert "unmeasured" in str(verdict('"><script>'))
    assert "<script>" not in str(verdict('"><script>'))


@pytest.mark.parametrize("seed", [20251015, 20251015.0])
def test_a_whole_number_is_written_in_full(seed: float) -> None:
    assert "20,251,015" in str(table(pd.DataFrame({"seed": [seed]})))


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([1.0, 2.0], ["1", "2"]),
        ([1.5, 20.0], ["1.50", "20.00"]),
        ([-1.5, 0.25], ["-1.50", "0.25"]),
        ([0.5, 0.25], ["0.500", "0.250"]),
        ([0.1, 0.05], ["0.100", "0.050"]),
        ([0.0999, 0.05], ["0.0999", "0.0500"]),
        ([1.5, 0.001, 0.0], ["1.50", "&lt; 0.01", "0"]),
        ([1.5, -0.001], ["1.50", "0"]),
        ([12345.5], ["12,345.50"]),
        ([True, False], ["yes", "no"]),
        ([None, 1], ["–", "1"]),
        (["5 %"], ["5\N{NO-BREAK SPACE}%"]),
    ],
)
def test_a_column_s_numbers_have_the_same_decimals(numbers: list[object], shown: list[str]) -> None:
    html = str(table(pd.DataFrame({"a": pd.Series(numbers, dtype=object)})))
    cells = re.findall("<td[^>]*>(.*?)</td>", html)
    assert cells == shown


@pytest.mark.parametrize(
    ("rows", "most", "given", "more"),
    [(3, 3, None, ""), (4, 3, None, "and 1 more"), (3, 3, 5, "and 2 more"), (3, 3, 3, "")],
)
def test_rows_beyond_those_shown_are_counted(
    rows: int, most: int, given: int | None, more: str
) -> None:
    html = str(table(pd.DataFrame({"n": range(rows)}), most=most, rows=given))
    assert html.count("<tr>") == 1 + min(rows, most)
    assert re.findall(r"and \d+ more", html) == ([more] if more else [])
    assert ('class="more"' in html) is bool(more)


def test_a_table_scrolls_by_keyboard_and_has_a_name() -> None:
    html = str(table([{"n": 1}], caption="Levels"))
    assert 'tabindex="0"' in html
    assert 'aria-label="Levels"' in html
    assert "<caption>Levels</caption>" in html
    assert "<caption>" not in str(table([{"n": 1}]))


def test_a_column_has_its_heading_or_none() -> None:
    html = str(table([{"a": 1, "": "x"}], headings={"a": "Count"}))
    assert '<th class="num" scope="col">Count</th>' in html
    assert html.count("<th ") == 1
    assert 'colspan="2"' in str(table(pd.DataFrame({"a": [], "b": []})))
    assert 'colspan="1"' in str(table(pd.DataFrame()))


@pytest.mark.parametrize(("rows", "embedded"), [(5_000, True), (5_001, False)])
def test_five_thousand_rows_are_embedded(rows: int, embedded: bool) -> None:
    frame = pd.DataFrame({"a": [1]})
    assert ("data:" in str(download(frame, "t.csv", rows))) is embedded
    link = str(table(frame, csv="t.csv", full=pd.DataFrame({"b": [1, 2]})))
    assert "CSV, 2 rows" in link


def test_up_to_a_megabyte_is_embedded() -> None:
    def link(size: int) -> str:
        return str(download(pd.DataFrame({"a": ["x" * (size - 3)]}), "t.csv"))

    assert "data:" in link(1_000_000)
    assert "data:" not in link(1_000_001)


def test_a_cell_is_bounded_and_codes_without_a_value_are_dashes() -> None:
    assert "x" * 300 + " … 1 more" in str(table([{"a": "x" * 301}]))
    html = str(table([{"a": value} for value in codes(["f", None, float("nan"), ""])]))
    assert html.count("<td>–</td>") == 3
    assert "<code>f</code>" in html


def test_html_in_a_download_is_its_text() -> None:
    link = str(download(pd.DataFrame({"a": [Html("<b>x &amp; y</b>")]}), "t.csv"))
    encoded = re.search(r"base64,([^\"]+)", link)
    assert encoded
    assert base64.b64decode(encoded[1]).decode() == "a\nx & y\n"


@pytest.mark.parametrize(
    ("word", "color"), [("met", "good"), ("worse", "bad"), ("odd", "unmeasured")]
)
def test_a_verdict_may_have_other_words(word: str, color: str) -> None:
    assert str(verdict(word, "said")) == f'<span class="verdict {color}">said</span>'
    assert "verdict" not in str(Scorecard(what="a", number="1").html())
