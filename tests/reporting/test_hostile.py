"""Forty hostile strings, through everything that goes out: nothing fires, nothing is lost."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from html import unescape

import pandas as pd
import pytest

from liftlab.cli import show
from liftlab.cli.main import say
from liftlab.cli.show import trial_lines
from liftlab.reporting import markdown
from liftlab.reporting.export import export
from liftlab.reporting.html import escape, tag
from liftlab.reporting.links import index
from liftlab.reporting.mail import draft
from liftlab.reporting.render import Rendered
from liftlab.reporting.sections import attach, section_of
from liftlab.reporting.tables import table
from liftlab.reporting.text import provenance
from liftlab.reporting.text.reasons import reason_lines
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import RunSummary, summarize
from liftlab.words import name, one_line, printable, seen
from tests.agreement.test_words import NOTEBOOKS, executed
from tests.hostile import STRINGS, kept_of, renamed
from tests.reporting.conftest import synthetic_run
from tests.reporting.test_export import dangers

UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
STACKS = re.compile("[\u0300-\u036f\u0483-\u0489\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]{5}")


def marks(text: str) -> set[str]:
    return set(re.findall(r"\bh[0-4]\d\b", text))


ALL = marks(" ".join(STRINGS))


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    attach()
    return summarize(renamed(synthetic_run(40, 1), STRINGS), load_project(environ={}))


@pytest.fixture(scope="module")
def pages(summary: RunSummary) -> dict[str, str]:
    shown = {path.stem: export(executed(path, summary))[0] for path in NOTEBOOKS[:3]}
    topics = {path.stem: STRINGS[place] for place, path in enumerate(NOTEBOOKS[:3])}
    listed = [Rendered(name=stem, html="", title_html=escape(STRINGS[1])) for stem in topics]
    return {**shown, "index": index(summary, listed, topics)}


def is_clean(text: str) -> None:
    assert not UNSEEN.search(text)
    assert not STACKS.search(text)
    text.encode()


def test_there_are_forty() -> None:
    assert len(STRINGS) == len(ALL) == 40


def test_no_page_holds_markup_of_theirs(pages: dict[str, str]) -> None:
    own = {f"href={stem}.html" for stem in pages} | {
        f"href={name}"
        for name in ("status.html", "definitions.html", "report.zip", "status.md", "daily.md")
    }
    for stem, html in pages.items():
        assert set(dangers(html)) <= own, stem
        is_clean(unescape(html))


def csvs(html: str) -> Iterator[pd.DataFrame]:
    for encoded in re.findall(r"data:text/csv;base64,([^\"]+)", html):
        yield pd.read_csv(io.StringIO(base64.b64decode(encoded).decode()), dtype=str)


def test_every_string_is_in_the_table_of_trials_and_none_is_a_formula(
    pages: dict[str, str],
) -> None:
    frames = [frame for html in pages.values() for frame in csvs(html)]
    cells = [str(cell) for frame in frames for cell in frame.to_numpy().ravel()]
    assert marks(" ".join(cells)) == ALL
    assert not [cell for cell in cells if cell[:1] in "=+@\t\r" or re.match(r"-\D", cell)]


@pytest.mark.parametrize("written", [markdown.status, markdown.daily, markdown.performance])
def test_markdown_shows_them_as_text(written: object, summary: RunSummary) -> None:
    text = written(summary)  # type: ignore[operator]
    is_clean(text)
    assert not re.search(r"(?<!\\)<(?!!-- /?liftlab)|(?<!\\)\]\((?!#)", text)


def test_a_mail_has_no_header_and_no_markup_of_theirs(summary: RunSummary) -> None:
    mail = message_from_bytes(draft(summary, None, [], b"page"), policy=policy.default)
    assert mail["bcc"] is None
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))  # type: ignore[attr-defined]
        is_clean(unescape(part.get_content()))
    assert not [found for found in dangers(part.get_content()) if not found.startswith("src=cid:")]


@pytest.mark.parametrize("text", STRINGS)
def test_each_is_shown_wherever_a_name_can_stand(text: str, week2: RunData) -> None:
    run = renamed(week2, [text])
    line = provenance.line(run)
    cell = unescape(re.sub("<[^>]+>", " ", str(table(pd.DataFrame({"x": [text]})))))
    for shown in (seen(text), printable(text), one_line(text), name(text), line, cell):
        assert marks(shown) == marks(text)
    for shown in (seen(text), printable(text), escape(text), str(tag("p", line)), cell):
        is_clean(shown)


@pytest.mark.parametrize("text", STRINGS)
def test_what_was_kept_of_a_trial_is_shown_as_text(text: str, week2: RunData) -> None:
    trial = kept_of(week2, text)
    html = str(section_of(trial).html())
    assert dangers(html) == []
    is_clean(unescape(html))
    assert html.count(min(marks(text))) >= 8
    lines = "\n".join(trial_lines(trial))
    is_clean(lines)
    assert lines.count(min(marks(text))) >= 5


def test_a_terminal_obeys_nothing_of_a_run(summary: RunSummary) -> None:
    lines = [show.heading(summary.run), *show.sentences(summary), *reason_lines(summary.run)]
    text = printable("\n".join(lines)) + show.trial_table(summary).to_string()
    is_clean(text)
    assert marks(text) == ALL


@pytest.mark.parametrize("text", STRINGS)
def test_a_line_for_the_terminal_may_name_any_file(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(f"wrote {text}.html")
    shown = capsys.readouterr().err
    is_clean(shown)
    assert marks(shown) == marks(text)


def test_a_cut_is_seen() -> None:
    assert name("x" * 41) == f"{'x' * 40}…"
    assert len(name("<" * 1000)) == 43


def test_half_a_character_can_be_written() -> None:
    assert seen("\ud800x\udfff") == "\N{REPLACEMENT CHARACTER}x\N{REPLACEMENT CHARACTER}"
