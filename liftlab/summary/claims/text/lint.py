"""Find the claims of a report, and rule each by a run's summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from liftlab.summary.claims.model import Ruling
from liftlab.summary.claims.ruling import rule
from liftlab.summary.claims.text.lexicon import Lexicon
from liftlab.summary.claims.text.markdown import pieces
from liftlab.summary.claims.text.match import read

if TYPE_CHECKING:
    from liftlab.summary.run import RunSummary

MAX_FOUND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A figure found in a report."""

    line: int  # where it stands, from 1
    said: str  # the line it stands in
    ruling: Ruling | None = None  # what the run says of it; None where it is not read
    why_not: str = ""  # why it is not read

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "line": self.line,
            "said": self.said,
            **({"ruling": None} if self.ruling is None else self.ruling.as_json()),
            "not_read": self.why_not or None,
        }


def lint(markdown: str, summary: RunSummary) -> list[Checked]:
    """Find the claims of a report and rule those whose words say which quantity they are about.

    `markdown`: the report; beyond 20,000 lines, 1,000 columns and 1,000 figures it is not read.
    `summary`: the run's. What is returned is in the order of the text.
    """
    lexicon = Lexicon(summary)
    checked: dict[Checked, None] = {}
    for piece in pieces(markdown):
        for found in read(piece, lexicon):
            if len(checked) == MAX_FOUND:
                return list(checked)
            line = piece.line(found.at)
            said = piece.said.get(line, "")
            if found.claim is None:
                checked[Checked(line=line, said=said, why_not=found.why_not)] = None
                continue
            ruling = rule(replace(found.claim, id=f"line {line}", statement=said), summary)
            if found.caveat:
                ruling = ruling.beside(found.caveat)
            checked[Checked(line=line, said=said, ruling=ruling)] = None
    return list(checked)
