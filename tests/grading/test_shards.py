"""Shares of a file of answers, judged apart and joined."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from liftlab import suite
from liftlab.errors import FileInvalid, StorageFailed, VerdictsUnproven
from liftlab.grading import answer, pool
from liftlab.grading.samples import grade_samples, grade_shard
from liftlab.grading.verdict_files import Shard, appending

SUITE = suite.parse(
    b'{"case_id": "double", "prompt": "Double.", "checks": [[[2], 4], [[0], 0]]}\n'
    b'{"case_id": "free", "prompt": "Anything."}\n',
    Path("tiny.jsonl"),
)
CODES = [f"def f(x):\n    return {n} * x" for n in range(12)] + ["def f(x): retur", "```\nno\n```"]
SAMPLES = [
    {"case_id": case_id, "code": code, "latency_s": n}
    for n, (case_id, code) in enumerate(
        (case_id, code) for _ in range(2) for case_id in ("double", "free") for code in CODES
    )
]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"
    order = random.Random(7).sample(SAMPLES, len(SAMPLES))
    path.write_text("".join(json.dumps(sample) + "\n" for sample in order))
    return path


@pytest.fixture(scope="module")
def alone(samples: Path) -> list[Any]:
    out = samples.with_name("alone.jsonl")
    grade_samples(samples, SUITE, out)
    return timeless(out)


def timeless(path: Path) -> list[Any]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [list(row.items()) for row in rows if [row.pop("cpu_s"), row.pop("wall_s")]]


def shares(samples: Path, out: Path, of: int, numbers: list[int]) -> list[Path]:
    return [grade_shard(samples, SUITE, out, Shard(number, of))[0] for number in numbers]


def no_sandbox(*_: object) -> None:
    raise AssertionError("nothing was to be run")


def test_shares_in_any_order_come_to_what_one_process_says(
    samples: Path, alone: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    shares(samples, out, 3, [3, 1, 2])
    assert not out.exists()
    with monkeypatch.context() as patch:
        patch.setattr(pool, "sandbox_for", no_sandbox)
        summary = grade_samples(samples, SUITE, out)
        again = out.read_bytes()
        grade_samples(samples, SUITE, out)
    assert timeless(out) == alone
    assert out.read_bytes() == again
    assert (summary.joined, summary.total, summary.proven) == (len(SAMPLES), len(SAMPLES), True)
    assert summary.controls == "42 of 42"
    assert summary.isolation in {dict(row)["isolation"] for row in alone}


def test_a_share_counts_each_different_answer_once(samples: Path, tmp_path: Path) -> None:
    found = [
        grade_shard(samples, SUITE, tmp_path / "out", Shard(number, 2))[1] for number in (1, 2)
    ]
    assert sum(summary.total for summary in found) == 2 * len(CODES)
    assert sum(summary.outcomes["pass"] for summary in found) == 1


def test_a_share_that_is_missing_or_overlaps_is_no_harm(
    samples: Path, alone: list[Any], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    shares(samples, out, 3, [2])
    shares(samples, out, 2, [1])
    seen: list[tuple[int, int]] = []
    summary = grade_samples(samples, SUITE, out, progress=lambda *told: seen.append(told))
    assert timeless(out) == alone
    assert 0 < summary.joined < len(SAMPLES)
    assert seen[-1] == (len(SAMPLES), len(SAMPLES))


def test_what_is_joined_has_no_rate(samples: Path, tmp_path: Path) -> None:
    shares(samples, tmp_path / "out", 1, [1])
    seen: list[tuple[int, int]] = []
    grade_samples(samples, SUITE, tmp_path / "out", progress=lambda *told: seen.append(told))
    assert seen == [(len(SAMPLES), len(SAMPLES))]


def test_a_share_broken_off_goes_on(samples: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_shard(samples, SUITE, tmp_path / "out", Shard(1, 1), progress=stop)
    [path] = tmp_path.iterdir()
    kept = path.read_bytes()
    path.write_bytes(kept + b'{"answer": "torn')
    _, summary = grade_shard(samples, SUITE, tmp_path / "out", Shard(1, 1))
    assert (summary.resumed, summary.total) == (3, 2 * len(CODES))
    lines = path.read_bytes()
    assert lines.startswith(kept)
    digests = [told["answer"] for told in map(json.loads, lines.splitlines()) if "answer" in told]
    assert len(set(digests)) == len(digests) == 2 * len(CODES)


def test_two_at_once_do_not_write_one_share(samples: Path, tmp_path: Path) -> None:
    [path] = shares(samples, tmp_path / "out", 2, [1])
    with appending(path), pytest.raises(StorageFailed, match="another process is writing it"):
        shares(samples, tmp_path / "out", 2, [1])


def test_shares_of_another_suite_are_named_and_left(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    other = suite.parse(
        b'{"case_id": "double", "prompt": "D.", "checks": [[[2], 6]]}\n'
        b'{"case_id": "free", "prompt": "Anything."}\n',
        Path("tiny.jsonl"),
    )
    [path] = shares(samples, out, 1, [1])
    summary = grade_samples(samples, other, out)
    assert (summary.joined, summary.strange) == (0, (path.name,))


def test_a_share_of_another_python_is_refused(samples: Path, tmp_path: Path) -> None:
    [path] = shares(samples, tmp_path / "out", 1, [1])
    path.write_text(path.read_text().replace('"python": "3.', '"python": "2.', 1))
    with pytest.raises(FileInvalid, match=r"on Python 2\."):
        grade_samples(samples, SUITE, tmp_path / "out")


def test_a_broken_grader_keeps_no_verdict_of_a_share(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(answer, "is_same", lambda expected, actual: True)
        with pytest.raises(VerdictsUnproven):
            shares(samples, tmp_path / "out", 1, [1])
    [path] = tmp_path.iterdir()
    kept = [json.loads(line).get("verdict") for line in path.read_text().splitlines()]
    assert {verdict["outcome"] for verdict in kept if verdict} <= {"ungraded"}


def test_a_verdict_that_was_unproven_leaves_the_whole_unproven(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(answer, "is_same", lambda expected, actual: True)
        with pytest.raises(KeyboardInterrupt):
            grade_samples(samples, SUITE, tmp_path / "out", progress=stop)
    assert not grade_samples(samples, SUITE, tmp_path / "out").proven
