"""Verdicts by the digest of their answer, in files of shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftlab.errors import FileInvalid
from liftlab.grading.verdict_files import VERSIONS, Shard, VerdictFile, Verdicts, appending

ROW = {"case_id": "a", "outcome": "pass", "isolation": "full"}
PROOF = {**VERSIONS, "controls": [14, 14], "by": "here"}


def line(number: int, **row: Any) -> dict[str, Any]:
    return {"answer": key(number).hex(), "verdict": ROW | row}


def key(number: int) -> bytes:
    return number.to_bytes(32)


def written(path: Path, *lines: Any) -> Path:
    text = [told if isinstance(told, str) else json.dumps(told) for told in lines]
    path.write_text("".join(told + "\n" for told in text))
    return path


@given(st.binary(min_size=32, max_size=32), st.integers(1, 40))
def test_every_answer_is_of_one_share(digest: bytes, of: int) -> None:
    assert sum(Shard(number, of).holds(digest) for number in range(1, of + 1)) == 1


def test_a_verdict_is_found_again_by_its_digest(tmp_path: Path) -> None:
    with appending(tmp_path / "a") as raw:
        file = VerdictFile(raw)
        for number in range(3):
            told = json.dumps(ROW | {"case_id": str(number)}).encode() + b"\n"
            file.add("one", (14, 14), [(key(number), told)])
    lines = (tmp_path / "a").read_text().splitlines()
    assert len(lines) == 4  # what proves them stands once
    verdicts = Verdicts([tmp_path / "a", written(tmp_path / "b", PROOF, line(1), line(9))])
    assert len(verdicts) == 4
    assert json.loads(verdicts.get(key(1)) or "")["case_id"] == "1"  # the first that was read
    assert verdicts.get(key(7)) is None
    assert verdicts.taken == 1
    assert verdicts.controls == (28, 28)
    verdicts.close()


def test_controls_of_a_pool_count_once(tmp_path: Path) -> None:
    other = {**PROOF, "by": "there"}
    path = written(tmp_path / "a", PROOF, line(1), other, line(2), PROOF, line(3))
    assert Verdicts([path]).controls == (28, 28)


@pytest.mark.parametrize(
    "lines",
    [
        [line(1)],  # nothing proves it
        [{**PROOF, "controls": [13, 14]}, line(1)],
        [{**PROOF, "controls": 14}, line(1)],
        [PROOF, line(1, isolation="limits-only")],
        [PROOF, line(1, outcome="great")],
        [PROOF, {"answer": "zz", "verdict": ROW}],
        [PROOF, {"answer": key(1).hex()}],
        [PROOF, "[" * 100_000],
        [PROOF, "null", "17", '"text"'],
        [PROOF, json.dumps(line(1, more="x" * 100_000))],
    ],
)
def test_what_is_no_proven_verdict_is_passed_over(tmp_path: Path, lines: list[Any]) -> None:
    verdicts = Verdicts([written(tmp_path / "a", *lines)])
    assert not verdicts
    assert verdicts.get(key(1)) is None


def test_weak_isolation_is_taken_where_it_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path / "a", PROOF, line(1, isolation="limits-only"))
    assert len(Verdicts([path], allow_weak=True)) == 1


def test_a_torn_line_ends_the_whole_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "a", PROOF, line(1))
    whole = path.stat().st_size
    with path.open("a") as file:
        file.write(json.dumps(line(2))[:-4])
    verdicts = Verdicts()
    assert verdicts.read(path) == whole
    assert len(verdicts) == 1


@pytest.mark.parametrize("name", list(VERSIONS))
def test_other_versions_are_refused_by_name(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "a", PROOF | {name: "0.0.9"}, line(1))
    with pytest.raises(FileInvalid, match=r"0\.0\.9.*grade that shard again"):
        Verdicts([path])


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a", PROOF, line(1))
    verdicts = Verdicts([path])
    written(path, PROOF, line(2))
    with pytest.raises(FileInvalid, match="changed while it was read"):
        verdicts.get(key(1))
    verdicts.close()
