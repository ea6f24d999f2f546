"""The requests of a load: who is sent when, and what the journal has of it."""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from liftlab.analysis.load import summarise_load
from liftlab.endpoints.base import Reply, Request, Sampling
from liftlab.endpoints.form import Form
from liftlab.errors import StorageFailed
from liftlab.records import Run
from liftlab.runner.requests import Load, Sender
from liftlab.runner.rows import Batches
from liftlab.store import Journal, RunFolder, create, read_journal
from liftlab.store.exchange import write_lines
from liftlab.timing.clock import Clock, Stamps
from liftlab.timing.pace import may_depart

RUN_ID = "20251015_085128_abcd"
Answer = Callable[[Request], Awaitable[str | None]]


async def well(_: Request) -> None:
    await asyncio.sleep(0)


class Scripted:
    """An endpoint that answers as a test says, and keeps what it was asked."""

    form = Form()

    def __init__(self, answer: Answer = well) -> None:
        self.answer = answer
        self.asked: list[Request] = []
        self.under_way = self.most_under_way = 0

    async def generate(self, request: Request) -> Reply:
        called_ns = time.perf_counter_ns()
        await may_depart()
        self.asked.append(request)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        sent_ns = time.perf_counter_ns()
        try:
            error_class = await self.answer(request)
        finally:
            self.under_way -= 1
        now_ns = time.perf_counter_ns()
        stamps = Stamps(
            called_ns=called_ns,
            sent_ns=sent_ns,
            first_byte_ns=now_ns,
            last_byte_ns=None if error_class == "reset" else now_ns,
            ended_ns=now_ns,
            connection_reused=True,
        )
        return Reply(
            stamps=stamps,
            error_class=error_class,  # type: ignore[arg-type]
            http_status=None if error_class else 200,
            transport_ok=error_class is None,
            response_id=f"r-{request.request_id}",
            output_tokens=7,
        )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = Run(run_id=RUN_ID, suite="load", pipeline="load")
    return create(tmp_path / "runs", run, {"suite": "load"}, b"", ".toml")


@pytest.fixture
def journal(folder: RunFolder) -> Iterator[Journal]:
    with Journal.open(folder) as opened:
        yield opened


