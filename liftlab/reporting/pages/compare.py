"""The page on two runs: what changed between them, and what that is worth."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from liftlab.analysis.by_case import IfRepeated, if_repeated
from liftlab.analysis.columns import floats
from liftlab.analysis.estimate import plain, quantity
from liftlab.analysis.paired import CASES_NEEDED, Change
from liftlab.errors import NothingToCompare
from liftlab.jobs.comparing import Pair, Side, compare_runs
from liftlab.reporting.bars import stage_title
from liftlab.reporting.html import End, Finding, Html, join, tag
from liftlab.reporting.messages import plural
from liftlab.reporting.pages.parts import estimate_words
from liftlab.reporting.ratios import Ratio, ratio_rows
from liftlab.reporting.tables import behind, table
from liftlab.reporting.tiles import Tile, verdict
from liftlab.reporting.tiles import tiles as tile_row
from liftlab.settings import Project

_DIGEST = re.compile("[0-9a-f]{40,64}")

__all__ = [
    "Alone",
    "cases",
    "conclusion",
    "finding",
    "gather",
    "provenance",
    "shared",
    "single_runs",
    "stages",
    "tiles",
]


@dataclass(frozen=True, slots=True)
class Alone:
    """A run that has no other to be set beside it."""

    run_id: str


def gather(project: Project, run_id: str, other: str = "") -> Pair | Alone:
    """Compare a run with another; without one, with the baseline or the nearest earlier run."""
    from liftlab.jobs import open_run

    own = open_run(run_id, project=project).run.run_id
    try:
        return compare_runs(project, other, own)
    except NothingToCompare:
        return Alone(own)


def _of_two(part: Callable[[Pair], Html]) -> Callable[[Pair | Alone], Html]:
    """Let a part say that there is no second run where there is none."""

    @functools.wraps(part)
    def shown(pair: Pair | Alone) -> Html:
        return tag("p", "There is no second run.") if isinstance(pair, Alone) else part(pair)

    return shown


def finding(pair: Pair | Alone) -> Finding:
    """Return whether the second run is faster or slower, or that this cannot be told."""
    if isinstance(pair, Alone):
        advice = "Make a second run of the same cases, or name one in the cell of parameters."
        title = f"{pair.run_id}: no other run to compare with yet"
        return Finding(title, [advice], pair.run_id, pair.run_id)
    sentences = [pair.why] if pair.why else []
    sentences.append(f"{_shared_words(pair)}.")
    sentences.append(str(pair.times.success))
    line = f"{pair.first.run_id} → {pair.second.run_id}"
    return Finding(_title(pair), sentences, line, pair.second.run_id)


@_of_two
def tiles(pair: Pair) -> Html:
    """Return what a reader should leave with: time, success, cost, and how much is shared."""
    return tile_row([_time_tile(pair), _success_tile(pair), _cost_tile(pair), _shared_tile(pair)])


@_of_two
def stages(pair: Pair) -> Html:
    """Return each stage and end to end: ratio, interval, verdict, and what would have shown."""
    changes = pair.times.times
    rows = [
        {
            "": _name(change.what),
            "Ratio": change.ratio.value,
            "Interval": estimate_words(change.ratio),
            "Cases": change.ratio.n,
            "p": _chance(change.p),
            "Verdict": verdict(change.verdict),
            "Would have shown": _detectable(change),
        }
        for change in changes
    ]
    figure = ratio_rows(
        [Ratio(name=_name(c.what), ratio=c.ratio, verdict=c.verdict) for c in changes],
        caption=_stage_caption(pair),
        margin=changes[-1].margin,
    )
    note = (
        "Ratio: second over first, paired over cases on the medians of ln seconds; below 1 is "
        "faster. Verdicts hold together (Holm); “equivalent” is a test of its own, within the band."
    )
    return join([figure.html(), table(pd.DataFrame(rows)), tag("p", note, cls="note")])


@_of_two
def cases(pair: Pair) -> Html:
    """Return each shared case, the largest change first."""
    if not pair.cases:
        return tag("p", "No case is in both runs: there is nothing to set side by side.")
    frame = pd.DataFrame(
        [
            {
                "Case": each.case_id,
                "First, s": each.first_s,
                "Second, s": each.second_s,
                "Ratio": each.ratio.value,
                "Low": each.ratio.low,
                "High": each.ratio.high,
                "Repeats": f"{each.n_first} and {each.n_second}",
                "p": _chance(each.p),
                "Verdict": each.verdict,
            }
            for each in pair.cases
        ]
    )
    sure = [each for each in pair.cases if each.verdict != "cannot tell"]
    count = len(pair.cases)
    caption = f"{len(sure):,} of {count:,} {plural('case', count)} changed beyond their repeats"
    if pair.cases[0].p is None:
        caption = "What single cases took; without repeats none can be told from chance"
    figure = ratio_rows(
        [Ratio(name=c.case_id, ratio=c.ratio, verdict=c.verdict) for c in pair.cases],
        caption=caption,
        table=behind(table(frame, csv="cases.csv")),
    )
    note = (
        "End to end. A case's interval pools the spread of repeats over all cases and holds for "
        "these two runs; p is corrected for all cases (Holm)."
    )
    return join([figure.html(), tag("p", note, cls="note")])


@_of_two
def shared(pair: Pair) -> Html:
    """Return what is compared, what is not, and what was not the same."""
    times = pair.times
    told = [tag("p", f"{_shared_words(pair)}. {_unshared_words(times)}".strip())]
    told += [tag("p", note) for note in pair.notes]
    rows = [
        {"": name, pair.first.run_id: _cut(old), pair.second.run_id: _cut(new)}
        for name, (old, new) in pair.differs.items()
    ]
    if rows:
        told.append(table(pd.DataFrame(rows), caption="What was not the same"))
    else:
        told.append(tag("p", "Everything recorded of how the runs were made is the same."))
    return join(told)


@_of_two
def single_runs(pair: Pair) -> Html:
    """Return why few single times carry no claim, with what they would say if more were known."""
    found = list(_if_repeated(pair))
    if not found:
        words = (
            f"{pair.times.times[-1].ratio.n:,} shared cases carry the verdicts above, for these "
            "two runs. What any two runs differ by, though nothing changed, is not in their "
            "intervals: liftlab check judges by that."
        )
        return tag("p", words)
    ratio = found[0].ratio.value or 1.0
    change = quantity(abs(1 - ratio), "%")
    way = "faster" if ratio < 1 else "slower"
    whose = "Over the cases in both, the" if pair.times.shared else "The"
    words = (
        f"{whose} middle of the second run is {change} {way} than that of the first. That carries "
        f"no claim: fewer than {CASES_NEEDED} cases are in both, so nothing tells how much a time "
        "varies when it is simply taken again. What the same two numbers would say hangs on that:"
    )
    rows = [
        {
            "If repeats varied by": quantity(each.cv, "%"),
            "the ratio would be within": each.ratio.interval,
            "p": _chance(each.p),
        }
        for each in found
    ]
    said = [tag("p", words), table(pd.DataFrame(rows))]
    if not pair.times.shared:
        before, after = (_case_names(side) for side in (pair.first, pair.second))
        words = f"And these are not the same cases: {before} in the first, {after} in the second. "
        words += "A difference between cases is none between runs."
        said.append(tag("p", words))
    end = f"Run the same {CASES_NEEDED} cases or more in both, some times each: that settles it."
    return join([*said, tag("p", end)])


@_of_two
def conclusion(pair: Pair) -> Html:
    """Return every verdict as a sentence."""
    said = [*(str(change) for change in pair.times.times), str(pair.times.success)]
    return tag("ul", *(tag("li", sentence) for sentence in said))


def provenance(pair: Pair | Alone) -> End:
    """Return where the numbers come from; as a notebook's last cell it is its mark."""
    if isinstance(pair, Alone):
        return End(pair.run_id)
    names = ("suite", "pipeline", "endpoint", "model", "hardware", "load", "concurrency", "repeats")
    more = ("time_scale", "started_at", "status", "trials", "liftlab_version", "provenance")
    rows = [
        {"": name.replace("_", " "), "First": _cut(_of(pair.first, name))}
        | {"Second": _cut(_of(pair.second, name))}
        for name in ("run_id", *names, *more)
    ]
    return End(pair.second.run_id, table(pd.DataFrame(rows)))


