"""Whatever is put into a journal, in whatever order, comes out of it and of the tables."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from liftlab.records import Attempt, Run, Stage, Trial, as_row, columns
from liftlab.store import (
    Journal,
    RunFolder,
    committed,
    create,
    join_trials,
    read_journal,
    read_tables,
    write_tables,
)
from liftlab.store.frames import empty

RUN_ID = "20251015_085128_abcd"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
}


def new_folder(path: Path) -> RunFolder:
    return create(path, Run(run_id=RUN_ID, suite="one"), {}, b"", ".toml")


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


@st.composite
def attempts(draw: st.DrawFn, seq: int) -> Attempt:
    fixed = {"run_id": RUN_ID, "seq": seq, "abandoned": draw(st.booleans())}
    fixed["phase"] = draw(st.sampled_from(["warmup", "probe", "measure"]))
    free = {name: kind for name, kind in columns("attempt").items() if name not in fixed}
    drawn = {name: draw(st.none() | VALUES[kind]) for name, kind in free.items()}
    return Attempt(**fixed, **drawn)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none(), max_size=2).flatmap(lambda n: st.tuples(*map(attempts, range(len(n))))))
def test_every_value_of_an_attempt_comes_back(rows: tuple[Attempt, ...]) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = new_folder(Path(path))
        with Journal.open(folder) as journal:
            for row in rows:
                journal.attempt_sent(row)
                journal.attempt_ended(row)
        frames = read_journal(folder)
        expected = [as_row(row) for row in rows]
        assert plain(frames["attempt"]) == expected
        frames["trial"] = join_trials(
            frames["trial"], empty("grade"), empty("cost"), frames["attempt"]
        )
        write_tables(folder, frames)
        run = read_tables(folder)
        assert plain(run.attempts) == expected
        assert run.attempts.dtypes.equals(frames["attempt"].dtypes)


class JournalMachine(RuleBasedStateMachine):
    """A journal beside a plain model of what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.folder = new_folder(self.path)
        self.journal = Journal.open(self.folder)
        self.rows: dict[int, Attempt] = {}
        self.open: set[int] = set()
        self.trials: list[tuple[str, int]] = []

    def teardown(self) -> None:
        self.read()
        self.journal.close()
        shutil.rmtree(self.path)

    @rule(case_id=TEXT, attempt=st.integers(1, 5))
    def send(self, case_id: str, attempt: int) -> None:
        seq = self.journal.next_seq()
        assert seq == len(self.rows) + 1
        row = Attempt(
            run_id=RUN_ID, seq=seq, case_id=case_id, repeat=1, stage="code", attempt=attempt
        )
        self.journal.attempt_sent(row)
        self.rows[seq] = row
        self.open.add(seq)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), valid=st.booleans())
    def end(self, data: st.DataObject, valid: bool) -> None:
        seq = data.draw(st.sampled_from(sorted(self.open)))
        self.rows[seq] = replace(self.rows[seq], valid=valid, last_byte_s=1.0)
        self.journal.attempt_ended(self.rows[seq])
        self.open.remove(seq)

    @rule(case_id=TEXT, stages=st.integers(0, 3))
    def commit(self, case_id: str, stages: int) -> None:
        repeat = len(self.trials)
        parts = [
            Stage(run_id=RUN_ID, case_id=case_id, repeat=repeat, stage=str(n), position=n, ok=True)
            for n in range(stages)
        ]
        row = Trial(run_id=RUN_ID, case_id=case_id, repeat=repeat)
        self.journal.trial_ended(row, parts).result()
        self.trials.append((case_id, repeat))
        assert committed(self.folder) == set(self.trials)

    @rule()
    def resume(self) -> None:
        self.journal.close()
        self.journal = Journal.open(self.folder)
        assert self.journal.abandon_open() == len(self.open)
        self.rows |= {seq: replace(self.rows[seq], abandoned=True) for seq in self.open}
        self.open.clear()

    @rule()
    def read(self) -> None:
        self.journal.committed()  # waits for what was put in
        frames = read_journal(self.folder)
        assert plain(frames["attempt"]) == [as_row(row) for row in self.rows.values()]
        keys = list(zip(frames["trial"]["case_id"], frames["trial"]["repeat"], strict=True))
        assert keys == self.trials


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=5, stateful_step_count=12, deadline=None)
