"""`Section`: a result as a notebook cell shows it, and what sections are made with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.html import END_TYPE, FINDING_TYPE, MEDIA_TYPE, Html, join, style, tag
from liftlab.reporting.text import provenance
from liftlab.reporting.text.base import interval, joined, marked, value
from liftlab.summary.provenance import warning_of
from liftlab.summary.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Section:
    """What a result says, how it looks, and its numbers."""

    # the finding in one line, without a full stop. The first section of a page gives the page its
    # title; within a page the title begins the section's sentences.
    title: str = ""
    sentences: tuple[str, ...] = ()  # what else there is to say, in plain words, a `Text` each
    # scorecards, figures and tables, in the order in which they are shown
    parts: tuple[Html, ...] = ()
    notes: tuple[str, ...] = ()  # how to read them; small print
    # for the team, one click away: a name, and what is behind it
    details: tuple[tuple[str, Html], ...] = ()
    line: str = ""  # which run it is of, in one quiet line
    warning: str = ""  # why its numbers are not to be trusted; empty if they are
    run_id: str = ""  # the run, so that a report can tell whether its pages are all of one
    # whether there is nothing to show: a page leaves the section out, and its heading; a notebook
    # shows nothing
    is_empty: bool = False
    # whether it is the last part of a page, and the mark that its notebook ran to the end
    is_end: bool = False
    # at the end: whether the page owes the figures and tables that its notebook declares
    owes: bool = False

    def body(self) -> Html:
        """Return what stands under the sentences."""
        notes = [tag("p", note, cls="note") for note in self.notes if note]
        folded = [tag("details", tag("summary", name), part) for name, part in self.details]
        return join([*self.parts, *notes, *folded])

    def lead(self) -> Html:
        """Return title and sentences as one paragraph, for a section within a page."""
        title = joined([self.title, "."], "") if self.title else ""
        said = joined([title, *self.sentences])
        return tag("p", said) if said else Html("")

    def html(self) -> Html:
        """Return the whole section."""
        red = tag("p", self.warning, cls="fault", role="alert") if self.warning else Html("")
        return join([red, self.lead(), self.body()])

    def text(self) -> str:
        """Return what the section says as plain text, a sentence a line."""
        return "\n".join(filter(None, (self.title, *self.sentences)))

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = f'<style>{style()}</style><div class="ll">{self.html()}</div>'
        bundle = {
            "text/html": "" if self.is_empty else shown,
            "text/plain": "" if self.is_empty else self.text(),
            FINDING_TYPE: {
                "title": str(self.title),
                "warning": self.warning,
                "run_id": self.run_id,
                "title_html": join([self.title]).text,
                "line_html": join([self.line]).text,
                "lead_html": join([joined(self.sentences)]).text,
                "within_html": self.lead().text,
                "is_empty": self.is_empty,
            },
            MEDIA_TYPE: self.body().text,
        }
        mark = {"run_id": self.run_id, "owes": self.owes}
        return {**bundle, END_TYPE: mark} if self.is_end else bundle


@singledispatch
def shown(result: object) -> Section:
    """Return a result as it is shown; each module here registers those that it shows."""
    raise TypeError(f"no section shows a {type(result).__name__}")


def of_run(result: Result, **parts: Any) -> Section:
    """Return a section that says which run it is of."""
    return Section(
        line=provenance.line(result.run),
        warning=warning_of(result.run),
        run_id=result.run.run.run_id,
        **parts,
    )


def cell(estimate: Estimate) -> Html:
    """Return an estimate's value for a table, marked as what it is."""
    return join([value(estimate)])


def seconds_cell(estimate: Estimate) -> Html:
    """Return a time for a column of seconds."""
    shown = replace(estimate, unit="").point
    return join([marked(shown, estimate.quantity, estimate.point)])


def interval_cell(estimate: Estimate) -> str:
    """Return an estimate's interval for a table, or why it has none."""
    return interval(estimate).removeprefix("95 % interval ").removeprefix("95 % ")