def _title(pair: Pair) -> str:
    change, pairing = pair.times.times[-1], f"{pair.second.run_id} against {pair.first.run_id}"
    value = change.ratio.value
    if value is None:
        return f"{pairing}: no times to compare"
    if change.verdict in ("faster", "slower"):
        size = quantity(abs(1 - value), "%")
        return f"{pairing}: {size} {change.verdict} end to end"
    if change.verdict == "equivalent":
        return f"{pairing}: the same end to end, within {quantity(change.margin, '%')}"
    return f"{pairing}: cannot tell whether it is faster"


def _time_tile(pair: Pair) -> Tile:
    change = pair.times.times[-1]
    number = "–" if change.ratio.value is None else f"× {plain(change.ratio.value, 3)}"
    why = estimate_words(change.ratio) or "no times"
    return Tile(what="End to end", number=number, why=why, verdict=change.verdict)


def _success_tile(pair: Pair) -> Tile:
    found = pair.times.success
    if found.p is None:
        why = "no case was judged in both runs"
        return Tile(what="Right", number="–", why=why, verdict="cannot tell")
    number = f"{quantity(found.first, '%')} → {quantity(found.second, '%')}"
    counts = f"{found.better:,} better, {found.worse:,} worse of {found.cases:,} cases"
    why = f"{counts} (p {_chance(found.p)})"
    return Tile(what="Right", number=number, why=why, verdict=found.verdict)


