"""An imported run in the format that it came in: what tables hold is rebuilt from them.

Each field of the file is compared with what its own row would give when written anew. Where
they agree, the tables hold the field, and it is written from them; where not, the file's
content is carried through and named.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from liftlab.importers import families
from liftlab.importers.families import OldFile
from liftlab.importers.folder import began, stamp, title
from liftlab.importers.reading import parse, read_bytes
from liftlab.store import OldResult, RunData
from liftlab.store.exchange import ORIGINAL
from liftlab.store.week2 import FAMILIES, Family, results_of

_MISSING = object()
_SAME = 1e-12  # what a way through seconds may cost a figure in milliseconds
USD_PER_HOUR, USD_PER_REQUEST = 0.60, 0.0001  # the formula of all four families
_DUPLICATES = "exact copies of a result, which stand once"


def export_imported(run: RunData) -> dict[str, Any]:
    """Return an imported run as a file of its own family.

    Parameters
    ----------
    run
        The run and its tables as they are now.

    Returns
    -------
    dict
        The file's keys; `carried` names the fields that no table holds, `lossy` what is gone.
    """
    path = run.folder.path / ORIGINAL
    old = families.read(parse(read_bytes(path), path))
    family = FAMILIES[old.family]
    known = {(r.case_id, r.repeat): (row, r) for row, r in zip(old.rows, old.results, strict=True)}
    carried: set[str] = set()
    rows, before, now = [], [], results_of(run)
    for result in now:
        row, imported = known[result.case_id, result.repeat]
        then = _as_imported(imported, row, result)
        rows.append(_merge(row, family.row(then), family.row(result), "results[].", carried))
        before.append(then)
    merged = _merge(old.top, _top(old), _top_now(run), "", carried, leave=("summary",))
    if isinstance(summary := old.top.get("summary"), dict):
        population = _is_population(summary, family, before)
        then_sum, now_sum = family.summary(before, population), family.summary(now, population)
        merged["summary"] = _merge(summary, then_sum, now_sum, "summary.", carried)
    lossy = [_DUPLICATES] if any("exact copy" in note for note in old.notes) else []
    return merged | {"results": rows, "carried": sorted(carried), "lossy": lossy}


def _as_imported(imported: OldResult, row: Mapping[str, Any], now: OldResult) -> OldResult:
    """Return what the run held of a row when it came in.

    That is its prompt if a suite has the case, and its verdict if it was graded.
    """
    known = now.prompt is not None and now.prompt.strip() == (imported.prompt or "").strip()
    prompt = now.prompt if known else None
    then = replace(imported, cost_usd=_week2_cost(imported), prompt=prompt)
    if now.verdict is None:
        return then
    told = row.get("success") if "compiled" in row else row.get("execution_success")
    return replace(then, verdict=told, checks=tuple(row.get("execution_tests") or ()))


def _week2_cost(result: OldResult) -> float | None:
    """Return what a result costs by the formula of the files; tables have it by that price."""
    stages = [stage.latency_s for stage in result.stages.values()] or [result.e2e_s]
    known = [seconds for seconds in stages if seconds is not None]
    if len(known) < len(stages):
        return None
    return math.fsum(known) * USD_PER_HOUR / 3600 + USD_PER_REQUEST


def _top(old: OldFile) -> dict[str, Any]:
    return {"timestamp": began(old), "suite_name": title(old)}


def _top_now(run: RunData) -> dict[str, Any]:
    return {"timestamp": run.run.started_at, "suite_name": run.run.suite}


def _is_population(
    summary: Mapping[str, Any], family: Family, results: Sequence[OldResult]
) -> bool:
    """Say whether a file's deviations are over n, not over n - 1."""
    sample, population = (family.summary(results, over_n) for over_n in (False, True))
    agree = [sum(_like(summary.get(k), v) for k, v in s.items()) for s in (sample, population)]
    return agree[1] > agree[0]


def _merge(
    told: Mapping[str, Any],
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    place: str,
    carried: set[str],
    leave: Container[str] = (),
) -> dict[str, Any]:
    """Return an object of the file with what tables hold as it is now; note what is carried."""
    merged: dict[str, Any] = {}
    for key, value in told.items():
        was, current = then.get(key, _MISSING), now.get(key)
        if key in leave:
            continue
        if isinstance(value, dict) and isinstance(was, dict) and isinstance(current, dict):
            merged[key] = _merge(value, was, current, f"{place}{key}.", carried)
        elif _like(value, was) or (isinstance(value, dict) and isinstance(was, dict)):
            merged[key] = value if _like(current, was) else current
        else:
            merged[key] = value
            if value not in (None, "", [], {}):
                carried.add(f"{place}{key}")
    return merged


def _like(told: Any, rebuilt: Any) -> bool:
    """Say whether two values are the same figure, the same moment, or the same data."""
    if isinstance(told, bool) or isinstance(rebuilt, bool):
        return told is rebuilt
    if isinstance(told, int | float) and isinstance(rebuilt, int | float):
        return math.isclose(told, rebuilt, rel_tol=_SAME, abs_tol=_SAME)
    if isinstance(told, str) and isinstance(rebuilt, str) and told != rebuilt:
        return stamp(told) is not None and stamp(told) == stamp(rebuilt)
    return bool(told == rebuilt)
