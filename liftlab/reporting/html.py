"""A few lines to build HTML in which everything is escaped unless we wrote it.

What is shown in a notebook goes through `Html`. Its own media type is the only one that the
report takes as HTML; whatever else a cell gives out is shown as text. Text of models,
endpoints and files can therefore never become markup.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from liftlab.reporting.text.base import Text
from liftlab.words import seen

MEDIA_TYPE = "application/vnd.liftlab.html"
FINDING_TYPE = "application/vnd.liftlab.finding+json"
END_TYPE = "application/vnd.liftlab.end+json"

_VOID = frozenset({"br", "hr", "img", "meta"})


class Html:
    """A piece of HTML that liftlab wrote; the only thing that is not escaped."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<liftlab page part, {len(self.text):,} characters>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show in JupyterLab with its style, and in the report without: the page has it."""
        return {
            "text/html": f'<style>{style()}</style><div class="ll">{self.text}</div>',
            "text/plain": repr(self),
            MEDIA_TYPE: self.text,
        }


def escape(value: object) -> str:
    """Return text that is safe between tags and within quoted attributes."""
    return html.escape(seen(str(value)), quote=True)


def tag(name: str, *children: object, cls: str = "", **attributes: object) -> Html:
    """Return an element; children that are not `Html` are escaped, and so are attributes.

    Examples
    --------
    >>> str(tag("td", "a < b", cls="num", colspan=2))
    '<td class="num" colspan="2">a &lt; b</td>'
    """
    if cls:
        attributes = {"class": cls, **attributes}
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in _VOID else f"{join(children)}</{name}>"
    return Html(f"<{name}{told}>{end}")


def join(parts: Iterable[object], separator: str = "") -> Html:
    """Return parts one after the other; those that are not `Html` are escaped."""
    return Html(escape(separator).join(map(_shown, parts)))


def _shown(part: object) -> str:
    """Return a part escaped, each quantity that is marked in it in a span of its own."""
    if isinstance(part, Html):
        return part.text
    if not isinstance(part, Text) or not part.marks:
        return escape(part)
    pieces, done = [], 0
    for start, end, quantity, value in part.marks:
        pieces.append(escape(part[done:start]))
        shown = str(part[start:end])
        marked = tag("span", shown, data_q=quantity, data_v=value or None)
        pieces.append((marked if quantity else tag("code", shown)).text)
        done = end
    return "".join([*pieces, escape(part[done:])])


def bounded(text: str, most: int) -> str:
    """Return text of at most `most` characters, saying how many were left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} … {len(text) - most:,} more characters"


@cache
def style() -> str:
    """Return the one style sheet of pages and of parts shown in JupyterLab."""
    return resources.files("liftlab.reporting").joinpath("style.css").read_text("utf-8")
