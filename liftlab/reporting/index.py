"""The first page of a report: what the run comes to, which page says more, where its data lie."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from liftlab.reporting.export import page_of_section
from liftlab.reporting.html import Html, tag
from liftlab.reporting.render import Rendered
from liftlab.reporting.sections import section_of
from liftlab.reporting.tables import verdict
from liftlab.reporting.text import answers
from liftlab.reporting.text.provenance import SOURCES
from liftlab.summary.provenance import bottleneck, unproven
from liftlab.summary.run import RunSummary

ZIP = "report.zip"
STATUS = "status.html"


def index(
    summary: RunSummary,
    pages: Sequence[Rendered],
    topics: Mapping[str, str],
    *,
    has_trials: bool = False,
) -> str:
    """Return the page; `topics`: what each other page is about, by its name.

    `has_trials`: whether there is a page of trials in full.
    """
    status = section_of(summary)
    badges = [verdict("undecided", said) for said in _badges(summary)]
    head = [tag("p", *badges, cls="badges")] if badges else []
    if label := summary.run.folder.label():
        head.append(tag("p", f"“{label}”"))
    parts = (
        *head,
        *status.parts,
        tag("h2", "Pages"),
        tag("dl", *(_entry(page, topics.get(page.name, page.name)) for page in pages), cls="pages"),
        tag("h2", "To send, and to go on from"),
        tag("ul", *_files(summary, topics, has_trials)),
    )
    return page_of_section(replace(status, parts=parts))


def _badges(summary: RunSummary) -> Iterator[str]:
    """Yield what a reader must know before any number."""
    row = summary.run.run
    if summary.provenance.is_simulated:
        yield "simulated"
    yield from filter(None, (SOURCES.get(row.provenance), unproven(summary.run)))
    if row.status != "complete":
        yield f"not finished: {row.status}"
    if summary.answers.errors:
        yield answers.failed(summary.answers)
    if bottleneck(summary.run):
        yield "the client was the bottleneck"


def _entry(page: Rendered, topic: str) -> Html:
    said = tag("dd", page.fault, cls="fault") if page.fault else tag("dd", Html(page.title_html))
    return tag("div", tag("dt", tag("a", topic, href=f"{quote(page.name)}.html")), said)


def _files(summary: RunSummary, names: Collection[str], has_trials: bool) -> Iterator[Html]:
    """Yield a line for each file beside the pages, and for the run's own folder."""
    yield _file("definitions.html", "what each number is, and how it is computed")
    if has_trials:
        yield _file("trials.html", "the trials that the pages name: prompt, answer, checks")
    if "00_status" in names:
        yield _file(STATUS, "the status page alone, to attach")
    yield ZIP_LINE
    yield _file("status.md", "a message for each audience")
    yield _file("daily.md", "the day's summary, for you to complete")
    path, root = summary.run.folder.path, summary.project.root
    place = path.relative_to(root) if path.is_relative_to(root) else path.name
    yield tag("li", "Raw data: ", tag("code", str(place)))


def _file(name: str, what: str) -> Html:
    return tag("li", tag("a", name, href=name), f": {what}")


ZIP_LINE = _file(ZIP, "all pages, to attach")  # which the copy in it leaves out
