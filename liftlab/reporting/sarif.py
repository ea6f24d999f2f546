"""Claims that a run speaks against, as SARIF 2.1.0: what code scanning shows beside a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liftlab import __version__
from liftlab.summary.claims.model import Verdict
from liftlab.summary.claims.text.lint import Checked

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# By ruling: the rule's id, its level, and what it means.
_RULES: dict[Verdict, tuple[str, str, str]] = {
    "contradicted": ("contradicted", "error", "The run's own figure is another."),
    "not supported": ("not-supported", "warning", "The run can neither carry nor refute it."),
    "not measurable": ("not-measurable", "warning", "The run has no such figure."),
}


def sarif(checked: Sequence[Checked], file: Path, run_id: str) -> dict[str, Any]:
    """Return the claims of a report that were not supported by a run, one result each."""
    rules = [
        {
            "id": name,
            "shortDescription": {"text": meaning},
            "defaultConfiguration": {"level": level},
        }
        for name, level, meaning in _RULES.values()
    ]
    driver = {"name": "liftlab", "version": __version__, "rules": rules}
    place = {"artifactLocation": {"uri": file.as_posix()}}
    results = []
    for row in checked:
        if row.ruling is None or row.ruling.ruling not in _RULES:
            continue
        name, level, _ = _RULES[row.ruling.ruling]
        where = {"physicalLocation": {**place, "region": {"startLine": row.line}}}
        text = f"“{row.said}”: {row.ruling.ruling}. {row.ruling.why}"
        results.append(
            {"ruleId": name, "level": level, "message": {"text": text}, "locations": [where]}
        )
    run = {"tool": {"driver": driver}, "properties": {"run_id": run_id}, "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
