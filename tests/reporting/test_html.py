from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from liftlab.reporting.html import END_TYPE, MEDIA_TYPE, Html, escape, join, tag
from liftlab.reporting.sections.base import Section


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def read(html: object) -> Reader:
    reader = Reader()
    reader.feed(str(html))
    reader.close()
    return reader


@given(st.text())
def test_text_never_becomes_markup(text: str) -> None:
    read_back = read(tag("p", text, title=text))
    assert [name for name, _ in read_back.tags] == ["p"]
    assert "<" not in escape(text)


def test_what_cannot_be_seen_is_shown() -> None:
    assert escape("a\x00b\u202ec") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_our_own_html_is_kept_and_foreign_text_beside_it_is_not() -> None:
    assert str(join([Html("<b>x</b>"), "<i>"])) == "<b>x</b>&lt;i&gt;"


def test_attributes_that_are_none_are_left_out() -> None:
    assert str(tag("td", 1, colspan=None, for_="x")) == '<td for="x">1</td>'


def test_a_notebook_gets_style_and_the_report_does_not() -> None:
    bundle = Html("<b>x</b>")._repr_mimebundle_(include=None, exclude=None)
    assert "<style>" in bundle["text/html"]
    assert bundle[MEDIA_TYPE] == "<b>x</b>"


def test_the_end_carries_its_run_and_its_part() -> None:
    end = Section(run_id="r1", parts=(tag("p", "x"),), is_end=True)
    bundle = end._repr_mimebundle_()
    assert bundle[END_TYPE] == {"run_id": "r1", "owes": False}
    assert bundle[MEDIA_TYPE] == "<p>x</p>"


def test_a_notebook_shows_nothing_of_an_empty_section() -> None:
    bundle = Section(title="Nothing was published", is_empty=True)._repr_mimebundle_()
    assert (bundle["text/html"], bundle["text/plain"]) == ("", "")


def test_a_finding_escapes_its_text_in_a_notebook() -> None:
    finding = Section(title="<script>", sentences=("<script>",))
    assert "<script" not in finding._repr_mimebundle_()["text/html"]
