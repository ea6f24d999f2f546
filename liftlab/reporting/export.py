"""An executed notebook as one HTML page that needs nothing else.

The page stands on nbconvert's `basic` template. Only what liftlab itself showed (`html.py`) is
HTML; everything else that a cell gave out, tracebacks and model output included, is text.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets.config import Config

import liftlab
from liftlab.reporting.html import (
    END_TYPE,
    FINDING_TYPE,
    MEDIA_TYPE,
    Html,
    bounded,
    escape,
    style,
    tag,
)
from liftlab.reporting.sections.base import Section

# Of 100 kB, as base64: in the page it would weigh a third more than in a file.
_LARGE_TABLE = re.compile(r'href="data:text/csv;base64,([^"]{133333,})" download="([^"]+)"')
MOST_CHARACTERS = 20_000  # of one output's text
_TEMPLATE = "liftlab"
_V4: Any = nbformat.v4  # nbformat is untyped
_NODE: Any = nbformat.NotebookNode
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_HIDDEN_CODE = frozenset({"remove-cell", "remove-input"})
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_CSS_WORD = re.compile(r"[^\w.:-]", re.ASCII)  # what could end a string of CSS
_TABLE = '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>'
_FEWEST_HEADINGS = 3  # for a table of contents


def export(
    notebook: nbformat.NotebookNode, *, fault: str = "", nav: str = "", with_code: bool = True
) -> tuple[str, str]:
    """Turn an executed notebook into a page: the whole file, and its title as HTML.

    `fault`: what went wrong, shown at the top. `nav`: links to the other pages, as HTML.
    `with_code`: whether the page ends with its code, folded.
    """
    cells = list(_shown_cells(notebook))
    first = next((data for _, data in found(notebook, FINDING_TYPE)), None)
    told, topic = first or {}, _topic(notebook)
    title = str(told.get("title") or topic or "liftlab")
    title_html = str(told.get("title_html") or escape(title))
    page = {  # what the template says around the cells; what ends in `_html` is ready to show
        "title": title,
        "title_html": title_html,
        "lead_html": str(told.get("lead_html", "")),
        "line_html": " · ".join(filter(None, ("liftlab", escape(topic), told.get("line_html")))),
        "warning": str(told.get("warning", "")),
        "fault": fault,
        "version": liftlab.__version__,
        "style": style(),
        "run_id": _CSS_WORD.sub("_", str(told.get("run_id", ""))),
        "nav_html": nav,
        "contents_html": str(_contents(cells)),
        "code": _code(notebook) if with_code else "",
    }
    body = _NODE({**notebook, "cells": cells})
    # HTMLExporter's own method parses the finished page with a second parser and writes it anew.
    html, _ = super(HTMLExporter, _exporter(page, first)).from_notebook_node(body)
    return html.lstrip(), title_html


def files_beside(html: str, page: Path) -> str:
    """Write tables over 100 kB of a page into files beside it; return the page, which links them.

    Pages with the same table share a file.
    """

    def moved(link: re.Match[str]) -> str:
        content, name = b64decode(link[1]), Path(link[2])
        name = Path(f"{name.stem}-{sha256(content).hexdigest()[:8]}{name.suffix}")
        page.with_name(name.name).write_bytes(content)
        return f'href="{name.name}" download="{link[2]}"'

    return _LARGE_TABLE.sub(moved, html)


def page_of_section(section: Section, nav: str = "") -> str:
    """Return a page that no notebook made, in the same template."""
    notebook = _V4.new_notebook()
    bundle = section._repr_mimebundle_()
    notebook.cells = [_V4.new_code_cell("", outputs=[_V4.new_output("display_data", bundle)])]
    return export(notebook, nav=nav)[0]


def page_of_markdown(source: str, nav: str = "") -> str:
    """Return a page of prose; its first line is its title."""
    title, _, rest = source.partition("\n")
    notebook = _V4.new_notebook()
    notebook.cells = [_V4.new_markdown_cell(part) for part in (title, rest)]
    return (
        export(notebook, nav=nav)[0]
        .replace("<table>", _TABLE)
        .replace("</table>", "</table></div>")
    )


def failure_page(name: str, fault: str, nav: str = "") -> str:
    """Return the page of a notebook that left nothing to show."""
    empty = _V4.new_notebook()
    empty.cells = [_V4.new_markdown_cell(f"# {name}")]
    return export(empty, fault=fault, nav=nav)[0]


def found(notebook: nbformat.NotebookNode, media_type: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each output of a media type with the index of its cell."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if media_type in output.get("data", {}):
                yield index, output["data"][media_type]


def plain(text: str) -> str:
    """Return console text as it would stand on the screen: no escapes, no overwritten lines."""
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _contents(cells: list[nbformat.NotebookNode]) -> Html:
    """Render the prose of cells, number its headings, and return links to them."""
    links: list[Html] = []

    def anchored(heading: re.Match[str]) -> str:
        links.append(tag("a", Html(_TAG.sub("", heading[1])), href=f"#s{len(links) + 1}"))
        return f'<h2 id="s{len(links)}">{heading[1]}</h2>'

    for cell in cells:
        if cell.cell_type == "markdown":
            cell.html = _HEADING.sub(anchored, prose(cell.source))
    if len(links) < _FEWEST_HEADINGS:
        return Html("")
    return tag("nav", *links, cls="contents", aria_label="Contents")


def _code(notebook: nbformat.NotebookNode) -> str:
    """Return the code that made a page, as a reader could run it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    tags = [set(cell.metadata.get("tags", ())) for cell in cells]
    hidden = {*_HIDDEN_CODE}
    if any("injected-parameters" in of for of in tags):
        hidden.add("parameters")  # what was given stands in place of what was written
    shown = (cell.source for cell, of in zip(cells, tags, strict=True) if not of & hidden)
    return "\n\n".join(map(str.strip, shown))


