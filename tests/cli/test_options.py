"""Options that several verbs share."""

from __future__ import annotations

import pytest

from liftlab.cli.main import main


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/10001"])
def test_a_share_that_is_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    load = ["load", "http://127.0.0.1:9", "-n", "9", f"--segment={text}", "--start-at=4e9"]
    grade = ["grade", "none.jsonl", "--suite", "mvp", "--out", "out", f"--shard={text}"]
    for command in (load, grade):
        assert main(command) == 2
        assert f"{text!r}: give I/N" in capsys.readouterr().err
