"""Failed answers, each with its IR and a right answer to a like case beside it; all escaped."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

from liftlab import jobs
from liftlab.reporting import messages
from liftlab.reporting.facts import Facts
from liftlab.reporting.html import Html, bounded, join, tag
from liftlab.reporting.pages.parts import json_words
from liftlab.reporting.tables import MOST_CELL, table

MOST_ANSWERS = 8  # failed answers shown in full
OPEN = 2  # of them without a click
MOST_CODE = 4_000  # characters of one answer
_BESIDE = (
    "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(16rem,100%),1fr));gap:.8rem"
)
_LINES = re.compile("\r\n|\r|\n")


def answers(facts: Facts) -> Html:
    """Return failed answers of each class in turn, with what they were made from and a right one.

    The right one answers the same case if one did, else a case of the same category.
    """
    trials = facts.data.trials
    failed = trials[trials["outcome"] == "fail"]
    if len(failed) == 0:
        said = "No answer failed its checks." if facts.passed.trials else "Nothing was judged."
        return tag("p", said)
    order = failed.groupby("failure_class", dropna=False).cumcount().sort_values(kind="stable")
    chosen = failed.loc[order.index[:MOST_ANSWERS]].to_dict("records")
    shown = [_answer(facts, row, number < OPEN) for number, row in enumerate(chosen)]
    more = len(failed) - len(shown)
    if more:
        said = f"and {more:,} more; of each class in turn, the first were taken"
        shown.append(tag("p", said, cls="more"))
    return join(shown)


def marked(code: str, line: int | None) -> Html:
    """Return code with one line marked, in colour and in words.

    Examples
    --------
    >>> str(marked("if a < b:", 1))
    '<pre><span class="bad">if a &lt; b:</span>  ← line 1</pre>'
    """
    lines: list[object] = list(_LINES.split(bounded(code, MOST_CODE)))
    if line is not None and 1 <= line <= len(lines):
        lines[line - 1] = join([tag("span", lines[line - 1], cls="bad"), f"  ← line {line}"])
    return tag("pre", join(lines, "\n"))


def ir_of(facts: Facts, case: str, repeat: int) -> str | None:
    """Return the IR that an answer was made from; None where none was kept."""
    stages = _of(facts.data.stages, case, repeat).sort_values("position")
    digests = stages["value_sha256"].iloc[:-1].dropna()  # the last stage's value is the answer
    if len(digests) == 0:
        return None
    text = facts.data.folder.artifacts.get_text(digests.iloc[-1])
    try:
        value = json.loads(text)
        inner = value.get("value", value) if isinstance(value, dict) else value
        return json.dumps(inner, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text  # what a model wrote need not be JSON


def _answer(facts: Facts, trial: dict[Any, Any], is_open: bool) -> Html:
    case, repeat = str(trial["case_id"]), int(trial["repeat"])
    kind = trial["failure_class"]
    name = "not classed" if pd.isna(kind) else str(kind).replace("_", " ")
    said = "" if pd.isna(kind) else f"Such answers {messages.failure_words(str(kind))}."
    facets = _facets(facts, case, repeat)
    told = bounded(json_words(facets), MOST_CELL) if facets else ""
    parts = [
        tag("summary", f"{case}, repeat {repeat}: {name}"),
        tag("p", said),
        tag("p", told, cls="note") if told else "",
        tag("div", *_columns(facts, trial, _line(facets)), style=_BESIDE),
        _missed(facts, case, repeat),
    ]
    return tag("details", *parts, open="" if is_open else None)


def _columns(facts: Facts, trial: dict[Any, Any], line: int | None) -> list[Html]:
    case, repeat = str(trial["case_id"]), int(trial["repeat"])
    code, ir = jobs.code_of(facts.data, case, repeat), ir_of(facts, case, repeat)
    columns = [
        _column("Failed", marked(code, line) if code else _absent("The answer holds no code.")),
        _column("The model's IR", marked(ir, None) if ir else _absent("No IR was kept.")),
    ]
    like = _like(facts.data.trials, trial)
    if like is None:
        none = _absent(f"None of this case or of its category, {_category(trial)}.")
        return [*columns, _column("A right answer", none)]
    other, number = like
    what = "same case" if other == case else f"same category, {_category(trial)}"
    right = jobs.code_of(facts.data, other, number)
    shown = marked(right, None) if right else _absent("Its code was not kept.")
    return [*columns, _column(f"Right: {other}, repeat {number} ({what})", shown)]


def _column(title: str, shown: Html) -> Html:
    return tag("div", tag("p", title, cls="note", style="margin-bottom:0"), shown)


def _absent(why: str) -> Html:
    return tag("p", why)


def _category(trial: dict[Any, Any]) -> str:
    named = trial["category"]
    return "none" if pd.isna(named) else str(named).replace("_", " ")


def _like(trials: pd.DataFrame, trial: dict[Any, Any]) -> tuple[str, int] | None:
    right = trials[trials["outcome"] == "pass"]
    for column in ("case_id", "category"):
        near = right[right[column] == trial[column]]
        if len(near):
            return str(near["case_id"].iloc[0]), int(near["repeat"].iloc[0])
    return None


def _missed(facts: Facts, case: str, repeat: int) -> Html:
    checks = _of(facts.data.checks, case, repeat)
    missed = checks[checks["passed"] == False]  # noqa: E712
    if len(missed) == 0:
        return Html("")
    told = missed[["check", "expected", "actual", "error"]].dropna(axis="columns", how="all")
    return table(told, most=2)


def _facets(facts: Facts, case: str, repeat: int) -> str:
    told = _of(facts.data.grades, case, repeat)["facets"].dropna()
    return str(told.iloc[0]) if len(told) else ""


def _line(facets: str) -> int | None:
    """Return the line that the grader named; its facets hold text of the answer, too."""
    try:
        line = json.loads(facets).get("line")
    except (ValueError, AttributeError):
        return None
    return line if isinstance(line, int) and not isinstance(line, bool) else None


def _of(frame: pd.DataFrame, case: str, repeat: int) -> pd.DataFrame:
    return frame[(frame["case_id"] == case) & (frame["repeat"] == repeat)]
