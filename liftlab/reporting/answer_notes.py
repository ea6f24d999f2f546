"""What a reader of a run's verdicts has to know of its answers, a line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from liftlab.words import counted

if TYPE_CHECKING:
    import pandas as pd

_MOST_NAMED = 10
_REMOVED = {
    "fence": "Markdown",
    "reasoning": "reasoning",
    "prose": "prose around the code",
    "tokens": "end-of-text tokens",
    "marks": "[PYTHON] marks",
}


def answer_notes(grades: pd.DataFrame) -> list[str]:
    """Return how many answers had to be unwrapped, and which are right but for a name.

    `grades`: a run's table `grade`.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"case_id": "add", "outcome": "pass", "facets": '{"removed": ["fence"]}'}
    >>> answer_notes(pd.DataFrame([row]))
    ['1 answer was unwrapped before grading (Markdown 1): 1 is right.']
    """
    told = grades[["case_id", "outcome", "facets"]].dropna(subset="facets")
    rows = [(case, outcome, json.loads(facets)) for case, outcome, facets in told.to_numpy()]
    type_only = sum(facets.get("type_only") is True for _, _, facets in rows)
    lacks = lacking(facets for _, _, facets in rows)
    notes = (_unwrapped(rows), _misnamed(rows), type_only_note(type_only), *lacks)
    return [note for note in notes if note]


def type_only_note(count: int) -> str:
    """Say how many answers gave values that only Python's `==` takes for the expected ones.

    Examples
    --------
    >>> type_only_note(1)
    '1 answer fails by type only: == would pass it, as 1.0 for 1.'
    """
    if not count:
        return ""
    verb, them = ("fails", "it") if count == 1 else ("fail", "them")
    return f"{counted(count, 'answer')} {verb} by type only: == would pass {them}, as 1.0 for 1."


def lacking(facets: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return how many answers wanted which package, and how many a newer Python.

    `facets`: of the verdict on each answer.

    Examples
    --------
    >>> [note] = lacking([{"not_installed": "numpy"}])
    >>> note.partition(". ")[0]
    '1 answer imports a package that the sandbox lacks: numpy (1)'
    """
    rows = list(facets)
    wanted = [row["not_installed"] for row in rows if "not_installed" in row]
    newer = [f"Python {row['needs_python']}" for row in rows if "needs_python" in row]
    notes = []
    if wanted:
        verb = "imports a package" if len(wanted) == 1 else "import packages"
        notes.append(
            f"{counted(len(wanted), 'answer')} {verb} that the sandbox lacks: {_counts(wanted)}. "
            "Allow them with packages under [grading]."
        )
    if newer:
        verb = "needs a newer Python and was" if len(newer) == 1 else "need a newer Python and were"
        notes.append(
            f"{counted(len(newer), 'answer')} {verb} not graded: {_counts(newer)}. "
            "Name an interpreter with python under [grading]."
        )
    return notes


def _counts(names: list[str]) -> str:
    named = Counter(names).most_common()
    more = len(named) - _MOST_NAMED
    parts = [f"{name} ({count:,})" for name, count in named[:_MOST_NAMED]]
    return ", ".join([*parts, *([f"{more:,} more"] if more > 0 else [])])


def _unwrapped(rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    found = [(outcome, facets["removed"]) for _, outcome, facets in rows if "removed" in facets]
    if not found:
        return ""
    kinds = Counter(_REMOVED.get(kind, str(kind)) for _, removed in found for kind in removed)
    parts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    right = sum(outcome == "pass" for outcome, _ in found)
    return (
        f"{counted(len(found), 'answer')} {'was' if len(found) == 1 else 'were'} unwrapped before "
        f"grading ({parts}): {right:,} {'is' if right == 1 else 'are'} right."
    )


def _misnamed(rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    found = [
        f"{case} (named {facets.get('function')})"
        for case, _, facets in rows
        if facets.get("right_but_for_name")
    ]
    if not found:
        return ""
    more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
    return (
        f"{counted(len(found), 'answer')} {'is' if len(found) == 1 else 'are'} right but for the "
        f"function's name: {', '.join(found[:_MOST_NAMED])}{more}."
    )