def _topic(notebook: nbformat.NotebookNode) -> str:
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("# "):
                return str(line[2:].strip())
    return ""


def _shown_cells(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """Leave out the topic, which stands in the head, cells tagged for it, and empty sections."""
    cells = [
        cell
        for cell in notebook.cells
        if not (cell.cell_type == "markdown" and cell.source.lstrip().startswith("# "))
        if "remove-cell" not in cell.metadata.get("tags", ())
    ]
    for number, cell in enumerate(cells, 1):
        if _has_content(cells[number:]) if _is_heading(cell) else not _is_empty(cell):
            yield cell


def _has_content(after: Sequence[nbformat.NotebookNode]) -> bool:
    """Say whether a section shows anything; the end of a page is part of no empty section."""
    section = [*takewhile(lambda cell: not _is_heading(cell), after)]
    filled = [cell for cell in section if not _is_empty(cell)]
    if len(filled) == len(section):
        return bool(filled)
    return not all(
        any(END_TYPE in output.get("data", {}) for output in cell.get("outputs", ()))
        for cell in filled
    )


def _is_empty(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell gave nothing but sections that have nothing to show."""
    findings = [output.get("data", {}).get(FINDING_TYPE) for output in cell.get("outputs", ())]
    return bool(findings) and all(bool(found and found.get("is_empty")) for found in findings)


def _is_heading(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.cell_type == "markdown" and cell.source.lstrip().startswith("#"))


def _exporter(page: Mapping[str, str], head: Mapping[str, Any] | None) -> Any:
    with resources.as_file(resources.files("liftlab.reporting").joinpath("template")) as base:
        exporter: Any = HTMLExporter(  # type: ignore[no-untyped-call]
            config=Config(),
            template_name=_TEMPLATE,
            extra_template_basedirs=[str(base)],
            filters={
                "shown": partial(_output, head=head),
                "highlight_code": escape,  # named in `basic`, in a block that ours replaces
            },
        )
        exporter.environment.globals["page"] = page
        # Compiled while the folder is there: it may be inside a zip file.
        exporter.template  # noqa: B018
    return exporter


def _output(output: nbformat.NotebookNode, head: Mapping[str, Any] | None) -> str:
    """Return one output as HTML; the only place where outputs become markup.

    What `head` says stands at the top of the page already.
    """
    if output.output_type == "stream":
        text = bounded(plain(output.text).strip(), MOST_CHARACTERS)
        parts = tag("summary", "console"), tag("pre", text)
        return str(tag("details", *parts, cls="code")) if text else ""
    if output.output_type == "error":
        traceback = plain("\n".join(output.traceback)) or f"{output.ename}: {output.evalue}"
        return str(tag("pre", bounded(traceback, MOST_CHARACTERS), cls="error"))
    data = output.get("data", {})
    finding = data.get(FINDING_TYPE)
    lead = "" if finding is None or finding == head else str(finding.get("within_html", ""))
    return lead + _display(data)


def _display(data: Mapping[str, Any]) -> str:
    if _WIDGET in data:  # it would need scripts; its text is a state long past
        return ""
    if MEDIA_TYPE in data:
        return str(data[MEDIA_TYPE])
    if FINDING_TYPE in data:  # it stands in the head
        return ""
    if "image/png" in data:
        source = f"data:image/png;base64,{''.join(data['image/png'].split())}"
        image = tag("img", src=source, alt=data.get("text/plain", ""))
        return str(tag("figure", image, cls="foreign"))
    text = plain(str(data.get("text/plain", ""))).strip()
    return str(tag("pre", bounded(text, MOST_CHARACTERS))) if text else ""


class _Renderer(IPythonRenderer):
    """Markdown without raw HTML and without anything that is loaded from elsewhere."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("data:image/"):
            return str(tag("img", src=url, alt=text))
        return f"{escape(text)} ({escape(url)})"


def prose(source: str) -> str:
    """Return Markdown as HTML; raw HTML in it is shown as text."""
    renderer = _Renderer(escape=True, exclude_anchor_links=True, allow_harmful_protocols=False)
    return str(MarkdownWithMath(renderer=renderer).render(source))
