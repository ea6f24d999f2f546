"""A run's messages as a draft mail: text, HTML that mail clients keep, figures, the status page."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from liftlab.reporting import markdown
from liftlab.reporting.figures.base import label
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.sections import attach, section_of
from liftlab.reporting.text import findings, messages, provenance, targets
from liftlab.reporting.text.base import capitalised
from liftlab.summary.provenance import warning_of
from liftlab.summary.run import RunSummary
from liftlab.words import one_line, seen

_MOST_SUBJECT = 150
_MOST_LABEL = 30
_FIGURES = {"answers": "How often it is right", "latency": "How long it takes"}
# Mail clients drop style sheets: each element carries its own.
_BODY = "margin:0 auto;max-width:640px;font:15px/1.5 Arial,sans-serif;color:#1b2127"
_CELL = "padding:6px 12px 6px 0;border-bottom:1px solid #dfe3e8;text-align:left;font-size:14px"
_RED = "padding:8px 12px;background:#fde9e7;color:#b3261e"
_QUIET = "color:#5c6773;font-size:13px"

Part = tuple[str, str]  # a heading, and paragraphs in plain text


def draft(summary: RunSummary, audience: str | None, to: Sequence[Address], page: bytes) -> bytes:
    """Return a mail that is not sent yet, as a mail program opens it.

    `audience`: None: a message for each. `to`: none leaves that to the one who sends it. `page`:
    the status page, which is attached.
    """
    parts = [*_parts(summary, audience)]
    title, line = findings.title(summary), provenance.line(summary.run)
    warning = warning_of(summary.run)
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = one_line(title)[:_MOST_SUBJECT]
    if to:
        mail["To"] = to
    mail["X-Unsent"] = "1"  # opens as a draft
    told = [warning, *(text for part in parts for text in part), line, "Attached: status.html"]
    mail.set_content("\n\n".join(seen(text) for text in told if text))
    figures = [*_FIGURES] if summary.answers.answered else []
    mail.add_alternative(_html(summary, parts, figures).text, subtype="html")
    [_, shown] = mail.iter_parts()
    for name in figures:
        how: Any = {"cid": f"<{name}@liftlab>", "filename": f"{name}.png"}
        shown.add_related(_png(summary, name), "image", "png", disposition="inline", **how)
    mail.add_attachment(page, "text", "html", filename="status.html")
    return mail.as_bytes()


def _parts(summary: RunSummary, audience: str | None) -> Iterator[Part]:
    if audience == "daily":
        yield "", markdown.unescaped(markdown.daily(summary))
        return
    for name, (heading, _) in messages.AUDIENCES.items():
        if audience in (None, name):
            yield "" if audience else heading, markdown.message(summary, name)


def _html(summary: RunSummary, parts: Sequence[Part], figures: Sequence[str]) -> Html:
    """Return the mail as HTML: no style sheet, no layout but a table, nothing from elsewhere."""
    warning = warning_of(summary.run)
    body = [
        tag("h1", findings.title(summary), style="font-size:22px;line-height:1.3"),
        tag("p", warning, style=_RED) if warning else "",
        _numbers(summary),
    ]
    for heading, text in parts:
        body.append(tag("h2", heading, style="font-size:17px") if heading else "")
        paragraphs = text.split("\n\n")
        body += [tag("p", said, style="white-space:pre-line") for said in paragraphs]
    for name in figures:
        body += [tag("h2", _FIGURES[name], style="font-size:17px"), _image(summary, name)]
    body.append(tag("p", provenance.line(summary.run), " · attached: status.html", style=_QUIET))
    head = tag("head", tag("meta", charset="utf-8"), tag("title", findings.title(summary)))
    page = tag("html", head, tag("body", tag("div", *body, style=_BODY)), lang="en")
    return join([Html("<!doctype html>"), page])


def _numbers(summary: RunSummary) -> Html:
    """Return the targets with their verdicts, else the run's numbers."""
    judged = [
        (
            capitalised(row.result.name),
            targets.limit(row),
            row.result.estimate.point,
            targets.verdict(row),
        )
        for row in summary.targets.rows
        if row.required
    ]
    head = [tag("th", name, style=_CELL) for name in ("Target", "Limit", "Value", "Verdict")]
    rows = judged or findings.numbers(summary)
    cells = (tag("tr", *(tag("td", cell, style=_CELL) for cell in row)) for row in rows)
    named = tag("tr", *head) if judged else ""
    return tag("table", named, *cells, cellspacing=0, style="border-collapse:collapse")


def _image(summary: RunSummary, name: str) -> Html:
    said = section_of(getattr(summary, name)).text().split("\n")
    return tag("img", src=f"cid:{name}@liftlab", alt=" ".join(said[:2]), width=640)


def _png(summary: RunSummary, name: str) -> bytes:
    attach()
    result: Any = getattr(summary, name)
    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        drawing = Figure(layout="constrained")
        axes = result.plot(drawing.add_subplot())
        names = [label(tick.get_text(), _MOST_LABEL) for tick in axes.get_yticklabels()]
        axes.set_yticks(axes.get_yticks(), labels=names)
        drawing.set_size_inches(6.4, 1.0 + 0.33 * len(names))
        buffer = io.BytesIO()
        drawing.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()
