"""A Markdown report as pieces of text, each with its line and what it stands under."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from liftlab.summary.claims.text.normalize import normalize

MAX_CHARACTERS, MAX_LINES, MAX_COLUMNS, MAX_CELLS = 1_000_000, 20_000, 1_000, 20
_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_BOLD = re.compile(r"^\s{0,3}()\*\*([^*]{1,100})\*\*:?\s*$")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+•]|[0-9]{1,3}[.)])\s+(.*)$")
_QUOTE = re.compile(r"^\s{0,3}>\s?(.*)$")
_RULE = re.compile(r"^\s*(?:[-=*_]\s*){3,}$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-*:?\s*)*$")
_STARTS = re.compile(
    r"^\s*(?:\*\*|[\u2600-\u27bf\U0001f300-\U0001faff]|\[[ x]\]|\S[^:]{0,60}:\s{2,}\S)"
)
_GOES_ON = re.compile(
    r"\b(?:a|an|the|of|in|at|to|for|with|and|or|but|by|from|than|is|are|was|were|about|our)$"
)
_ROOM = 8  # columns: more than hyphenation explains
_UNIT = re.compile(r"(?:[(\[,/] ?|\bin )(s|secs?|seconds|ms|%|usd|\$|cents?)[)\]]?$")
_OF_CLASSES = re.compile(r"\b(?:class|failure|reason|error)")
_FIGURE = re.compile(r"^[~$]?[0-9][0-9.,]*(?: ?/ ?[0-9]+| ?(?:s|ms|%|usd))?$")
_ROWS = re.compile(r"(?:test|case|prompt|example|run|trial|request|repeat|day|week|seed|k|id|#)?")
_BARE = re.compile(r"^~?[0-9][0-9.,]{0,9}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A paragraph, an item, a heading, or a cell of a table."""

    text: str  # as patterns want it
    # where each of its lines begins in `text`, and the number of the line in the file
    lines: tuple[tuple[int, int], ...]
    said: dict[int, str] = field(default_factory=dict)  # its lines, for people, by their numbers
    # of a cell: the names of its row, its column and the first column, and its row's remarks
    names: tuple[str, ...] = ()
    around: tuple[str, ...] = ()  # the headings and the lead-in it is under, the nearest first
    quoted: bool = False  # whether it is a quotation

    def line(self, at: int) -> int:
        """Return the number of the line that a place of the text is in."""
        return max((n for start, n in self.lines if start <= at), default=self.lines[0][1])


def pieces(report: str) -> Iterator[Piece]:
    r"""Yield the text of a report, in order; code is none.

    Examples
    --------
    >>> [(p.text, p.line(0), p.around) for p in pieces("# Speed\n\n`E2E`: **14.9s**\n")]
    [('speed', 1, ()), ('e2e: 14.9s', 3, ('speed',))]
    """
    rows = report[:MAX_CHARACTERS].split("\n")[:MAX_LINES]
    return _Reader([row[:MAX_COLUMNS] for row in rows]).read()


