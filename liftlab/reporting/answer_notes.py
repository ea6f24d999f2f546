"""What a reader of a run's verdicts has to know of its answers, a line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from liftlab.analysis.columns import rows
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


Told = tuple[str, str, dict[str, Any], int]  # case, outcome, facets, and how many are alike


def answer_notes(grades: pd.DataFrame) -> list[str]:
    """Return how many answers had to be unwrapped, and which are right but for a name.

    `grades`: a run's table `grade`; with a column `rows`, each row stands for so many answers.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"case_id": "add", "outcome": "pass", "facets": '{"removed": ["fence"]}'}
    >>> answer_notes(pd.DataFrame([row]))
    ['1 answer was unwrapped before grading (Markdown 1): 1 is right.']
    """
    told = grades.dropna(subset="facets")
    columns = (told["case_id"], told["outcome"], map(json.loads, told["facets"]))
    found = [*zip(*columns, map(int, rows(told)), strict=True)]
    type_only = sum(count for *_, facets, count in found if facets.get("type_only") is True)
    lacks = lacking((facets, count) for *_, facets, count in found)
    notes = (_unwrapped(found), _misnamed(found), type_only_note(type_only), *lacks)
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


def lacking(facets: Iterable[tuple[Mapping[str, Any], int]]) -> list[str]:
    """Return how many answers wanted which package, and how many a newer Python.

    `facets`: of verdicts, each with how many answers have it.

    Examples
    --------
    >>> [note] = lacking([({"not_installed": "numpy"}, 1)])
    >>> note.partition(". ")[0]
    '1 answer imports a package that the sandbox lacks: numpy (1)'
    """
    wanted: Counter[str] = Counter()
    newer: Counter[str] = Counter()
    for found, alike in facets:
        if "not_installed" in found:
            wanted[str(found["not_installed"])] += alike
        if "needs_python" in found:
            newer[f"Python {found['needs_python']}"] += alike
    notes = []
    if count := wanted.total():
        verb = "imports a package" if count == 1 else "import packages"
        notes.append(
            f"{counted(count, 'answer')} {verb} that the sandbox lacks: {_counts(wanted)}. "
            "Allow them with packages under [grading]."
        )
    if count := newer.total():
        verb = "needs a newer Python and was" if count == 1 else "need a newer Python and were"
        notes.append(
            f"{counted(count, 'answer')} {verb} not graded: {_counts(newer)}. "
            "Name an interpreter with python under [grading]."
        )
    return notes


def _counts(names: Counter[str]) -> str:
    named = names.most_common()
    more = len(named) - _MOST_NAMED
    parts = [f"{name} ({count:,})" for name, count in named[:_MOST_NAMED]]
    return ", ".join([*parts, *([f"{more:,} more"] if more > 0 else [])])


def _unwrapped(told: list[Told]) -> str:
    found = [row for row in told if "removed" in row[2]]
    if not found:
        return ""
    kinds: Counter[str] = Counter()
    for *_, facets, alike in found:
        for kind in facets["removed"]:
            kinds[_REMOVED.get(kind, str(kind))] += alike
    parts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    count = sum(alike for *_, alike in found)
    right = sum(alike for _, outcome, _, alike in found if outcome == "pass")
    return (
        f"{counted(count, 'answer')} {'was' if count == 1 else 'were'} unwrapped before "
        f"grading ({parts}): {right:,} {'is' if right == 1 else 'are'} right."
    )


def _misnamed(told: list[Told]) -> str:
    found = [row for row in told if row[2].get("right_but_for_name")]
    if not found:
        return ""
    count = sum(alike for *_, alike in found)
    names = [f"{case} (named {facets.get('function')})" for case, _, facets, _ in found]
    each = [
        name
        for name, row in zip(names, found, strict=True)
        for _ in range(min(row[3], _MOST_NAMED))
    ]
    more = f" and {count - _MOST_NAMED:,} more" if count > _MOST_NAMED else ""
    return (
        f"{counted(count, 'answer')} {'is' if count == 1 else 'are'} right but for the "
        f"function's name: {', '.join(each[:_MOST_NAMED])}{more}."
    )
