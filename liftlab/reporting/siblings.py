"""The pages of a report beside each other: what each is about, and links between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from liftlab.reporting.html import Html, tag


def topic(notebook: Path) -> str:
    """Return what a notebook's page is about; its name where it does not say, or is none."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError):
        sources = []  # executing it says what is wrong
    lines = (line for source in sources for line in source.splitlines())
    return next((line[2:].strip() for line in lines if line.startswith("# ")), "") or notebook.stem


def siblings(pages: Mapping[str, str], here: str) -> str:
    """Return links from a page to the index, and to the pages before and after it.

    Examples
    --------
    >>> siblings({"00_status": "Status", "40_cost": "Cost"}, "40_cost").count("<a ")
    2
    """
    names = list(pages)
    place = names.index(here)
    links = [tag("a", "All pages of this run", href="index.html")]
    if place:
        links.append(_sibling(f"← {pages[names[place - 1]]}", names[place - 1], "prev"))
    if place + 1 < len(names):
        links.append(_sibling(f"{pages[names[place + 1]]} →", names[place + 1], "next"))
    return str(tag("p", *links, cls="siblings"))


def _sibling(words: str, name: str, rel: str) -> Html:
    return tag("a", words, href=f"{quote(name)}.html", rel=rel)