class _Reader:
    def __init__(self, rows: Sequence[str]) -> None:
        self.rows = rows
        self.headings: list[tuple[int, str]] = []
        self.lead = ""  # the line that a list is under
        self.open: list[tuple[int, str]] = []  # lines of the block that is being read
        self.quoted = False

    def read(self) -> Iterator[Piece]:
        at = 0
        while at < len(self.rows):
            row = self.rows[at]
            if fence := _FENCE.match(row):
                yield from self._close()
                at = self._after(at, fence[1])
                continue
            if "|" in row and at + 1 < len(self.rows) and _DIVIDER.match(self.rows[at + 1]):
                yield from self._close()
                at = yield from self._table(at)
                continue
            yield from self._line(at, row)
            at += 1
        yield from self._close()

    def _line(self, at: int, row: str) -> Iterator[Piece]:
        quote = _QUOTE.match(row)
        if bool(quote) != self.quoted:
            yield from self._close()
            self.quoted = bool(quote)
        text = quote[1] if quote else row
        heading = _HEADING.match(text) or _BOLD.match(text)
        if heading:
            yield from self._close()
            yield self._piece([(at, heading[2])])
            level = len(heading[1] or "#######")  # a line in bold is below every heading
            self.headings = [h for h in self.headings if h[0] < level]
            self.headings.append((level, normalize(heading[2])))
            self.lead = ""
        elif (
            not text.strip()
            or _RULE.match(text)
            or text.startswith(("    ", "\t")) * (not self.open and not _ITEM.match(text))
        ):
            yield from self._close()
        elif item := _ITEM.match(text):
            yield from self._close(keep_lead=True)
            self.open.append((at, item[2]))
        else:
            self.open.append((at, text))

    def _close(self, *, keep_lead: bool = False) -> Iterator[Piece]:
        if not self.open:
            return
        piece = self._piece(self.open)
        yield piece
        if piece.text.endswith(":"):
            self.lead = piece.text
        elif not keep_lead:
            self.lead = ""
        self.open = []

    def _piece(self, rows: Sequence[tuple[int, str]]) -> Piece:
        parts: list[str] = []
        starts, said, length = [], {}, 0
        lined = _is_lined([row for _, row in rows])
        for at, row in rows:
            before = parts[-1] if parts else ""
            apart = _STARTS.match(row) or "|" in row or (lined and not _GOES_ON.search(before))
            if before and before[-1] not in ".!?:;," and apart:
                parts[-1] += "."  # a statement of its own
                length += 1
            starts.append((length, at + 1))
            said[at + 1] = shown(self.rows[at])
            parts.append(normalize(row))
            length += len(parts[-1]) + 1
        return Piece(
            text=" ".join(parts),
            lines=tuple(starts),
            said=said,
            around=self._around(),
            quoted=self.quoted,
        )

    def _around(self) -> tuple[str, ...]:
        names = [name for _, name in reversed(self.headings)]
        return tuple(name for name in (self.lead, *names) if name)

    def _after(self, at: int, fence: str) -> int:
        for place in range(at + 1, len(self.rows)):
            if self.rows[place].strip().startswith(fence):
                return place + 1
        return len(self.rows)

    def _table(self, at: int) -> Generator[Piece, None, int]:
        header = [normalize(cell) for cell in _cells(self.rows[at])]
        place = at + 2
        while place < len(self.rows) and "|" in self.rows[place]:
            cells = _cells(self.rows[place])
            name = normalize(cells[0]) if cells else ""
            if _OF_CLASSES.search(header[0]):  # where it is one class among others
                name = name.replace("wrong answer", "wrong value")
            first, above = 1, header[0]
            if _FIGURE.match(name) and not _ROWS.fullmatch(above):  # its first column names nothing
                first, name, above = 0, "", ""
            for column, cell in zip(header[first:], cells[first:], strict=False):
                text = normalize(cell)
                unit = _UNIT.search(column) or _UNIT.search(name)
                if unit and _BARE.match(text):
                    text = f"{text} {unit[1]}"
                others = [c for c in cells[1:] if c is not cell and not re.search("[0-9]", c)]
                yield Piece(
                    text=text,
                    lines=((0, place + 1),),
                    said={place + 1: shown(self.rows[place])},
                    names=(name, column, above, normalize(" | ".join(others))),
                    around=self._around(),
                    quoted=False,
                )
            place += 1
        return place


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))][:MAX_CELLS]


def _is_lined(rows: Sequence[str]) -> bool:
    """Whether each line says its own, as in a chat: wrapped ones have no room for the next word."""
    width = max(len(row.strip()) for row in rows)
    words = [(row.split(maxsplit=1) or [""])[0] for row in rows[1:]]
    room = [
        width - len(row.strip()) > len(word) + _ROOM for row, word in zip(rows, words, strict=False)
    ]
    return bool(room) and 2 * sum(room) >= len(room)


def shown(text: str, most: int = 160) -> str:
    """Return one printable line for people."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * most])
    line = " ".join(line.replace("*", "").split()).lstrip("#>- ")
    return line if len(line) <= most else f"{line[: most - 1]}…"
