"""The baseline: one run's numbers in a small file that is committed beside the code.

It holds enough to judge another run where the baseline's own folder does not exist, such as on a
fresh checkout: what it is comparable with, its numbers, how much runs like it differed, its cases.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liftlab import store, tomlfile
from liftlab.analysis.columns import labels
from liftlab.analysis.comparability import CONDITIONS, SETTINGS, Spread, alike, metrics, spreads
from liftlab.analysis.latency import Timed, time_end_to_end, time_stage
from liftlab.analysis.success import judgeable
from liftlab.errors import FileInvalid, InputInvalid, SchemaTooNew
from liftlab.jobs.opening import open_answers
from liftlab.settings import Project
from liftlab.store import RunData
from liftlab.store.files import write_atomic
from liftlab.store.folder import resume_verb

SCHEMA_VERSION = 1
_ALSO = ("suite", "started_at", "provenance", "liftlab_version", "git_commit")
_Number = float | None


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SpreadEntry(_Entry):
    """How much runs like the baseline differed when it was pinned."""

    sd: float = Field(ge=0)
    runs: int = Field(ge=2)


class CaseEntry(_Entry):
    """One case of the baseline: medians over its repeats in seconds, and its verdicts."""

    e2e_s: _Number = None
    stages: dict[str, _Number] = Field(default_factory=dict)
    passed: int = Field(default=0, ge=0)
    judged: int = Field(default=0, ge=0, le=1_000_000)


class Baseline(_Entry):
    """A run's numbers, pinned."""

    schema_version: int
    run_id: str
    run: dict[str, str | float | None]
    metrics: dict[str, _Number]
    spread: dict[str, SpreadEntry] = Field(default_factory=dict)
    cases: dict[str, CaseEntry] = Field(default_factory=dict)

    def spreads(self) -> dict[str, Spread]:
        """Return how much runs like it differed, by metric."""
        return {name: Spread(sd=s.sd, runs=s.runs) for name, s in self.spread.items()}


def pin_baseline(project: Project, run_id: str, path: Path) -> Baseline:
    """Write a run's numbers to a file, and return them.

    Raises InputInvalid if the run is not complete: another one could not be judged by it.
    """
    data = open_answers(run_id, project=project)
    if data.run.status != "complete":
        raise InputInvalid(
            f"{data.run.run_id} is {data.run.status}: a baseline is a complete run; "
            f"finish it with `liftlab {resume_verb(data.folder.manifest())} --resume "
            f"{data.run.run_id}`"
        )
    runs = store.history(project)
    row = row_of(runs, data.run.run_id)
    names = metrics(runs)
    baseline = Baseline(
        schema_version=SCHEMA_VERSION,
        run_id=data.run.run_id,
        run={name: row[name] for name in (*_ALSO, *CONDITIONS, *SETTINGS)},
        metrics={name: row[name] for name in names if row[name] is not None},
        spread={
            name: SpreadEntry(sd=spread.sd, runs=spread.runs)
            for name, spread in spreads(alike(runs, row), names).items()
        },
        cases=_cases(data),
    )
    text = json.dumps(baseline.model_dump(), indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(path, f"{text}\n".encode())
    return baseline


def read_baseline(path: Path) -> Baseline:
    """Read a baseline's file.

    Raises FileInvalid if it is missing or no baseline: says what is wrong. Raises SchemaTooNew if a
    newer liftlab wrote it.
    """
    source = tomlfile.read_bytes(path, FileInvalid, limit=tomlfile.MAX_BYTES)
    try:
        data = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise FileInvalid(path, f"not JSON: {error}", getattr(error, "lineno", None)) from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise FileInvalid(path, "not a baseline: it has no schema_version")
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(path, version, SCHEMA_VERSION)
    try:
        return Baseline.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FileInvalid(path, f"{place}: {first['msg']}") from None


def row_of(runs: pd.DataFrame, run_id: str) -> dict[str, Any]:
    """Return a run's row of the history as plain values, None where nothing is known.

    Raises InputInvalid if the history does not have it: says why.
    """
    found = runs[runs["run_id"] == run_id]
    if len(found) == 0:
        reason = runs.attrs.get("skipped", {}).get(run_id, "it is not in the history")
        raise InputInvalid(f"{run_id}: {reason}")
    plain = found.astype(object).where(found.notna(), None)
    return {
        str(name): value.item() if isinstance(value, np.generic) else value
        for name, value in plain.iloc[0].items()
    }


def baseline_tables(baseline: Baseline) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the trials and stages that stand for a baseline where its run is not there.

    A case's verdicts are rows of their own; each carries the case's median time.
    """
    trials, stages = [], []
    for case_id, case in baseline.cases.items():
        verdicts = ["pass"] * case.passed + ["fail"] * (case.judged - case.passed)
        for repeat, outcome in enumerate(verdicts or ["ungraded"], 1):
            key = {"run_id": baseline.run_id, "case_id": case_id, "repeat": repeat}
            trials.append(key | {"e2e_s": case.e2e_s, "outcome": outcome, "completed": True})
        stages += [
            {"run_id": baseline.run_id, "case_id": case_id, "repeat": 1}
            | {"stage": name, "ok": True, "latency_s": seconds}
            for name, seconds in case.stages.items()
        ]
    columns = ["run_id", "case_id", "repeat"]
    return (
        pd.DataFrame(trials, columns=[*columns, "e2e_s", "outcome", "completed"]),
        pd.DataFrame(stages, columns=[*columns, "stage", "ok", "latency_s"]),
    )


def _cases(data: RunData) -> dict[str, CaseEntry]:
    known, good, _ = judgeable(data.trials, "pass")
    verdicts = data.trials[["case_id"]].assign(judged=known, passed=good & known)
    counts = verdicts.groupby("case_id").agg(judged=("judged", "sum"), passed=("passed", "sum"))
    e2e = _case_medians(time_end_to_end(data.trials, stages=data.stages))
    names = dict.fromkeys(str(name) for name in labels(data.stages, "stage"))
    stages = {name: _case_medians(time_stage(data.stages, name)) for name in names}
    return {
        str(case_id): CaseEntry(
            e2e_s=e2e.get(str(case_id)),
            passed=int(row["passed"]),
            judged=int(row["judged"]),
            stages={
                name: of.get(str(case_id)) for name, of in stages.items() if str(case_id) in of
            },
        )
        for case_id, row in counts.iterrows()
    }


def _case_medians(timed: Timed) -> dict[str, float | None]:
    """Return by case the median of its answered requests; None where the client gave up on it."""
    seconds = pd.Series(np.where(timed.given_up, np.inf, timed.seconds))
    medians = seconds.groupby(timed.cases).median()
    return {str(case): float(s) if np.isfinite(s) else None for case, s in medians.items()}
