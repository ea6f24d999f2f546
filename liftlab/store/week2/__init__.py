"""A run in the format of the first, hand-written benchmark, for the scripts that read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from liftlab.store.files import write_atomic
from liftlab.store.tables import RunData
from liftlab.store.week2.families import FAMILIES, Family, benchmark_row, benchmark_summary
from liftlab.store.week2.results import STAGES, OldResult, OldStage, results_of

__all__ = [
    "FAMILIES",
    "STAGES",
    "Family",
    "OldResult",
    "OldStage",
    "export_week2",
    "results_of",
    "write_week2",
]

LOSSY = (
    "one latency a stage: the times of its attempts, retries and back-off are in attempt.parquet",
    "only the stages nlp_to_ir and ir_to_code; others are in stage.parquet",
    "end_to_end_success says that every stage gave a value, execution_success that all checks "
    "passed; why one failed is in grade.parquet",
    "means and medians are over trials that gave a value, without intervals",
    "warm-up, probe and abandoned attempts are left out",
)


def export_week2(run: RunData) -> dict[str, Any]:
    """Return a run as `{"results": …, "summary": …, "lossy": …}`.

    Parameters
    ----------
    run
        A run with its tables.

    Returns
    -------
    dict
        JSON data. `lossy` says what the format has no place for; null is what is not known.
    """
    results = results_of(run)
    rows = [benchmark_row(result) for result in results]
    return {"results": rows, "summary": benchmark_summary(results), "lossy": list(LOSSY)}


def write_week2(run: RunData) -> Path:
    """Write the export into the run's folder, and return its path.

    Raises
    ------
    StorageFailed
        If it cannot be written.
    """
    stamp = run.run.run_id[:15] if run.run.run_id[:8].isdigit() else run.run.run_id
    path = run.folder.path / f"benchmark_results_{stamp}.json"
    told = {key: _lines(value) for key, value in export_week2(run).items()}
    text = "{\n" + ",\n".join(f'"{key}": {value}' for key, value in told.items()) + "\n}\n"
    write_atomic(path, text.encode(), durable=False)  # can be made again
    return path


def _lines(value: Any) -> str:
    """Return JSON with a line for each item of a list, which is written at once and in C."""
    if not isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(item, allow_nan=False) for item in value) + "\n]"
