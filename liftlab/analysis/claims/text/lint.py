"""Find the claims of a report, and rule each that can be tied to a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from liftlab.analysis.claims.model import Claim, Evidence, Ruling, Verdict
from liftlab.analysis.claims.rule import rule_all
from liftlab.analysis.claims.text import wordings
from liftlab.analysis.claims.text.found import Found
from liftlab.analysis.claims.text.markdown import pieces
from liftlab.analysis.claims.text.names import Names
from liftlab.analysis.columns import floats, labels
from liftlab.analysis.cost import cost_per_trial
from liftlab.analysis.latency import judge

MAX_FOUND = 1_000
_CORRECTED = re.compile(r"\b(?:holm|bonferroni|corrected for)\b", re.IGNORECASE)
_VERDICTS: dict[str, Verdict] = {"met": "supported", "not met": "contradicted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A claim found in a report.

    Parameters
    ----------
    line
        Where it stands, from 1.
    said
        The line it stands in.
    kind
        What kind of claim it is, in a word or two.
    rulings
        What the rows say of it, a ruling for each measure; empty where it is not tied to the run.
    note
        Why it is not tied.
    """

    line: int
    said: str
    kind: str
    rulings: tuple[Ruling, ...] = ()
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "line": self.line,
            "said": self.said,
            "kind": self.kind,
            "rulings": [ruling.as_json() for ruling in self.rulings],
            "not_tied": self.note or None,
        }


def lint(markdown: str, evidence: Evidence) -> list[Checked]:
    """Find the claims of a report and rule those that can be tied to a run.

    Parameters
    ----------
    markdown
        The report; beyond 20,000 lines, 1,000 columns and 1,000 claims it is not read.
    evidence
        The run's tables.

    Returns
    -------
    list of Checked
        In the order of the text.
    """
    names = Names.of(evidence)
    checked: list[Checked] = []
    ruled: dict[Claim, tuple[Ruling, ...]] = {}
    for piece in pieces(markdown, names.cases):
        for place, found in wordings.find(piece, names):
            if len(checked) == MAX_FOUND:
                return checked
            line = _Line(piece.numbers[place], piece.said[place])
            checked.append(_check(line, found, evidence, ruled))
    return checked if _CORRECTED.search(markdown) else [*_uncorrected(checked)]


def _uncorrected(checked: Sequence[Checked]) -> Iterator[Checked]:
    """Mark changes of several stages, or of one stage more than once, as not corrected for that."""
    several = sum(bool(each.rulings) for each in checked if each.kind == "change") > 1
    for each in checked:
        if several and each.kind == "change":
            marked = (replace(r, faults=(*r.faults, "uncorrected")) for r in each.rulings)
            yield replace(each, rulings=tuple(marked))
        else:
            yield each


class _Line(NamedTuple):
    number: int
    said: str


def _check(
    line: _Line, found: Found, evidence: Evidence, ruled: dict[Claim, tuple[Ruling, ...]]
) -> Checked:
    rulings: tuple[Ruling, ...] = ()
    name = f"line {line.number}"
    if found.ruling is not None:
        claim = replace(found.ruling.claim, id=name, statement=line.said)
        rulings = (replace(found.ruling, claim=claim),)
    elif found.claim is not None:
        claim = replace(found.claim, id="", statement="")  # the same words twice are ruled once
        if claim not in ruled:
            ruled[claim] = (
                (_bounded_cost(claim, evidence),)
                if found.kind == "cost target"
                else tuple(rule_all([claim], evidence))
            )
        named = replace(claim, id=name, statement=line.said)
        rulings = tuple(replace(each, claim=named) for each in ruled[claim])
    return Checked(
        line=line.number, said=line.said, kind=found.kind, rulings=rulings, note=found.note
    )


def _bounded_cost(claim: Claim, evidence: Evidence) -> Ruling:
    """Rule "under x USD a request": only the whole interval of the mean decides."""
    trials = evidence.trials
    cases = labels(trials, "case_id").astype(str)
    found = cost_per_trial(floats(trials, "cost_usd"), cases)
    judged = judge(found, claim.figure, "mean USD a request")
    if judged.verdict == "not measurable":
        ruling: Verdict = "not measurable"
    else:
        ruling = _VERDICTS.get(judged.verdict, "not supported")
    return Ruling(
        claim=claim,
        ruling=ruling,
        why=judged.sentence(),
        may_say=f"A request costs {found} while it works, idle time not counted.",
        faults=("partial_cost",),
    )
