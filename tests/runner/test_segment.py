"""Plans cut into segments: each request in one of them, and the same one wherever it is sent."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from liftlab.errors import UsageError
from liftlab.jobs import loading, running
from liftlab.runner import segment as module
from liftlab.runner.plan import at_rate
from liftlab.runner.request import RunRequest
from liftlab.runner.segment import Segment, begin, moment
from liftlab.runner.worker import Stop
from liftlab.settings import load_project
from liftlab.store import RunFolder
from liftlab.timing.clock import Clock


def parts(of: int, start_at: float = 0.0) -> list[Segment]:
    return [Segment(index=index, of=of, start_at=start_at) for index in range(1, of + 1)]


@given(st.integers(0, 400), st.integers(1, 40))
def test_segments_hold_each_request_exactly_once(count: int, of: int) -> None:
    shares = [part.share(range(count)) for part in parts(of)]
    assert sorted(number for share in shares for number in share) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.integers(0, 2**31), st.integers(1, 7))
def test_the_arrivals_of_all_segments_are_those_of_the_plan(seed: int, of: int) -> None:
    plan = at_rate(100.0).plan(200, seed)
    union = sorted(moment_s for part in parts(of) for moment_s in part.share(plan))
    assert union == list(plan)


@pytest.mark.parametrize("of", [2, 5])
def test_a_share_of_a_poisson_plan_is_steadier_and_has_its_rate(of: int) -> None:
    """Every n-th arrival: gaps are sums of n exponential ones (Erlang), not exponential again."""
    share = np.asarray(parts(of)[0].share(at_rate(100.0).plan(10_000, 20251015)))
    gaps = np.diff(share)
    assert gaps.mean() == pytest.approx(of / 100, rel=0.03)
    assert stats.kstest(gaps, "gamma", args=(of, 0, 0.01)).pvalue > 0.01


@pytest.mark.parametrize(
    "text", ["2026-11-29 22:00", "yesterday", "nan", "inf", "-5", "1e12", "99999999999999999999"]
)
def test_a_moment_that_is_none_or_has_no_zone_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--start-at is a moment"):
        moment(text)


def load_of(folder: Path, requests: int = 10, **more: object) -> RunRequest:
    (folder / "liftlab.toml").write_text("")
    project = load_project(
        folder, environ={}, overrides={"run.endpoint": "http://127.0.0.1:9", "run.protocol": "lift"}
    )
    endpoint = project.settings.chosen_endpoint(None)
    return loading.plan_load(project, endpoint, requests=requests, **more)  # type: ignore[arg-type]


def test_a_segment_has_its_share_of_requests_lanes_and_rate(tmp_path: Path) -> None:
    plan = load_of(tmp_path, 11, concurrency=5, rate_rps=30.0)
    cut = [loading.cut(plan, part) for part in parts(3)]
    assert [len(one.numbers) for one in cut] == [4, 4, 3]
    assert [one.lanes for one in cut] == [2, 2, 1]
    rows = [one.row({"model": None, "hardware": None}) for one in cut]
    assert [(row.repeats, row.concurrency, row.rate_rps) for row in rows] == [
        (4, 2, 10.0),
        (4, 2, 10.0),
        (3, 1, 10.0),
    ]
    assert load_of(tmp_path, 11, rate_rps=30.0).lanes is None


def test_the_name_of_a_segment_is_its_plan_and_its_moment(tmp_path: Path) -> None:
    def name(plan: RunRequest, index: int = 1, start_at: float = 1e9) -> str:
        part = Segment(index=index, of=2, start_at=start_at)
        return loading.segment_folder(loading.cut(plan, part)).run_id

    plan = load_of(tmp_path, concurrency=2)
    assert name(plan) == name(load_of(tmp_path, concurrency=2))
    assert name(plan).startswith("20010909_014640_")
    assert name(plan).endswith("_1of2")
    others = [
        name(plan, index=2),
        name(plan, start_at=1e9 + 0.5),
        name(load_of(tmp_path, concurrency=2, seed=7)),
        name(load_of(tmp_path, concurrency=2, max_tokens=7)),
        name(load_of(tmp_path, concurrency=3)),
        name(load_of(tmp_path, requests=12, concurrency=2)),
        name(load_of(tmp_path, concurrency=2, rate_rps=5.0)),
    ]
    assert len({name(plan), *others}) == 1 + len(others)


def test_a_manifest_says_which_part_of_which_plan(tmp_path: Path) -> None:
    plan = load_of(tmp_path, concurrency=2)
    manifest = json.loads(json.dumps(loading.cut(plan, parts(2, 5.5)[1]).manifest()))
    assert manifest["segment"] == {
        "plan_sha256": plan.plan_sha256,
        "index": 2,
        "of": 2,
        "start_at": 5.5,
        "one_clock": False,
    }
    assert manifest["request"]["repeats"] == 10
    assert "segment" not in plan.manifest()


def test_segments_of_a_suite_hold_each_trial_once(project_folder: Path) -> None:
    project = load_project(
        project_folder, environ={}, overrides={"run.repeats": 3, "run.concurrency": 2}
    )
    plan = running.plan_run(project)
    keys = [t.key for part in parts(2) for t in loading.cut(plan, part).trials()]
    assert sorted(keys) == sorted(t.key for t in plan.trials())


@pytest.mark.parametrize(
    ("of", "more", "words"),
    [
        (11, {"concurrency": 20}, "10 requests cannot be cut into 11 segments"),
        (3, {"concurrency": 2}, "3 segments need 3 requests at once"),
        (2, {}, "2 segments need 2 requests at once"),
    ],
)
def test_a_plan_that_cannot_be_cut_is_refused(
    of: int, more: dict[str, int], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        loading.cut(load_of(tmp_path, **more), parts(of)[0])


@pytest.mark.parametrize(
    ("index", "of", "start_at", "is_one"),
    [
        (1, 1, 0.0, True),
        (10_000, 10_000, 4e9, True),
        (0, 1, 0.0, False),
        (2, 1, 0.0, False),
        (1, 10_001, 0.0, False),
        (1, 1, -0.5, False),
        (1, 1, 4e9 + 1, False),
    ],
)
def test_what_a_segment_may_be(index: int, of: int, start_at: float, is_one: bool) -> None:
    told = {"index": index, "of": of, "start_at": start_at}
    if is_one:
        assert str(Segment.model_validate(told)) == f"{index}/{of}"
    else:
        with pytest.raises(ValidationError):
            Segment.model_validate(told)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("4e9", 4e9),
        ("12.5", 12.5),
        ("2001-09-09T01:46:40Z", 1e9),
        ("2001-09-09T03:46:40+02:00", 1e9),
    ],
)
def test_a_moment_is_told_as_seconds_or_with_its_zone(text: str, seconds: float) -> None:
    assert moment(text) == seconds


def test_a_moment_beyond_the_last_is_refused() -> None:
    for text in ("4000000001", "-0.5", "1969-12-31T23:59:59Z"):
        with pytest.raises(UsageError):
            moment(text)


class Waits:
    """Stands in for a pacer: notes for which moments it was to wait."""

    moments: list[int]

    def __enter__(self) -> Waits:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    async def until(self, moment_ns: int) -> None:
        self.moments.append(moment_ns)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(Waits, "moments", [], raising=False)
    monkeypatch.setattr(module, "Pacer", Waits)
    return Waits.moments


def clock_in(seconds: float) -> Clock:
    """Return a clock whose zero is so far ahead."""
    return Clock.since(0.0, zero_ns=time.perf_counter_ns() + round(seconds * 1e9))


async def begun(
    folder: Path, clock: Clock, stop: Stop | None = None, *, is_open: bool = False, **told: Any
) -> tuple[int | None, float | None]:
    """Return the moment at which a segment began, and by how much its manifest says it was late."""
    kept = RunFolder(folder)
    kept.write_manifest({"segment": told})
    part = Segment(index=1, of=2, start_at=0.0, zero_ns=None if stop is None else 0)
    found = await begin(part, kept, clock, stop or Stop(), is_open=is_open)
    return found, kept.manifest()["segment"].get("start_offset_s")


async def test_a_whole_plan_and_one_that_goes_on_begin_at_once(
    tmp_path: Path, waited: list[int]
) -> None:
    folder, ahead = RunFolder(tmp_path), clock_in(60)
    assert await begin(None, folder, ahead, Stop(), is_open=False) is None
    assert await begun(tmp_path, ahead, start_offset_s=0.5) == (None, 0.5)
    assert waited == []


@pytest.mark.parametrize(("is_open", "early_ns"), [(False, 0), (True, 20_000_000)])
async def test_a_segment_waits_for_its_moment(
    tmp_path: Path,
    waited: list[int],
    capsys: pytest.CaptureFixture[str],
    is_open: bool,
    early_ns: int,
) -> None:
    ahead = clock_in(3600)
    assert await begun(tmp_path, ahead, is_open=is_open) == (ahead.zero_ns, 0.0)
    assert waited == [ahead.zero_ns - early_ns]
    [note] = map(json.loads, capsys.readouterr().out.splitlines())
    assert note["event"] == "note"
    assert "1/2" in note["message"]
    assert re.search(r"in 3,(600|5\d\d) s", note["message"])


async def test_a_segment_that_is_late_says_so(
    tmp_path: Path, waited: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    past = clock_in(-3600)
    moment_ns, late_s = await begun(tmp_path, past)
    assert moment_ns == past.zero_ns
    assert late_s is not None
    assert 3600 <= late_s <= (time.perf_counter_ns() - past.zero_ns) / 1e9
    assert f"{late_s:.3f} s late" in capsys.readouterr().out


async def test_on_one_machine_segments_begin_when_they_are_told(
    tmp_path: Path, waited: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    ahead_ns = clock_in(3600).zero_ns
    assert await begun(tmp_path, clock_in(-60), Stop(go_ns=ahead_ns)) == (ahead_ns, 0.0)
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"event": "ready"}
    before_ns = time.perf_counter_ns()
    moment_ns, _ = await begun(tmp_path, clock_in(60), Stop(status="partial"))  # never told
    assert moment_ns is not None
    assert before_ns <= moment_ns <= time.perf_counter_ns()
