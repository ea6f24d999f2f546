"""A report's first page, and links from quantities to the glossary, from cases to their trials.

Pages are linked once all are written, so that no link leads nowhere: one that travels alone has
none of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from urllib.parse import quote

from liftlab.errors import LiftlabError
from liftlab.jobs.layout import definitions
from liftlab.reporting.export import page_of_markdown, page_of_section
from liftlab.reporting.html import Html, tag
from liftlab.reporting.render import Rendered
from liftlab.reporting.sections import section_of
from liftlab.reporting.sections.base import Section
from liftlab.reporting.tables import trial_mark, verdict
from liftlab.reporting.text import answers, provenance
from liftlab.reporting.text.base import code, joined, write
from liftlab.store import RunData
from liftlab.summary.provenance import bottleneck, unproven
from liftlab.summary.result import Limits
from liftlab.summary.run import RunSummary
from liftlab.summary.trials import trial_of
from liftlab.words import counted

GLOSSARY, TRIALS, STATUS, ZIP = "definitions.html", "trials.html", "status.html", "report.zip"
MOST_TRIALS, MOST_CHARACTERS = 60, 500_000  # of the page of trials
_HOME = str(tag("p", tag("a", "All pages of this run", href="index.html"), cls="siblings"))
_QUANTITY = re.compile(r'<span data-q="([^"]*)"[^>]*>[^<]*</span>')
_TRIAL = re.compile(r'<code data-t="([0-9a-f]+-\d+)">[^<]*</code>')
_SUMMARY = re.compile(r"(<summary\b.*?</summary>)", re.DOTALL)  # a control already
_SAVED = re.compile(r'<a href="([^":]+)" download="[^"]*">([^<]*)</a>')
_SITE_LINK = re.compile(r"\[([^\]]+)\]\([\w-]+\.md[^)]*\)")
_FIRST_CELL = re.compile(r"(<tr>\s*<td[^>]*>)(.*?)(</td>)", re.DOTALL)
_CODE = re.compile(r"<code>(\w+)</code>")


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
    yield from filter(None, (provenance.SOURCES.get(row.provenance), unproven(summary.run)))
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
    yield _file(GLOSSARY, "what each number is, and how it is computed")
    if has_trials:
        yield _file(TRIALS, "the trials that the pages name: prompt, answer, checks")
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


def linked(html: str, quantities: Collection[str], trials: Collection[str]) -> str:
    """Return a page with links from quantities, and from cases to their trials."""

    def to_glossary(shown: re.Match[str]) -> str:
        names = [name for name in re.split("[:.]", shown[1]) if name in quantities]
        return _anchor(shown[0], f"{GLOSSARY}#q-{names[0]}") if names else shown[0]

    def to_trial(shown: re.Match[str]) -> str:
        return _anchor(shown[0], f"{TRIALS}#t-{shown[1]}") if shown[1] in trials else shown[0]

    pieces = _SUMMARY.split(html)
    pieces[::2] = [_TRIAL.sub(to_trial, _QUANTITY.sub(to_glossary, piece)) for piece in pieces[::2]]
    return "".join(pieces)


def _anchor(shown: str, href: str) -> str:
    return str(tag("a", Html(shown), href=href, cls="quiet"))


def saved_beside(html: str) -> set[str]:
    """Return the names of the files beside a page that hold its tables."""
    return {unescape(link[1]) for link in _SAVED.finditer(html)}


def alone(html: str) -> str:
    """Return a page without links to files beside it; it says where they are."""
    return _SAVED.sub(lambda link: f"{link[2]}: {link[1]}, beside the full report", html)


def glossary() -> tuple[str, set[str]]:
    """Return the page of definitions, and the names of the quantities that it defines."""
    names: set[str] = set()

    def named(shown: re.Match[str]) -> str:
        if shown[1] in names:
            return shown[0]
        names.add(shown[1])
        return str(tag("code", shown[1], id=f"q-{shown[1]}"))

    html = page_of_markdown(_SITE_LINK.sub(r"\1", definitions()), nav=_HOME)
    html = _FIRST_CELL.sub(lambda cell: cell[1] + _CODE.sub(named, cell[2]) + cell[3], html)
    return html, names


def trials_page(
    run: RunData, pages: Iterable[str], limits: Limits | None = None
) -> tuple[str, list[str]]:
    """Return a page of the trials that pages name, each in full, and their marks."""
    marks = dict.fromkeys(mark for html in pages for mark in _TRIAL.findall(html))
    cases = {
        trial_mark(case, ""): case for case in run.columns("trial", "case_id")["case_id"].unique()
    }
    parted = {mark: mark.split("-") for mark in marks if f"{mark.split('-')[0]}-" in cases}
    wanted = list(parted)[:MOST_TRIALS]  # a notebook of one's own may name those of another run
    keys = {mark: (cases[f"{parted[mark][0]}-"], int(parted[mark][1])) for mark in wanted}
    few = run.of(keys.values(), "trial", "stage", "attempt", "grade", "check")
    parts: list[Html] = []
    for mark, (case, repeat) in keys.items():
        if sum(len(part.text) for part in parts) > MOST_CHARACTERS:
            break
        try:
            section = section_of(trial_of(few, case, repeat, limits))
        except LiftlabError as error:  # of a damaged folder; the other pages stand
            section = Section(title=f"{case}, repeat {repeat}", warning=str(error))
        heading = tag("h2", section.title, id=f"t-{mark}")
        said = tag("p", joined(section.sentences) or section.warning)
        parts.append(tag("section", heading, said, *section.parts))
    shown = Section(
        title=f"{counted(len(parts), 'trial')} that the pages name",
        sentences=(write("Requests and replies in full: {}.", code("liftlab trial")),),
        parts=tuple(parts),
        line=provenance.line(run),
        run_id=run.run.run_id,
    )
    return page_of_section(shown, nav=_HOME), wanted[: len(parts)]
