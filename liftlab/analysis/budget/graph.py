"""Which stage waits for which, when each ends, and which the whole waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from liftlab.analysis.budget.model import PlannedStage
from liftlab.analysis.columns import Bools, Floats

Times = Mapping[str, Floats]
Needs = Mapping[str, tuple[str, ...]]

_TOLERANCE_S = 1e-9


def needs_of(
    measured: Sequence[str], planned: Sequence[PlannedStage]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return what each stage waits for, in an order that can be run, and names that are unknown.

    Measured stages run one after the other. A planned stage is after those that it names, or
    after the planned one before it; where a name is unknown, after all measured stages.

    Examples
    --------
    >>> beside = PlannedStage(name="intent", low_s=1, high_s=2, after=("nlp_to_ir",))
    >>> needs_of(["nlp_to_ir", "ir_to_code"], [beside])[0]["intent"]
    ('nlp_to_ir',)
    """
    needs: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(measured):
        needs[name] = (measured[index - 1],) if index else ()
    last, unknown = measured[-1], []
    for stage in planned:
        wanted = (last,) if stage.after is None else stage.after
        missing = [name for name in wanted if name not in needs]
        unknown += missing
        needs[stage.name] = (measured[-1],) if missing else wanted
        last = stage.name
    return needs, tuple(dict.fromkeys(unknown))


def finishes(times: Times, needs: Needs) -> dict[str, Floats]:
    """Return when each stage ends, in seconds from the start."""
    done: dict[str, Floats] = {}
    for name, before in needs.items():
        start = latest([done[each] for each in before]) if before else 0.0
        done[name] = start + times[name]
    return done


def ends(times: Times, needs: Needs) -> Floats:
    """Return when the last stage ends."""
    return latest(list(finishes(times, needs).values()))


def latest(values: Sequence[Floats]) -> Floats:
    """Return the largest of each draw."""
    largest = values[0]
    for value in values[1:]:
        largest = np.maximum(largest, value)
    return largest


def critical(times: Times, needs: Needs) -> dict[str, Bools]:
    """Return in which draws the whole waits for each stage, backwards from what ends last."""
    done = finishes(times, needs)
    whole = latest(list(done.values()))
    waited: dict[str, Bools] = {}
    for name in reversed(list(needs)):
        on_path = done[name] >= whole
        for later in (later for later, before in needs.items() if name in before):
            starts = done[later] - times[later]
            on_path = on_path | (waited[later] & (done[name] >= starts - _TOLERANCE_S))
        waited[name] = on_path
    return waited
