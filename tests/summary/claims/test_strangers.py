"""Sentences about five runs, written and labelled without sight of the reader.

`strangers.jsonl` has the texts, what each claims and what else in it is no claim;
`strangers_runs.json` the runs that are not published, as their tables had them.
docs/claims.md says what the first reading gave, before anything was mended.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftlab.records import Run
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder
from liftlab.store.frames import table_columns, typed
from liftlab.summary import RunSummary, summarize
from liftlab.summary.claims import Claim, Quantity
from liftlab.summary.claims.text.figures import figures
from liftlab.summary.claims.text.lint import lint
from liftlab.summary.claims.text.normalize import normalize

HERE = Path(__file__).parent
RULINGS = {"count_only": "supported", "as a count only": "supported"}  # a caveat says so


def rebuilt(run_id: str, stored: dict[str, Any]) -> RunData:
    """Return a run from its stored trials and stages; of the attempts nothing is kept."""
    frames = {}
    for name in ("trial", "stage", "attempt", "grade", "check", "cost"):
        columns = table_columns(name)
        rows = pd.DataFrame(stored.get(f"{name}s", {}), dtype=object).assign(run_id=run_id)
        kept = pd.DataFrame({column: rows.get(column) for column in columns}, dtype=object)
        frames[f"{name}s"] = typed(kept, columns)
    cost = pd.Series(stored["trials"]["cost_usd"], dtype=float)
    frames["trials"] = frames["trials"].assign(cost_usd=cost)
    return RunData(
        run=Run(run_id=run_id, **stored["run"]),
        folder=RunFolder(Path("nowhere") / run_id),
        sped_up=stored["sped_up"],
        **frames,
    )


@pytest.fixture(scope="module")
def runs(project: Project, summary: RunSummary) -> dict[str, RunSummary]:
    stored = json.loads((HERE / "strangers_runs.json").read_text("utf-8"))
    made = {run_id: summarize(rebuilt(run_id, run), project) for run_id, run in stored.items()}
    return {"week2_day1": summary, **made}


def is_of(label: str, claim: Claim) -> bool:
    """Whether a claim was read from a labelled figure."""
    assert isinstance(claim.what, Quantity)
    value = claim.value or 0.0
    read = [value, 1 - value, claim.what.within_s, value * 1000, value * 10_000]
    found = [number for f in figures(normalize(label)) for number in (f.value, f.was)]
    if not found and (bare := re.search(r"\d[\d,]*(?:\.\d+)?", label)):
        found = [float(bare[0].replace(",", ""))]
    return any(a == pytest.approx(b) for a in found if a is not None for b in read if b is not None)


def outcomes(runs: dict[str, RunSummary], file: str) -> Iterator[tuple[str, str]]:
    """Yield for each label whether it was read, and for each ruling whether it is right."""
    for line in (HERE / file).read_text("utf-8").splitlines():
        item = json.loads(line)
        labels = list(item["claims"])
        yield from (("labelled", item["text"]) for _ in labels)
        for row in lint(item["text"], runs[item["run"]]):
            if row.ruling is None:
                continue
            claim = row.ruling.claim
            fitting = [label for label in item["claims"] if is_of(label["figure"], claim)]
            if not fitting:
                false = any(is_of(figure, claim) for figure in item["not_claims"])
                yield ("false" if false else "not labelled"), item["text"]
                continue
            here = [label for label in fitting if label["figure"] in row.said] or fitting
            label = next((x for x in here if x in labels), here[0])
            right = row.ruling.ruling in [
                RULINGS.get(ok, ok).replace("_", " ") for ok in label["ok"]
            ]
            if label in labels:  # a figure that is told twice counts once
                labels.remove(label)
                yield ("right" if right else "wrong"), item["text"]


@pytest.mark.parametrize(
    ("file", "labels", "read"),
    [
        ("strangers.jsonl", 277, 0.5),
        ("strangers_2.jsonl", 335, 0.2),
        ("strangers_3.jsonl", 271, 0.55),
    ],
)
def test_what_is_ruled_is_right(
    file: str, labels: int, read: float, runs: dict[str, RunSummary]
) -> None:
    found = [*outcomes(runs, file)]
    count = Counter(outcome for outcome, _ in found)
    faults = [row for row in found if row[0] in ("wrong", "false")]
    ruled = count["right"] + count["wrong"] + count["false"]
    assert count["labelled"] == labels
    assert count["right"] >= 0.97 * ruled, faults
    assert count["right"] >= read * labels
