"""What a killed run made is gone after `--resume`; `benchmarks/session_kills.py` tries many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sessions.kills import killed_and_resumed, moment_of

FEW = ("workflow-ir", "workflow-prompt", "finalize-twice", "parallel-creates", "list-all-of-24")


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_remains_after_a_kill_and_resume(
    seed: int, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project_folder)
    rest = killed_and_resumed(project_folder, moment_of(seed, 60), FEW)
    assert rest.at_kill > 0
    assert (rest.unnamed, rest.named, rest.resumed) == ([], 0, 0)
