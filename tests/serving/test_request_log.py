from __future__ import annotations

from datetime import datetime
from pathlib import Path

from liftlab.serving.request_log import Entry, RequestLog, read_request_log


def test_lines_come_back_complete(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with RequestLog(path) as log:
        entry = Entry(request_id="a", path="/generate", tokens=7, status="ok")
        entry.start()
        entry.leave_slot()
        log.write(entry)
        (line,) = read_request_log(path)  # before the file is closed: nothing is held back
        log.write(Entry(request_id="b", path="/generate"))
    assert (line["request_id"], line["status"], line["tokens"]) == ("a", "ok", 7)
    assert line["received_s"] <= line["started_s"] <= line["finished_s"]
    assert line["busy_s"] <= line["finished_s"] - line["started_s"]
    assert datetime.fromisoformat(line["received_at"]) <= datetime.fromisoformat(
        line["finished_at"]
    )
    assert [line["status"] for line in read_request_log(path)] == ["ok", "cancelled"]


def test_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"request_id": "a"}\n{"request_id": ')
    assert read_request_log(path) == [{"request_id": "a"}]


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert read_request_log(tmp_path / "none.jsonl") == []
    with RequestLog(None) as log:
        log.write(Entry(request_id="a", path="/"))
