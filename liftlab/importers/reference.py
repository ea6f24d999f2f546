"""The published days of the first team as runs.

What the summary says is kept, what it does not say is null. Their answers are graded like
any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import liftlab
from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.records import Attempt, Run, Stage, Trial, columns
from liftlab.store import Journal, RunFolder, create
from liftlab.suite import Suite

REPEAT = 1
CLAIMS = "claims"  # lies beside the runs, and is none


def reference_names(folder: Path) -> list[str]:
    """Return the names of the reference runs that a project has."""
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem != CLAIMS)


def import_reference(source: Path, suite: Suite | None, runs_dir: Path) -> RunFolder:
    """Turn a reference file into a run folder.

    Parameters
    ----------
    source
        A file of `data/reference/`.
    suite
        The suite that its answers are graded against; None where there is none.
    runs_dir
        Where run folders lie.

    Returns
    -------
    RunFolder
        The new folder; its name is the file's.
    """
    data = tomlfile.read(source, FileInvalid).data
    known = columns("run")
    described = {key: value for key, value in data["run"].items() if key in known}
    run = Run(
        **{
            **described,
            "suite_sha256": suite.sha256 if suite else None,
            "liftlab_version": liftlab.__version__,
        }
    )
    manifest = {
        "suite": suite.name if suite else None,
        "reference": {"run": data["run"], "published": data["published"]},
        "suite_sha256": run.suite_sha256,
        "pipeline_sha256": None,
    }
    folder = create(
        runs_dir,
        run,
        manifest,
        suite.source if suite else b"",
        suite.suffix if suite else ".toml",
    )
    with Journal.open(folder) as journal:
        for told in data["trial"]:
            _write_trial(folder, journal, run, told, suite)
    return folder


def _write_trial(
    folder: RunFolder, journal: Journal, run: Run, told: dict[str, Any], suite: Suite | None
) -> None:
    case = next((c for c in suite.cases if c.case_id == told["case_id"]), None) if suite else None
    stages = list(_stages(folder, run, told))
    for stage, described in zip(stages, told["stages"], strict=True):
        for attempt in _attempts(journal, run, stage, described):
            journal.attempt_sent(attempt)
            journal.attempt_ended(attempt)
    trial = Trial(
        run_id=run.run_id,
        case_id=told["case_id"],
        repeat=REPEAT,
        category=case.category if case else None,
        difficulty=case.difficulty if case else None,
        e2e_s=told.get("e2e_s"),
        attempts=sum(s.attempts for s in stages if s.attempts) or None,
        completed=all(stage.ok for stage in stages),
    )
    journal.trial_ended(trial, stages).result()


def _stages(folder: RunFolder, run: Run, told: dict[str, Any]) -> Iterator[Stage]:
    described = told["stages"]
    for position, stage in enumerate(described):
        last = position == len(described) - 1
        code = told.get("code") if last else None
        kept = json.dumps({"code": code.lstrip("\n"), "function": _function(code)}) if code else ""
        yield Stage(
            run_id=run.run_id,
            case_id=told["case_id"],
            repeat=REPEAT,
            stage=stage["stage"],
            position=position,
            ok=stage["ok"],
            latency_s=stage.get("latency_s"),
            attempts=stage.get("attempts"),
            error_class=stage.get("error_class"),
            value_sha256=folder.artifacts.put(kept.encode()) if kept else None,
        )


def _attempts(journal: Journal, run: Run, stage: Stage, told: dict[str, Any]) -> Iterator[Attempt]:
    """Write a row for each attempt that the source counts; it gives no times for them."""
    count = stage.attempts or 0
    for number in range(1, count + 1):
        yield Attempt(
            run_id=run.run_id,
            seq=journal.next_seq(),
            case_id=stage.case_id,
            repeat=REPEAT,
            stage=stage.stage,
            attempt=number,
            endpoint=run.endpoint,
            transport_ok=True,
            valid=stage.ok and number == count,
            retry_reason=told.get("retry_reason") if number > 1 else None,
        )


def _function(code: str) -> str:
    return code.split("def ", 1)[1].split("(", 1)[0]