async def send(
    endpoint: Scripted,
    journal: Journal,
    how: Callable[[Sender], Awaitable[object]],
    clock: Clock | None = None,
    *,
    nonce: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    sampling = Sampling(seed=5, max_tokens=16)
    like = Request(prompt="Hello", request_id="", sampling=sampling, deadline_s=5)
    load = Load(RUN_ID, "scripted", "0" * 64, like, nonce)
    batches = Batches(journal, told.append)
    try:
        sender = Sender(load, endpoint, journal, clock or Clock(), batches, note=note)  # type: ignore[arg-type]
        await how(sender)
    finally:
        await batches.close()
    return told


async def test_with_a_nonce_no_two_requests_are_alike(journal: Journal) -> None:
    endpoint = Scripted()
    await send(endpoint, journal, lambda sender: sender.closed(3, 1), nonce=True)
    assert [r.prompt for r in endpoint.asked] == [
        f"[{r.request_id}]\nHello" for r in endpoint.asked
    ]


async def test_a_request_on_a_stale_connection_is_sent_again_at_once_and_is_one_request(
    folder: RunFolder, journal: Journal, tmp_path: Path
) -> None:
    asked = iter(["stale_connection"])

    async def answer(_: Request) -> str | None:
        return next(asked, None)

    notes: list[str] = []
    endpoint = Scripted(answer)
    await send(endpoint, journal, lambda sender: sender.closed(3, 1), note=notes.append)
    frames = read_journal(folder)
    attempts = frames["attempt"].sort_values("seq")
    assert attempts["seed"].tolist() == [r.sampling.seed for r in endpoint.asked]
    assert attempts["error_class"].fillna("").tolist() == ["stale_connection", "", "", ""]
    assert attempts["repeat"].tolist() == [1, 1, 2, 3]
    assert attempts["attempt"].tolist() == [1, 2, 1, 1]
    assert attempts["retry_reason"].fillna("").tolist() == ["", "stale_connection", "", ""]
    assert frames["trial"]["attempts"].tolist() == [2, 1, 1]
    assert frames["trial"]["completed"].all()
    first = frames["stage"].iloc[0]
    assert first["started_s"] == attempts["sent_s"].iloc[0]
    assert len(notes) == 1
    summary = summarise_load(Run(run_id=RUN_ID, suite="load", concurrency=1), attempts)
    assert (summary.n, summary.ok, summary.errors, summary.stale) == (3, 3, (), 1)
    assert max(spread.largest for spread in summary.spreads) >= first["latency_s"]
    write_lines(folder, tmp_path / "lines.jsonl", 0)
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert len(lines) == 3
    assert lines[0]["sent_ns"] == round(first["started_s"] * 1e9)
    assert lines[0]["ok"]


async def test_a_closed_loop_sends_all_and_never_more_at_once(
    folder: RunFolder, journal: Journal
) -> None:
    endpoint = Scripted()
    told = await send(endpoint, journal, lambda sender: sender.closed(50, 4))
    frames = read_journal(folder)
    assert endpoint.most_under_way == 4
    assert len({request.request_id for request in endpoint.asked}) == 50
    assert len({request.sampling.seed for request in endpoint.asked}) == 50
    assert [len(frames[table]) for table in ("attempt", "stage", "trial")] == [50, 50, 50]
    assert sorted(frames["trial"]["repeat"]) == list(range(1, 51))
    assert frames["trial"]["completed"].all()
    assert frames["trial"]["e2e_from_planned_s"].isna().all()
    assert not frames["attempt"]["abandoned"].any()
    assert told[-1] == {"event": "requests", "ended": 50, "failed": 0}


async def test_an_open_loop_keeps_its_moments_when_the_server_stalls(
    folder: RunFolder, journal: Journal
) -> None:
    stalled = asyncio.Event()

    async def stall(_: Request) -> None:
        if len(endpoint.asked) < 30:
            await stalled.wait()
        stalled.set()

    endpoint = Scripted(stall)
    plan = array("d", (index * 0.001 for index in range(30)))
    await send(endpoint, journal, lambda sender: sender.open(plan))
    attempts = read_journal(folder)["attempt"]
    trials = read_journal(folder)["trial"]
    assert endpoint.most_under_way == 30  # nothing waits for an answer
    planned = attempts["scheduled_s"].to_numpy()
    assert np.diff(planned) == pytest.approx(np.diff(np.asarray(plan)), abs=2e-9)
    assert (attempts["sent_s"] >= attempts["scheduled_s"]).all()
    assert (trials["e2e_from_planned_s"] >= trials["e2e_s"]).all()


async def test_late_requests_go_out_at_once_and_the_plan_is_not_moved(
    folder: RunFolder, journal: Journal
) -> None:
    async def blocks_the_loop(_: Request) -> None:
        if len(endpoint.asked) == 1:
            time.sleep(0.02)  # noqa: ASYNC251  # the client itself is held up

    endpoint = Scripted(blocks_the_loop)
    plan = array("d", (0.0, 0.001, 0.002, 0.003, 0.04))
    await send(endpoint, journal, lambda sender: sender.open(plan))
    attempts = read_journal(folder)["attempt"]
    lag = (attempts["sent_s"] - attempts["scheduled_s"]).tolist()
    assert len(lag) == 5
    assert lag[1] > lag[2] > lag[3] > 0.015  # they catch up with the plan
    assert np.diff(attempts["scheduled_s"]) == pytest.approx(np.diff(plan), abs=2e-9)


async def test_a_limit_makes_requests_wait_and_their_plan_tells_it(
    folder: RunFolder, journal: Journal
) -> None:
    async def slow(_: Request) -> None:
        await asyncio.sleep(0.002)

    endpoint = Scripted(slow)
    plan = array("d", [0.0] * 8)
    await send(endpoint, journal, lambda sender: sender.open(plan, at_most=2))
    assert endpoint.most_under_way == 2
    trials = read_journal(folder)["trial"]
    waited = trials["e2e_from_planned_s"] - trials["e2e_s"]
    assert len(trials) == 8
    assert waited.max() > 0.0055  # the last two waited for three before them


async def test_warm_up_is_kept_apart(folder: RunFolder, journal: Journal, tmp_path: Path) -> None:
    endpoint = Scripted()
    await send(endpoint, journal, lambda sender: sender.warm_up(3))
    assert endpoint.most_under_way == 3
    frames = read_journal(folder)
    assert set(frames["attempt"]["phase"]) == {"warmup"}
    assert frames["attempt"]["case_id"].isna().all()
    assert len(frames["trial"]) == 0
    write_lines(folder, tmp_path / "out.jsonl", 0)
    assert (tmp_path / "out.jsonl").read_text() == ""


async def test_failures_are_rows_and_a_cut_answer_is_none(
    folder: RunFolder, journal: Journal, tmp_path: Path
) -> None:
    fates = iter(["reset", "length", None])

    async def fail(_: Request) -> str | None:
        return next(fates)

    clock = Clock(monotonic_ns=lambda: 10**15 + 7)
    await send(Scripted(fail), journal, lambda sender: sender.closed(3, 1), clock)
    frames = read_journal(folder)
    assert frames["trial"]["completed"].tolist() == [False, True, True]
    assert frames["stage"]["error_class"].isna().tolist() == [False, True, True]
    write_lines(folder, tmp_path / "out.jsonl", clock.zero_ns)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["ok"] for line in lines] == [False, True, True]
    assert [line["error_class"] for line in lines] == ["reset", None, None]
    assert lines[0]["last_byte_ns"] is None
    assert all(line["sent_ns"] < line["first_byte_ns"] < 10**15 for line in lines)
    assert list(lines[0]) == [
        "request_id",
        "response_id",
        "planned_ns",
        "sent_ns",
        "first_byte_ns",
        "first_token_ns",
        "last_byte_ns",
        "ok",
        "http_status",
        "error_class",
        "connection_reused",
        "output_tokens",
    ]


