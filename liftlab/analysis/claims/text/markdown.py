"""A Markdown report as plain pieces of text, each with the line it stands in and what it is under.

The blocks are mistune's: code, comments and links' targets are no text, a cell of a table has
its row's and its column's name, an item of a list has the line it is under.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mistune

from liftlab.analysis.claims.text.plain import plain

MAX_CHARACTERS, MAX_LINES, MAX_COLUMNS, MAX_CELLS = 1_000_000, 20_000, 1_000, 20
ROOM = 8  # columns: more than hyphenation, tabs or a wider script explain
_GOES_ON = re.compile(
    r"(?:\b(?:a|an|the|of|in|at|to|for|with|and|or|but|by|from|than|is|are|was|were|about|we|our|only"
    r"|median|mean|takes|took)|[-–—(&+/=<>])$",
    re.IGNORECASE,
)
_PLANS = re.compile(
    r"\b(?:next (?:steps?|up|sprint|week|runs?)|want(?:ed)? to|wish(?:es)?|vision|the ask"
    r"|tomorrow|roadmap|to-?do|plans?|planned|goals?|targets?|objectives?"
    r"|risks?|recommendations?|open questions|future|backlog|success criteria)\b"
)
_DONE = re.compile(
    r"\b(?:achieved|met|reached|done|results?|status|completed?|v(?:ersu)?s|against)\b"
)
_OPEN_BOX = re.compile(r"^\[ \]|^(?:⏳|🔜|todo\b)")
_OPENS = re.compile(r"^\s*(?:\*\*|[\u2600-\u27bf\U0001f300-\U0001faff])")
_PIPED = re.compile(r"^\s*\|.*\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A paragraph, an item, a heading, or a cell of a table with its row's and column's name.

    Parameters
    ----------
    text
        In lower case and without marks, for patterns.
    starts
        Where in `text` each of its lines begins.
    numbers
        The number of each of its lines in the file, from 1.
    said
        Each of its lines, for people.
    around
        Plain text of the headings and items it is under, the nearest last.
    planned
        Whether those, or an open box, say that it speaks of plans.
    undone
        Whether it has an open box itself.
    header
        Names of the columns, where it is a whole row of a table.
    raw
        Whether it is a cell of a row about a single case or run.
    """

    text: str
    starts: tuple[int, ...]
    numbers: tuple[int, ...]
    said: tuple[str, ...]
    around: tuple[str, ...] = ()
    planned: bool = False
    undone: bool = False
    header: tuple[str, ...] = ()
    raw: bool = False

    def line(self, at: int) -> int:
        """Return which of its lines a place of the text is in."""
        return max(0, bisect_right(self.starts, at) - 1)


def pieces(report: str, cases: Sequence[str] = ()) -> Iterator[Piece]:
    r"""Yield the text of a report, in order.

    Parameters
    ----------
    report
        Markdown; what is beyond a million characters, 20,000 lines or column 1,000 is not read.
    cases
        Names of single cases: a table's row that begins with one holds a single measurement.

    Examples
    --------
    >>> [(p.text, p.numbers) for p in pieces("# Speed\n\n`E2E`: **14.9s**\n")]
    [('speed', (1,)), ('e2e: 14.9s', (3,))]
    """
    lines = [line[:MAX_COLUMNS] for line in report[:MAX_CHARACTERS].split("\n")[:MAX_LINES]]
    parser = mistune.create_markdown(renderer=None, plugins=["table"]).block
    state = parser.state_cls()
    state.process("\n".join(lines))
    parser.parse(state)
    yield from _Reader(lines, {plain(case) for case in cases}).blocks(state.tokens, ())


