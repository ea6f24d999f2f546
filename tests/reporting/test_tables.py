from __future__ import annotations

import base64
import io
import re

import pandas as pd
import pytest

from liftlab.reporting.html import Html
from liftlab.reporting.tables import Scorecard, download, facts_table, scorecards, table, verdict


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
