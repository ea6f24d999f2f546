"""The published days of the first team as runs.

What the summary says is kept, what it does not say is null. Their answers are graded like
any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import liftlab
from liftlab import tomlfile
from liftlab.errors import FileInvalid
from liftlab.records import Attempt, Run, Stage, Trial, columns
from liftlab.store import RunFolder, create
from liftlab.store.folder import Measured
from liftlab.suite import Suite

REPEAT = 1
CLAIMS = "claims"  # lies beside the runs, and is none


def reference_names(folder: Path) -> list[str]:
    """Return the names of the reference runs that a project has."""
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem != CLAIMS)


def import_reference(source: Path, suite: Suite | None, runs_dir: Path) -> RunFolder:
    """Turn a file of `data/reference/` into a run folder of its name.

    Its answers are graded against the suite, where there is one.
    """
    data = tomlfile.read(source, FileInvalid).data
    known = columns("run")
    described = {key: value for key, value in data["run"].items() if key in known}
    described |= {"suite_sha256": suite.sha256 if suite else None}
    run = Run(**described | {"liftlab_version": liftlab.__version__})
    manifest = {
        "suite": suite.name if suite else None,
        "reference": {"run": data["run"], "published": data["published"]},
        "suite_sha256": run.suite_sha256,
        "pipeline_sha256": None,
    }

    def fill(folder: RunFolder) -> Iterator[Measured]:
        numbers = count(1)
        for told in data["trial"]:
            yield from _rows(folder, run, told, suite, numbers)

    content, suffix = (suite.source, suite.suffix) if suite else (b"", ".toml")
    return create(runs_dir, run, manifest, content, suffix, fill)


def _rows(
    folder: RunFolder, run: Run, told: dict[str, Any], suite: Suite | None, numbers: Iterator[int]
) -> Iterator[Measured]:
    case = next((c for c in suite.cases if c.case_id == told["case_id"]), None) if suite else None
    stages = list(_stages(folder, run, told))
    for stage, described in zip(stages, told["stages"], strict=True):
        yield from _attempts(run, stage, described.get("retry_reason"), numbers)
    yield Trial(
        run_id=run.run_id,
        case_id=told["case_id"],
        repeat=REPEAT,
        category=case.category if case else None,
        difficulty=case.difficulty if case else None,
        e2e_s=told.get("e2e_s"),
        attempts=sum(s.attempts for s in stages if s.attempts) or None,
        completed=all(stage.ok for stage in stages),
    )
    yield from stages


def _stages(folder: RunFolder, run: Run, told: dict[str, Any]) -> Iterator[Stage]:
    described = told["stages"]
    for position, stage in enumerate(described):
        last = position == len(described) - 1
        code = told.get("code") if last else None
        name = code.split("def ", 1)[1].split("(", 1)[0] if code else None
        kept = json.dumps({"code": code.lstrip("\n"), "function": name}) if code else ""
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


def _attempts(
    run: Run, stage: Stage, retry_reason: str | None, numbers: Iterator[int]
) -> Iterator[Attempt]:
    """Yield a row for each attempt that the source counts; it gives no times for them."""
    made = stage.attempts or 0
    for number in range(1, made + 1):
        yield Attempt(
            run_id=run.run_id,
            seq=next(numbers),
            case_id=stage.case_id,
            repeat=REPEAT,
            stage=stage.stage,
            attempt=number,
            endpoint=run.endpoint,
            transport_ok=True,
            valid=stage.ok and number == made,
            retry_reason=retry_reason if number > 1 else None,
        )