class _Reader:
    """Walks over mistune's blocks, and finds the line of each again."""

    def __init__(self, lines: Sequence[str], cases: set[str]) -> None:
        self.lines, self.cases = lines, cases
        self.at = 0  # the line that comes next
        self.headings: list[tuple[int, str]] = []

    def blocks(self, tokens: Sequence[dict[str, Any]], under: tuple[str, ...]) -> Iterator[Piece]:
        for token in tokens:
            kind = token["type"]
            if kind == "heading":
                level = int(token["attrs"]["level"])
                self.headings = [each for each in self.headings if each[0] < level]
                yield self._text(token["text"], under)
                self.headings.append((level, plain(token["text"])))
                under = ()
            elif kind in ("paragraph", "block_text"):
                piece = self._text(token["text"], under)
                yield piece
                if piece.text.endswith(":"):
                    under = (*under, piece.text)
            elif kind in ("block_code", "block_html"):
                self._place(token["raw"])
            elif kind == "table":
                yield from self._table(token, under)
            elif kind == "list_item":
                yield from self._item(token["children"], under)
            elif "children" in token:
                yield from self.blocks(token["children"], under)

    def _item(self, tokens: Sequence[dict[str, Any]], under: tuple[str, ...]) -> Iterator[Piece]:
        """Yield an item and what is under it, which is about what the item says."""
        first = tokens[:1]
        if first and first[0]["type"] in ("paragraph", "block_text"):
            piece = self._text(first[0]["text"], under)
            yield piece
            yield from self.blocks(tokens[1:], (*under, piece.text))
        else:
            yield from self.blocks(tokens, under)

    def _text(self, raw: str, under: tuple[str, ...]) -> Piece:
        first, rows = self._place(raw), raw.rstrip("\n").split("\n")
        cells = [_cells(row) if _PIPED.match(row) else row for row in rows]
        return self._piece(cells, range(first, first + len(rows)), under)

    def _piece(
        self, rows: Sequence[str], numbers: Sequence[int], under: tuple[str, ...], **more: Any
    ) -> Piece:
        text, starts = "", []
        lined = _is_lined(rows)
        for row in rows:
            begins = _OPENS.match(row) or (lined and not _GOES_ON.search(text.rstrip()))
            if text.strip() and begins and text.rstrip()[-1] not in ".!?:;,":
                text = text.rstrip() + ". "  # "**Then**: ..." begins a statement of its own
            starts.append(len(text))
            text += plain(row) + " "
        around = (*(name for _, name in self.headings), *under)
        head = self.headings[-1][1] if self.headings else ""
        planned = bool(_PLANS.search(head) and not _DONE.search(head))
        planned |= any(_PLANS.match(each) and not _DONE.search(each) for each in under)
        planned |= bool(_OPEN_BOX.match(text) or any(_OPEN_BOX.match(each) for each in under))
        return Piece(
            text=text.strip(),
            starts=tuple(starts),
            numbers=tuple(number + 1 for number in numbers),
            said=tuple(shown(row) for row in rows),
            around=around,
            planned=planned,
            undone=text.startswith("[ ]"),
            **more,
        )

    def _table(self, token: dict[str, Any], under: tuple[str, ...]) -> Iterator[Piece]:
        head, *body = token["children"]
        header = [str(cell["text"]).strip() for cell in head["children"]][:MAX_CELLS]
        first = self._place(header[0] if any(header) else "", "|")
        rows = [row["children"] for part in body for row in part["children"]]
        self.at = first + 2 + len(rows)
        names = tuple(plain(name) for name in header)
        for number, row in enumerate(rows, first + 2):
            cells = [str(cell["text"]).strip() for cell in row][:MAX_CELLS]
            whole = " | ".join(cells)
            if compares(names, plain(whole)):
                yield self._piece([whole], [number], under, header=names)
                continue
            said = (shown(whole),)
            raw = plain(cells[0]) in self.cases or bool(_SINGLE.search(names[0] if names else ""))
            for name, cell in zip(names[1:], cells[1:], strict=False):
                unit = _UNIT.search(name) or _UNIT.search(plain(cells[0]))
                unit = unit or _UNIT_FIRST.match(plain(cells[0]))
                of = f" {unit[1]}" if unit and _BARE.match(cell) else ""
                text = f"{plain(cells[0])} {name}: {plain(cell)}{of}"
                yield Piece(
                    text=text,
                    starts=(0,),
                    numbers=(number + 1,),
                    said=said,
                    around=(*(each for _, each in self.headings), *under, " ".join(names)),
                    planned=bool(_PLANS.search(name) and not _DONE.search(name)),
                    raw=raw,
                )

    def _place(self, raw: str, mark: str = "") -> int:
        """Return the line in which a block begins, and go on behind it."""
        rows = raw.strip("\n").split("\n")
        wanted = rows[0].strip()
        for place in range(self.at, len(self.lines)):
            if wanted in self.lines[place] and mark in self.lines[place] and self.lines[place]:
                self.at = place + len(rows)
                return place
        return min(self.at, max(0, len(self.lines) - 1))


_SINGLE = re.compile(r"^(?:tests?|test case|cases?|prompts?|examples?|runs?|trials?|requests?|#)$")
_UNIT = re.compile(r"(?:[(\[/,] ?|\bin )(s|secs?|seconds|ms|%|usd|\$|cents?)[)\]]?$")
_UNIT_FIRST = re.compile(r"(usd|seconds) (?:per|an?|for|of)\b")
_BARE = re.compile(r"^[~≈*]{0,3}[0-9][0-9.,]{0,9}\*{0,2}$")
_VERSUS = re.compile(r"\b(?:change|delta|δ|diff(?:erence)?|improvement|speed-?up)\b")
_CHANGE = re.compile(
    r"\b(?:faster|slower|quicker|less|more)\b|(?<![0-9])[+-] ?[0-9.]{1,8} ?(?:%|pp\b)"
)


def compares(header: Sequence[str], row: str) -> bool:
    """Whether a row of a table sets two figures against each other: they belong together."""
    return bool(_CHANGE.search(row)) or any(_VERSUS.search(name) for name in header)


def _is_lined(rows: Sequence[str]) -> bool:
    """Whether each line says its own, as in a chat: wrapped ones have no room for the next word."""
    widths = [len(row.strip()) for row in rows]
    words = [(row.split(maxsplit=1) or [""])[0] for row in rows[1:]]
    ended = [
        max(widths) - width > len(word) + ROOM for width, word in zip(widths, words, strict=False)
    ]
    return len(rows) > 2 and 2 * sum(ended) > len(ended)


def shown(text: str, most: int = 160) -> str:
    """Return one printable line for people."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * most])
    line = " ".join(line.replace("*", "").split()).lstrip("#>- ")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _cells(row: str) -> str:
    return " | ".join(cell.strip() for cell in row.strip().strip("|").split("|")[:MAX_CELLS])
