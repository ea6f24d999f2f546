"""The load process of `liftlab load`; `liftlab.runner.load_control` starts it.

It gets its job as one line of JSON on standard input, and tells what happens as lines of
JSON on standard output. It imports as little as it can: a load is often short.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from liftlab.endpoints.base import Reply, Sampling
from liftlab.endpoints.connect import connected
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import EndpointUnreachable
from liftlab.runner.arrivals import Arrivals
from liftlab.runner.batches import Batches
from liftlab.runner.duty import Notes, emit, first_of, serve
from liftlab.runner.halt import Halt
from liftlab.runner.learning import learn, learn_and_record
from liftlab.runner.limits import Rates, Spending
from liftlab.runner.requests import Ended, Load, Sender
from liftlab.settings import EndpointSettings, LimitSettings
from liftlab.store.folder import RunFolder
from liftlab.store.journal import Journal
from liftlab.timing.clock import Clock
from liftlab.timing.trust import Trust

_WARM_UP = 16  # connections that are there before an open loop without a limit begins


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadJob:
    """What the parent asks for.

    `plan` is empty in closed loop; in open loop a `concurrency` of None is no limit.
    """

    folder: Path
    endpoint: EndpointSettings
    prompt: str
    sampling: Sampling
    stream: bool
    count: int
    concurrency: int | None
    plan: array[float]
    limits: LimitSettings
    rates: Rates | None

    @classmethod
    def from_json(cls, line: str) -> LoadJob:
        """Read the job's line; the plan is made here, from its few numbers."""
        data: dict[str, Any] = json.loads(line)
        arrivals = data["arrivals"]
        plan = array("d")
        if arrivals is not None:
            plan = Arrivals(**arrivals).plan(data["count"], data["sampling"]["seed"])
        return cls(
            folder=Path(data["folder"]),
            endpoint=EndpointSettings.model_validate(data["endpoint"]),
            prompt=data["prompt"],
            sampling=Sampling(**data["sampling"]),
            stream=data["stream"],
            count=data["count"],
            concurrency=data["concurrency"],
            plan=plan,
            limits=LimitSettings.model_validate(data["limits"]),
            rates=None if data["rates"] is None else Rates(**data["rates"]),
        )


async def run(job: LoadJob, halt: Halt) -> None:
    """Send the job's requests, or those begun before the halt; the journal is then complete."""
    folder = RunFolder(job.folder)
    clock = Clock()
    emit({"event": "clock", "zero_ns": clock.zero_ns})
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal.open(folder))
        endpoint = await stack.enter_async_context(connected(job.endpoint))
        load = Load(
            run_id=folder.run_id,
            endpoint_name=job.endpoint.name,
            prompt=job.prompt,
            prompt_sha256=folder.artifacts.put_text(job.prompt),
            sampling=job.sampling,
            # Its servers answer an object: the protocol's requests carry a schema.
            schema={"type": "object"} if job.endpoint.protocol == "lift" else None,
            stream=job.stream,
            deadline_s=job.endpoint.deadline_s,
            nonce=job.endpoint.nonce,
        )
        batches = Batches(journal, emit)
        try:
            sender = Sender(load, endpoint, journal, clock, batches, halt, Notes())
            learning = None
            if isinstance(endpoint, OpenAIEndpoint):
                learning = learn(partial(sender.probe, endpoint), job.endpoint.name)
            await learn_and_record(learning, endpoint, journal, job.sampling)
            await _send(job, sender, journal, halt)
        except BaseExceptionGroup as failed:
            raise first_of(failed) from failed
        finally:
            await batches.close()


async def _send(job: LoadJob, sender: Sender, journal: Journal, halt: Halt) -> None:
    status = "failed"
    try:
        _check(await sender.warm_up(min(job.concurrency or _WARM_UP, job.count)), job)
        status = "interrupted"
        async with Trust(job.concurrency or _WARM_UP) as trust:
            gc.collect()
            gc.freeze()  # what the imports left is not looked through again and again
            _limit(job, sender, halt)
            try:
                if job.plan:
                    await sender.open(job.plan, job.concurrency)
                else:
                    await sender.closed(job.count, job.concurrency or 1)
                status = halt.status or "complete"
            finally:
                journal.update_run(**trust.columns())
    finally:
        journal.update_run(status=status, finished_at=datetime.now(UTC).isoformat())


def _limit(job: LoadJob, sender: Sender, halt: Halt) -> None:
    """End the load once one of its limits is reached; requests under way end."""
    if all(limit is None for limit in job.limits.model_dump().values()):
        return
    spending = Spending(job.limits, job.rates, time.monotonic)

    def heed(ended: Ended) -> None:
        spending.add(ended)
        reached = spending.reached()
        if reached and halt.status is None:
            halt.status = "partial"
            emit({"event": "limit", "reached": reached})

    sender.watched(heed)


def _check(replies: Sequence[Reply], job: LoadJob) -> None:
    """Go no further where no request of the warm-up had any answer."""
    if any(reply.http_status is not None for reply in replies):
        return
    said = replies[0].message or replies[0].error_class
    raise EndpointUnreachable(
        f"endpoint {job.endpoint.name!r} answers none of {len(replies)} warm-up requests: {said}"
    )


def _lift_file_limit() -> None:
    """Allow as many connections as the system lets us have: open load may need thousands."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    """Read the job, do it, and return the exit code."""
    job = LoadJob.from_json(sys.stdin.readline())
    _lift_file_limit()
    return serve(lambda halt: run(job, halt))


if __name__ == "__main__":
    raise SystemExit(main())
