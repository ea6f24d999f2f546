"""A run folder, and rows for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from liftlab.records import Attempt, Run, Stage, Trial
from liftlab.store import Journal, RunFolder, create

RUN_ID = "20251015_085128_abcd"
SUITE = b"""name = "one"
[[cases]]
case_id = "add"
prompt = "Add two numbers"
category = "arithmetic"
difficulty = "easy"
checks = [[[1, 2], 3]]
"""


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., RunFolder]:
    def make(run_id: str = RUN_ID, **columns: object) -> RunFolder:
        run = Run(run_id=run_id, suite="one", started_at="2025-10-15T08:51:28+00:00")
        manifest = {"settings": {"seed": 1}}
        return create(tmp_path / "runs", replace(run, **columns), manifest, SUITE, ".toml")

    return make


@pytest.fixture
def folder(make_folder: Callable[..., RunFolder]) -> RunFolder:
    return make_folder()


def sent(seq: int, case_id: str | None = "add", repeat: int = 1, **columns: object) -> Attempt:
    known = {"stage": "code", "attempt": 1, "called_s": 0.5, "sent_s": 0.6} | columns
    return Attempt(run_id=RUN_ID, seq=seq, case_id=case_id, repeat=repeat, **known)


def trial(case_id: str = "add", repeat: int = 1, **columns: object) -> Trial:
    return Trial(run_id=RUN_ID, case_id=case_id, repeat=repeat, **columns)


def stage(case_id: str = "add", repeat: int = 1, **columns: object) -> Stage:
    known = {"stage": "code", "position": 0, "ok": True} | columns
    return Stage(run_id=RUN_ID, case_id=case_id, repeat=repeat, **known)


def write_trial(journal: Journal, case_id: str = "add", repeat: int = 1) -> None:
    """Write one attempt and commit its trial."""
    attempt = sent(journal.next_seq(), case_id, repeat)
    journal.attempt_sent(attempt)
    journal.attempt_ended(replace(attempt, last_byte_s=1.5, transport_ok=True, valid=True))
    row = trial(case_id, repeat, e2e_s=0.9, attempts=1, completed=True)
    journal.trial_ended(row, [stage(case_id, repeat)]).result()


@pytest.fixture
def rows() -> SimpleNamespace:
    return SimpleNamespace(
        run_id=RUN_ID, suite=SUITE, sent=sent, trial=trial, stage=stage, write_trial=write_trial
    )