def _cost_tile(pair: Pair) -> Tile:
    if pair.costs is None:
        why = "price not the same" if "price" in pair.differs else "not known for both"
        return Tile(what="Cost of a request", number="–", why=why, verdict="not measurable")
    before, after = pair.costs
    number = f"{quantity(before, 'USD')} → {quantity(after, 'USD')}"
    return Tile(what="Cost of a request", number=number, why="means over all trials of each run")


def _shared_tile(pair: Pair) -> Tile:
    count, alone = pair.times.shared, pair.times.only_first + pair.times.only_second
    why = f"{alone:,} in one run only" if alone else "all cases are in both"
    return Tile(what="Shared cases", number=f"{count:,}", why=why)


def _shared_words(pair: Pair) -> str:
    count = pair.times.shared
    what = ", ".join(pair.differs)
    said = f"{count:,} {plural('case', count)} {'is' if count == 1 else 'are'} in both runs"
    return f"{said}; not the same: {what}" if what else f"{said}, made in the same way"


def _unshared_words(times: Any) -> str:
    parts = [
        f"{count:,} only in the {name}"
        for name, count in (("first", times.only_first), ("second", times.only_second))
        if count
    ]
    return f"Not compared: {', '.join(parts)}." if parts else ""


def _stage_caption(pair: Pair) -> str:
    known = [c for c in pair.times.times if c.verdict in ("faster", "slower", "equivalent")]
    if not known:
        return "Whether any stage became faster or slower cannot be told"
    words = {"faster": "faster", "slower": "slower", "equivalent": "the same"}
    return "; ".join(f"{_name(change.what)} is {words[change.verdict]}" for change in known)


def _detectable(change: Change) -> str | None:
    if change.detectable is None:
        return None
    slow = quantity(change.detectable - 1, "%")
    return f"{slow} slower, {quantity(1 - 1 / change.detectable, '%')} faster"


def _chance(p: float | None) -> str | None:
    if p is None:
        return None
    return "< 0.001" if p < 0.001 else f"= {plain(p, 2)}"


def _if_repeated(pair: Pair) -> Iterator[IfRepeated]:
    if pair.times.times[-1].p is not None:
        return
    sides = (pair.first, pair.second)
    names = [set(side.trials["case_id"]) for side in sides]
    both = names[0] & names[1] if pair.times.shared else names[0] | names[1]
    middles = [_middle(side.trials[side.trials["case_id"].isin(both)]) for side in sides]
    if all(middle > 0 for middle in middles):
        yield from if_repeated(*middles)


def _case_names(side: Side) -> str:
    names = list(dict.fromkeys(str(name) for name in side.trials["case_id"]))
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def _middle(trials: pd.DataFrame) -> float:
    seconds = floats(trials, "e2e_s")
    seconds = seconds[np.isfinite(seconds)]
    return float(np.median(seconds)) if len(seconds) else 0.0


def _name(what: str) -> str:
    return "End to end" if what == "e2e" else stage_title(what)


def _of(side: Side, name: str) -> object:
    return side.run_id if name == "run_id" else side.row.get(name)


def _cut(value: object) -> object:
    """Return a value as it is shown: a digest by its beginning."""
    return value[:12] if isinstance(value, str) and _DIGEST.fullmatch(value) else value
