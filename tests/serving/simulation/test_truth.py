"""The truth log as it is read back."""

from __future__ import annotations

from pathlib import Path

from liftlab.serving.simulation.truth import read_truth


def test_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    assert read_truth(path) == []
    path.write_text('{"request_id": "a"}\n{"request_id": ')
    assert read_truth(path) == [{"request_id": "a"}]
