"""Sections on what makes times differ: unlike cases, repeats, and the course of the run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liftlab.analysis.columns import floats, labels
from liftlab.analysis.estimate import Estimate, plain, quantity
from liftlab.analysis.timecourse import TimeCourse, e2e_course, stage_courses
from liftlab.analysis.variance import Spread, e2e_spread, stage_spreads
from liftlab.reporting import figures
from liftlab.reporting.bars import stage_title
from liftlab.reporting.facts import Facts
from liftlab.reporting.html import Html, join, tag
from liftlab.reporting.pages.parts import estimate_words
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import verdict

CORRELATED = 0.2  # of neighbours: from here on repeats say visibly less than as many new cases


def spread_table(facts: Facts) -> Html:
    """Return how much times vary: across cases, between repeats, and which rows are in it."""
    stages, trials = facts.data.stages, facts.data.trials
    shown = [*stage_spreads(stages), e2e_spread(trials), *stage_spreads(stages, "ok")]
    rows = [_spread_row(each) for each in shown if each.n]
    columns = ["", "Rows", "n", "CV across cases", "Interval", "CV of repeats", "Held by cases"]
    note = (
        "CV: standard deviation as a share of the mean. Across cases: one median a case; cases "
        "differ, so it is not noise alone. Of repeats: within a case, by ln seconds. Held by "
        "cases: their part of the variance; the rest is of repeats."
    )
    return join([table(pd.DataFrame(rows, columns=columns)), tag("p", note, cls="note")])


def course(facts: Facts) -> Html:
    """Return whether times change in the course of the run, and whether neighbours go together."""
    trials = facts.data.trials
    if len(trials) == 0:
        return tag("p", "There are no times to compare.")
    if not _ordered(facts):
        return tag("p", "The order of measuring is not known, so drift cannot be told.")
    courses = [*stage_courses(facts.data.stages), e2e_course(trials)]
    rows = [_course_row(each) for each in courses]
    columns = ["", "n", "Drift", "Last over first", "Neighbours correlate by", "First tenth over"]
    shown = table(pd.DataFrame(rows, columns=columns))
    note = (
        "Each case against itself, in the order of measuring. Neighbours that correlate show a "
        "state that lasts, such as a busy machine: repeats are then worth less than new cases."
    )
    figure = figures.run_course(_relative(trials), caption=_caption(courses[-1]))
    return join([figure.html(), behind(shown, "The numbers behind it"), tag("p", note, cls="note")])


def course_words(facts: Facts) -> str:
    """Return what the course of the run comes to, in a sentence; empty where nothing is known."""
    if len(facts.data.trials) == 0 or not _ordered(facts):
        return ""
    return f"{_caption(e2e_course(facts.data.trials))}."


def _spread_row(each: Spread) -> list[object]:
    parts = each.components
    name = "End to end" if each.what == "e2e" else stage_title(each.what)
    repeats = str(parts.repeat.point) if not parts.reason else "–"
    if parts.repeat.interval:
        repeats += f" ({parts.repeat.interval.removeprefix('95 % interval ')})"
    held = quantity(parts.share.value, "%") if not parts.reason else _short(parts.reason)
    return [
        name,
        each.rows,
        each.n,
        quantity(each.cv.value, "%"),
        estimate_words(each.cv),
        repeats,
        held,
    ]


def _short(reason: str) -> str:
    return "no case was repeated" if "no case was repeated" in reason else reason


def _course_row(each: TimeCourse) -> list[object]:
    if each.p is None:
        chip = verdict("undecided", "cannot tell")
    elif each.drifts:
        chip = verdict("not met", "drifts")
    else:
        chip = verdict("", "none seen")
    return [
        "End to end" if each.what == "e2e" else stage_title(each.what),
        each.ratio.n,
        chip,
        _told(each.ratio),
        _told(each.neighbours),
        _told(each.warm_up),
    ]


def _told(found: Estimate) -> str:
    if found.value is None:
        return found.reason
    said = plain(found.value, 3)
    return f"{said} ({plain(found.low, 3)}–{plain(found.high, 3)})" if found.has_interval else said  # type: ignore[arg-type]


def _caption(found: TimeCourse) -> str:
    if found.p is None or found.ratio.value is None:
        return f"Whether times drift cannot be told yet: {found.ratio.reason}"
    over = found.ratio.value - 1
    if found.drifts:
        word = "longer" if over > 0 else "less"
        said = f"Trials took {quantity(abs(over), '%')} {word} at the run's end than at its start"
    else:
        said = "Times show no drift in the course of the run"
    low = found.neighbours.low
    if low is not None and low > CORRELATED:
        said += "; neighbours go together, so repeats say less than new cases"
    return said


def _ordered(facts: Facts) -> bool:
    """Whether it is known in which order trials were measured."""
    started = labels(facts.data.trials, "started_at")
    return len({str(each) for each in started if each is not None and each == each}) > 1  # noqa: PLR0124


def _relative(trials: pd.DataFrame) -> np.ndarray:
    """Return each time over its case's median, in the order of measuring."""
    ordered = trials.sort_values("started_at", kind="stable")
    frame = pd.DataFrame(
        {"case": labels(ordered, "case_id").astype(str), "seconds": floats(ordered, "e2e_s")}
    )
    if frame["case"].is_unique:
        return (frame["seconds"] / frame["seconds"].median()).to_numpy(dtype=np.float64)
    own = frame.groupby("case")["seconds"].transform("median")
    return (frame["seconds"] / own).to_numpy(dtype=np.float64)
