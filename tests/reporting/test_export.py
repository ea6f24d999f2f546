from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from nbformat import v4

from liftlab.reporting.export import (
    MOST_CHARACTERS,
    export,
    failure_page,
    files_beside,
    page_of_section,
    plain,
    prose,
)
from liftlab.reporting.html import FINDING_TYPE, MEDIA_TYPE, Html
from liftlab.reporting.sections.base import Section
from liftlab.reporting.tables import download

HOSTILE = "<script>alert(1)</script><img src=http://evil/x.png onerror=alert(1)>"


def shown(data: dict[str, Any]) -> Any:
    return v4.new_output("display_data", data)


def page(
    *outputs: Any, source: str = "page.tiles(facts)", tags: tuple[str, ...] = (), **how: Any
) -> str:
    notebook = v4.new_notebook()
    code = v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    notebook.cells = [v4.new_markdown_cell("# Topic\n\nQuestion"), code]
    return export(notebook, **how)[0]


class Dangers(HTMLParser):
    """Collects what could run code or load something from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form"):
            self.found.append(tag)
        for name, value in attrs:
            away = name in ("src", "href") and not re.match(r"data:|index\.html|#", value or "")
            if name.startswith("on") or away:
                self.found.append(f"{name}={value}")


def dangers(html: str) -> list[str]:
    return Dangers(html).found


@pytest.mark.parametrize(
    "output",
    [
        v4.new_output("stream", name="stdout", text=HOSTILE),
        v4.new_output("stream", name="stderr", text=HOSTILE),
        v4.new_output("error", ename=HOSTILE, evalue=HOSTILE, traceback=[HOSTILE]),
        v4.new_output("execute_result", {"text/plain": HOSTILE}),
        shown({"text/html": HOSTILE, "text/plain": HOSTILE}),
        shown({"image/svg+xml": HOSTILE, "text/plain": "figure"}),
        shown({"application/javascript": "alert(1)", "text/plain": HOSTILE}),
        shown({"text/markdown": HOSTILE, "text/latex": HOSTILE, "text/plain": HOSTILE}),
        shown({"image/png": '"><script>alert(1)</script>', "text/plain": HOSTILE}),
        shown({FINDING_TYPE: {"title": HOSTILE, "sentences": [HOSTILE], "line": HOSTILE}}),
    ],
)
def test_what_a_cell_gives_out_never_becomes_markup(output: Any) -> None:
    assert dangers(page(output)) == []


def test_markdown_and_code_are_escaped_too() -> None:
    notebook = v4.new_notebook()
    cells = [v4.new_markdown_cell(f"# {HOSTILE}"), v4.new_markdown_cell(HOSTILE)]
    cells += [v4.new_markdown_cell("![a](http://evil/x.png) [b](javascript:alert(1))")]
    notebook.cells = [*cells, v4.new_code_cell(HOSTILE)]
    html, _ = export(notebook, fault=HOSTILE)
    assert dangers(html) == []


def test_our_own_parts_are_html() -> None:
    assert "<b>ours</b>" in page(shown({MEDIA_TYPE: "<b>ours</b>", "text/plain": "x"}))


def test_the_finding_is_title_and_heading() -> None:
    told = Section(title="2 < 3", sentences=("One.", "Two."), line="run x")
    html = page(shown({FINDING_TYPE: told._repr_mimebundle_()[FINDING_TYPE]}))
    assert "<title>2 &lt; 3</title>" in html
    assert "<h1>2 &lt; 3</h1>" in html
    assert "One. Two." in html
    assert "liftlab · Topic · run x" in html
    assert html.count("2 &lt; 3") == 2


def test_a_warning_is_red_on_the_page_and_in_the_notebook() -> None:
    finding = Section(
        title="T", sentences=("One.",), line="run x", warning="The client was the < bottleneck."
    )
    bundle = finding._repr_mimebundle_()
    html = page(shown({FINDING_TYPE: bundle[FINDING_TYPE], "text/plain": "T"}))
    red = '<p class="fault" role="alert">The client was the &lt; bottleneck.</p>'
    assert red in html
    assert red in bundle["text/html"]
    assert 'class="fault"' not in page(
        shown({FINDING_TYPE: Section(title="T")._repr_mimebundle_()[FINDING_TYPE]})
    )


def test_the_page_stands_alone() -> None:
    html = page()
    assert html.startswith("<!doctype html>")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html.replace(
        "&#39;", "'"
    )
    assert not re.search(r"@import|url\(", html)
    assert len(html) < 16_000


def test_all_code_is_behind_one_control_at_the_end() -> None:
    notebook = v4.new_notebook()
    given, written = "run_id = 'r1'", "run_id = 'latest'"
    cells = [(written, "parameters"), (given, "injected-parameters"), ("import liftlab", "")]
    cells += [("aside()", "remove-cell"), ("summary.cost", "")]
    notebook.cells = [
        v4.new_code_cell(source, metadata={"tags": [name] if name else []})
        for source, name in cells
    ]
    html, _ = export(notebook)
    assert html.count("<details") == 1
    code = html[html.index("<details") :]
    assert "run_id = &#39;r1&#39;\n\nimport liftlab\n\nsummary.cost</code>" in code


def test_readers_outside_the_team_see_no_code() -> None:
    html = page(with_code=False)
    assert "page.tiles" not in html
    assert "<details" not in html


def test_headings_are_listed_and_can_be_gone_to() -> None:
    notebook = v4.new_notebook()
    for name in ("One", "Two *x*", "<b>"):
        notebook.cells.append(v4.new_markdown_cell(f"## {name}"))
        notebook.cells.append(v4.new_code_cell("1", outputs=[shown({"text/plain": "1"})]))
    html, _ = export(notebook)
    assert '<a href="#s2">Two x</a><a href="#s3">&lt;b&gt;</a></nav>' in html
    assert '<h2 id="s2">Two <em>x</em></h2>' in html


def test_a_section_without_content_is_left_out_at_the_end_too() -> None:
    def code(section: Section) -> Any:
        return v4.new_code_cell("1", outputs=[shown(section._repr_mimebundle_())])

    empty, end = code(Section(is_empty=True)), code(Section(title="End", is_end=True))
    notebook, head = v4.new_notebook(), v4.new_markdown_cell
    notebook.cells = [code(Section(title="T")), head("## Failed\n\nIntro"), empty, end]
    assert "Intro" not in export(notebook)[0]
    notebook.cells = [head("## Targets"), empty, code(Section(title="Met")), end]
    assert "Targets</h2>" in export(notebook)[0]
    notebook.cells = [head("## Sources"), end]
    assert "Sources</h2>" in export(notebook)[0]


def test_the_run_stands_in_the_margin_of_paper_and_ends_no_style() -> None:
    finding = Section(title="T", run_id='"}</style><script>')._repr_mimebundle_()
    html = page(shown({FINDING_TYPE: finding[FINDING_TYPE]}))
    assert 'content: "liftlab · run ____style__script_"' in html
    assert dangers(html) == []


def test_a_cell_can_be_left_out() -> None:
    assert "gone" not in page(v4.new_output("stream", text="gone"), tags=("remove-cell",))


def test_a_fault_stands_at_the_top() -> None:
    html = failure_page("00_status", "Code cell 2 (1/0) failed")
    assert 'role="alert"' in html
    assert "Code cell 2 (1/0) failed" in html


def test_long_output_is_cut() -> None:
    html = page(v4.new_output("stream", text="x" * (MOST_CHARACTERS + 5)))
    assert "… 5 more characters" in html


def test_console_text_is_as_on_the_screen() -> None:
    assert plain("\x1b[31mred\x1b[0m\r\nnext\x1b]0;title\x07") == "red\nnext"
    assert plain(" 10 %\r 20 %\r") == " 20 %"


def test_prose_keeps_markdown() -> None:
    assert "<h2" in prose("## Heading")
    assert "<table" in prose("|a|b|\n|-|-|\n|1|2|")


def test_a_page_without_a_notebook() -> None:
    html = page_of_section(Section(title="T", parts=(Html("<p>part</p>"),)))
    assert "<h1>T</h1>" in html
    assert "<p>part</p>" in html
    assert html.count("liftlab ·") == 0


def test_a_large_table_is_a_file_beside_its_page(tmp_path: Path) -> None:
    large = pd.DataFrame({"text": ["x" * 100] * 1_500})
    small = download(large.head(10), "small.csv")
    told = files_beside(f"{download(large, 'trials.csv')}{small}", tmp_path / "page.html")
    (file,) = tmp_path.iterdir()
    assert f'href="{file.name}" download="trials.csv"' in told
    assert pd.read_csv(file).equals(large)
    assert str(small) in told
