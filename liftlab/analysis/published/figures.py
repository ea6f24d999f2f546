"""Each figure of a published summary against the rules that may have given it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from liftlab.analysis.published.rules import Spec, Survives, spec_of

_MOST_DECIMALS = 9  # a figure with more was written by a program; sums differ in their last bits
_NOT_FIGURES = re.compile(r"target_.*|title|date|success_means|.*_case")
_NOT_HELD = "the run did not record it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigure:
    """One published figure against the rows.

    Parameters
    ----------
    field, what, unit
        Its key in the summary, its name for people, and its unit; "%" is a fraction.
    recomputed, rule
        By the rule that liftlab stands by, and that rule; None where the rows hold nothing.
    comes_out_as
        The rule that gives the published digits; empty if none is known.
    survives, explanation
        Whether `recomputed` has the published digits, and why not, or what it needs.
    """

    field: str
    what: str
    unit: str
    published: float
    recomputed: float | None
    rule: str
    comes_out_as: str
    survives: Survives
    explanation: str


def compare_published(
    published: Mapping[str, Any],
    trials: pd.DataFrame,
    stages: pd.DataFrame,
    *,
    usd: Mapping[str, ArrayLike] | None = None,
    earlier: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[PublishedFigure]:
    """Set each figure of a published summary beside what its rows give.

    Parameters
    ----------
    published
        The summary: keys of `data/reference/*.toml` (seconds), or of the first benchmark's
        files (`nlp_to_ir_median`, …: milliseconds). What is no figure is passed over.
    trials, stages
        The tables of its run; trials joined with their verdicts.
    usd
        USD of each trial by the name of a price, the one that is billed first.
    earlier
        Published summaries of other days, by name, for figures such as `week1_faster_e2e`.

    Examples
    --------
    >>> times = {"e2e_s": [14.92, 14.96, 14.16, 27.10, 26.90], "completed": [1, 1, 1, 0, 1]}
    >>> [row] = compare_published({"e2e_median_s": 14.9}, pd.DataFrame(times), pd.DataFrame())
    >>> row.comes_out_as, row.recomputed, row.survives
    ('median, successes only', 14.96, 'no')
    """
    rows = []
    for field, value in published.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or _NOT_FIGURES.fullmatch(field):
            continue
        spec = spec_of(field, published, trials, stages, usd or {}, earlier or {})
        rows.append(_judge(field, float(value), spec))
    return rows


def matches(value: float | None, published: float, unit: str = "") -> bool:
    """Say whether a value, rounded to the digits of a published one, is that one.

    Examples
    --------
    >>> matches(10.39, 10.4), matches(10.01, 10.4), matches(0.003368, 0.0034)
    (True, False, True)
    """
    if value is None or not math.isfinite(value):
        return False
    text = f"{published:.{_MOST_DECIMALS}f}".rstrip("0")
    decimals = max(len(text.partition(".")[2]), 2 if unit == "%" else 0)
    slack = 0.5 * 10.0**-decimals if decimals < _MOST_DECIMALS else 0.0
    return abs(value - published) <= slack + 1e-9 * max(1.0, abs(published))


def _judge(field: str, value: float, spec: Spec) -> PublishedFigure:
    known = [
        rule._replace(value=rule.value * spec.factor)
        for rule in spec.rules
        if rule.value is not None
    ]
    gives = next((rule for rule in known if matches(rule.value, value, spec.unit)), None)
    ours = known[0] if known and spec.bar is None else None
    survives: Survives = "yes" if gives is not None and gives is ours else "no"
    why = "" if survives == "yes" else gives.fault if gives else "no rule that is known gives it"
    if spec.bar is not None:
        survives, why = spec.bar
    elif not known:
        survives, why = "cannot be checked", _NOT_HELD
    return PublishedFigure(
        field=field,
        what=spec.what,
        unit=spec.unit,
        published=value,
        recomputed=ours.value if ours else None,
        rule=ours.words if ours else "",
        comes_out_as=gives.words if gives else "",
        survives=survives,
        explanation=why,
    )