async def test_what_is_under_way_when_stopped_is_cancelled_not_lost(
    folder: RunFolder, journal: Journal
) -> None:
    started = asyncio.Event()

    async def forever(request: Request) -> None:
        if len(endpoint.asked) == 5:
            started.set()
        if len(endpoint.asked) > 3:
            await asyncio.Event().wait()

    endpoint = Scripted(forever)
    task = asyncio.create_task(send(endpoint, journal, lambda sender: sender.closed(100, 2)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    frames = read_journal(folder)
    assert frames["attempt"]["error_class"].tolist().count("cancelled") == 2
    assert len(frames["attempt"]) == 5
    assert len(frames["trial"]) == 3


async def test_what_was_answered_when_the_load_is_cancelled_is_a_row(
    folder: RunFolder, journal: Journal
) -> None:
    loop = asyncio.get_running_loop()

    async def answer(_: Request) -> None:
        loop.call_soon(task.cancel)  # after the answer, before its row

    endpoint = Scripted(answer)
    task = asyncio.create_task(send(endpoint, journal, lambda sender: sender.closed(1, 1)))
    with pytest.raises(asyncio.CancelledError):
        await task
    frames = read_journal(folder)
    assert frames["attempt"]["error_class"].isna().all()
    assert frames["trial"]["completed"].tolist() == [True]


async def test_workers_wait_for_a_disk_that_is_far_behind(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liftlab.runner.rows._BATCH_ROWS", 1)
    monkeypatch.setattr("liftlab.runner.rows._BATCHES_UNDER_WAY", 2)
    taken: list[asyncio.Future[None]] = []
    loop = asyncio.get_running_loop()

    def slow(*_: object) -> asyncio.Future[None]:
        taken.append(loop.create_future())
        return taken[-1]

    monkeypatch.setattr(journal, "requests_ended", slow)
    endpoint = Scripted()
    task = asyncio.create_task(send(endpoint, journal, lambda sender: sender.closed(20, 1)))
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(endpoint.asked) == 3
    for _ in range(400):
        await asyncio.sleep(0)
        for future in taken:
            if not future.done():
                future.set_result(None)
    await task
    assert len(endpoint.asked) == 20


@pytest.mark.parametrize("loop", ["closed", "open"])
async def test_a_journal_that_cannot_write_ends_the_load(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    monkeypatch.setattr("liftlab.runner.rows._BATCH_ROWS", 1)

    def full(*_: object) -> None:
        raise StorageFailed("the disk is full")

    def how(sender: Sender) -> Awaitable[None]:
        plan = array("d", (index * 0.001 for index in range(500)))
        return sender.closed(500, 1) if loop == "closed" else sender.open(plan)

    monkeypatch.setattr(journal, "requests_ended", full)
    endpoint = Scripted()
    with pytest.raises((BaseExceptionGroup, StorageFailed)):
        await send(endpoint, journal, how)
    assert len(endpoint.asked) < 10
