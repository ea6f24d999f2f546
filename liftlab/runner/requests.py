"""The requests of `liftlab load`: one prompt, many times, in closed or open loop, each a row.

A request is a trial of one stage with one attempt. It is never sent again, whatever becomes
of it: a load generator that retries measures its own patience. The one exception is a kept
connection that its server had closed unseen: then a second attempt goes to a new one at once.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from liftlab.endpoints.base import Endpoint, Reply, Request
from liftlab.endpoints.connect import connected
from liftlab.endpoints.openai import OpenAIEndpoint
from liftlab.errors import EndpointUnreachable
from liftlab.records import LOAD, STALE, Attempt, Phase, Stage, Trial
from liftlab.runner.attempt import cancelled, measured
from liftlab.runner.limits import Count
from liftlab.runner.probe import cheap, learn, learn_and_record
from liftlab.runner.request import Job, RunRequest
from liftlab.runner.rows import Batches, Sent
from liftlab.runner.segment import begin, moment
from liftlab.runner.worker import STALE_NOTE, FollowSchedule, Notes, Stop, closed, emit
from liftlab.store import Journal, RunFolder
from liftlab.timing.clock import Clock
from liftlab.timing.pace import Departure, Pacer, departure, lull
from liftlab.timing.trust import Trust

Send = Callable[[Request], Awaitable[Reply]]
STAGE = "request"
_LEAD_S = 0.05  # from the plan's making to its zero, so that the first request is not late
# Before its moment a request is made ready down to its connection, so that then it only has to
# be written. That takes a third of a millisecond; a new connection on one machine takes one.
_READY_NS = 3_000_000


async def ready(
    job: Job, journal: Journal, stack: AsyncExitStack, concurrency: int
) -> FollowSchedule:
    """Make everything ready for the first request, and return what sends them all.

    Raises EndpointUnreachable if no request of the warm-up has any answer.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # open load may need thousands
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder, request, settings = RunFolder(job.folder), job.request, job.request.endpoint
    clock = _clock_of(request, journal)
    emit({"event": "clock", "zero_ns": clock.zero_ns})
    endpoint = await stack.enter_async_context(connected(settings))
    like = Request(
        prompt=request.prompt or "",
        request_id="",
        sampling=request.sampling,
        # Its servers answer an object: the protocol's requests carry a schema.
        schema={"type": "object"} if settings.protocol == "lift" else None,
        stream=settings.stream,
        deadline_s=settings.deadline_s,
    )
    digest = folder.artifacts.put_text(like.prompt)
    load = Load(folder.run_id, settings.name, digest, like, settings.nonce)
    batches = Batches(journal, emit)
    stack.push_async_callback(batches.close)
    arrivals, numbers = request.arrivals, request.numbers
    plan = arrivals.plan(request.repeats, request.seed) if arrivals else array("d")
    sent = None if arrivals else Sent(folder, numbers)
    sender = Sender(load, endpoint, journal, clock, batches, note=Notes())
    if sent is not None:
        await sent.give_up(journal, STAGE, sender.facts)
    if sent is None or next(sent.left(), None) is not None:
        await _prepare(sender, endpoint, journal, request, min(concurrency, len(numbers)))

    async def follow_schedule(stop: Stop, count: Count, _: Trust) -> bool:
        gc.collect()
        gc.freeze()  # what the imports left is not looked through again and again
        sender.follows(stop, count)
        begins_ns = await begin(request.segment, folder, clock, stop, is_open=sent is None)
        if sent is None:
            if not await sender.open(plan, request.lanes, numbers, begins_ns):
                stop.status = stop.status or "partial"
        else:
            await sender.closed(len(numbers), concurrency, numbers, sent)
        return False

    return follow_schedule


async def _prepare(
    sender: Sender, endpoint: Endpoint, journal: Journal, request: RunRequest, count: int
) -> None:
    """Learn how requests have to look, and open connections by sending some that do not count."""
    name, learning = request.endpoint.name, None
    if isinstance(endpoint, OpenAIEndpoint):
        learning = learn(partial(sender.probe, endpoint), name)
    await learn_and_record(learning, endpoint, journal, request.sampling)
    try:
        replies = await sender.warm_up(count)
        if all(reply.http_status is None for reply in replies):
            said = replies[0].message or replies[0].error_class
            raise EndpointUnreachable(
                f"endpoint {name!r} answers none of {count} warm-up requests: {said}"
            )
    except BaseException:
        journal.update_run(status="failed", finished_at=datetime.now(UTC).isoformat())
        raise


def _clock_of(request: RunRequest, journal: Journal) -> Clock:
    """Return a load's clock; one that goes on counts from where it first began."""
    if request.segment is not None:
        return request.segment.clock()
    began_at = journal.began_at() if journal.committed() else None
    return Clock() if began_at is None else Clock.since(moment(began_at))


class Load(NamedTuple):
    """What every request of a load shares; `prompt_sha256` names the artifact that keeps it.

    `like`: a request like all of them; the seed of its sampling is that of the first, each further
    one's is one more. With a `nonce` each prompt begins with its id, so that no cache knows it.
    """

    run_id: str
    endpoint_name: str
    prompt_sha256: str
    like: Request
    nonce: bool = False


class _Asked(NamedTuple):
    """A request, when it is to go out, and what its row says of it before it is sent."""

    request: Request
    number: int | None
    leaves: Departure | None
    stale: Attempt | None
    facts: dict[str, Any]


class Sender:
    """Sends the requests of one load."""

    def __init__(
        self,
        load: Load,
        endpoint: Endpoint,
        journal: Journal,
        clock: Clock,
        batches: Batches,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._load, self._endpoint, self._clock = load, endpoint, clock
        self._next_seq, self._batches, self._note = journal.next_seq, batches, note
        self._stop = Stop()
        self._heed: Count | None = None

    def follows(self, stop: Stop, heed: Count) -> None:
        """Send no further request after the stop; tell of each that has ended."""
        self._stop, self._heed = stop, heed

    async def probe(self, endpoint: OpenAIEndpoint) -> Reply:
        """Send one short request that is kept apart, to learn how the endpoint wants them."""
        asked = self._asked(None, phase="probe")
        request = replace(asked.request, sampling=cheap(asked.request.sampling))
        return await self._send(asked._replace(request=request), endpoint.probe)

    async def warm_up(self, count: int) -> list[Reply]:
        """Send some requests at once that are kept apart; they leave connections behind."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._send(self._asked(None))) for _ in range(count)]
        return [task.result() for task in tasks]

    async def closed(
        self,
        count: int,
        concurrency: int,
        numbers: Sequence[int] | None = None,
        sent: Sent | None = None,
    ) -> None:
        """Send `count` requests; each of `concurrency` workers the next when its last has ended.

        `numbers` are their places in the plan; those that were `sent` before are passed over.
        """
        numbers = range(count) if numbers is None else numbers
        places = range(count) if sent is None else sent.left()

        async def send(place: int) -> None:
            if sent is not None:
                sent.mark(place)
            await self._send(self._asked(numbers[place]))
            await self._batches.room()

        await closed(places, min(concurrency, count), send, self._stop)

    async def open(
        self,
        plan: array[float],
        at_most: int | None = None,
        numbers: Sequence[int] | None = None,
        begins_ns: int | None = None,
    ) -> bool:
        """Send requests at the moments of a plan, in seconds after its start.

        The moments are fixed before the first request, and none is ever moved: one that has
        passed is sent at once. Where only `at_most` may be under way, the next one waits for
        one of them to end, as it would in a client with so many connections.

        `numbers` are the requests of the plan that are sent here, `begins_ns` is when it starts.
        What was due before this was ready is never sent: that load is past. Returns whether
        everything was sent.
        """
        now_ns = time.perf_counter_ns()
        zero_ns = now_ns + int(_LEAD_S * 1e9) if begins_ns is None else begins_ns
        numbers = range(len(plan)) if numbers is None else numbers
        past = bisect_left(numbers, (now_ns - zero_ns) / 1e9, key=plan.__getitem__)
        if past:
            self._note(f"{past:,} requests were due before this was ready, and are not sent")
        free = None if at_most is None else asyncio.Semaphore(at_most)
        with Pacer() as pacer:
            async with asyncio.TaskGroup() as group:
                for index in numbers[past:]:
                    planned_ns = zero_ns + round(plan[index] * 1e9)
                    asked = self._asked(index, Departure(pacer, planned_ns))  # while there is time
                    await pacer.until(planned_ns - _READY_NS)
                    await pacer.lull()
                    if free is not None:
                        await free.acquire()
                    if self._stop.status is not None:
                        return False
                    self._batches.check()
                    task = group.create_task(self._send(asked))
                    if free is not None:
                        task.add_done_callback(lambda _: free.release())
                    await asyncio.sleep(0)  # it is ready before the next one is made
        return not past

    def facts(self, index: int) -> dict[str, Any]:
        """Return what the row of a request says of it before it is sent."""
        return self._asked(index).facts

    def _asked(
        self,
        index: int | None,
        leaves: Departure | None = None,
        phase: Phase = "warmup",
        stale: Attempt | None = None,
    ) -> _Asked:
        """Make one request; without an index it is one of `phase`.

        `stale` is its first attempt, where that met a connection that had been closed.
        """
        load = self._load
        seq = self._next_seq()
        # By its place in the plan, so that it is the same in whichever segment.
        further = -seq if index is None else index
        seed = ((load.like.sampling.seed or 0) + further) & 0x7FFF_FFFF
        sampling = replace(load.like.sampling, seed=seed)
        request = replace(load.like, request_id=f"{load.run_id}-{seq}", sampling=sampling)
        if load.nonce:
            request = request.with_nonce()
        facts: dict[str, Any] = {
            "run_id": load.run_id,
            "seq": seq,
            "case_id": None if index is None else LOAD,
            "repeat": None if index is None else index + 1,
            "stage": STAGE,
            "attempt": 1 if stale is None else 2,
            "retry_reason": None if stale is None else STALE,
            "backoff_before_s": None if stale is None else 0.0,
            "request_id": request.request_id,
            "phase": phase if index is None else "measure",
            "endpoint": load.endpoint_name,
            "seed": None if "seed" in self._endpoint.form.left_out else seed,
            "scheduled_s": self._clock.seconds(leaves.moment_ns if leaves else None),
            "prompt_sha256": load.prompt_sha256,
        }
        return _Asked(request, index, leaves, stale, facts)

    async def _send(self, asked: _Asked, send: Send | None = None) -> Reply:
        """Send one request, at its moment if it has one, and keep its rows."""
        departure.set(asked.leaves)
        called_s = self._clock.now_s()
        try:
            reply = await (send or self._endpoint.generate)(asked.request)
        except asyncio.CancelledError:
            row = Attempt(**asked.facts, called_s=called_s)
            self._batches.add(cancelled(row, self._clock.now_s()))
            raise
        if reply.error_class == STALE and asked.stale is None:
            self._note(STALE_NOTE)
            stale = Attempt(**asked.facts, **measured(reply, self._clock))
            self._batches.add(stale)
            again = self._asked(asked.number, asked.leaves, asked.facts["phase"], stale)
            request = replace(again.request, sampling=asked.request.sampling)
            facts = again.facts | {"seed": asked.facts["seed"]}
            return await self._send(again._replace(request=request, facts=facts), send)
        try:
            await asyncio.sleep(0)  # a request that is due goes out before this one is a row
            await lull()
        finally:
            self._keep(asked, reply)
        return reply

    def _keep(self, asked: _Asked, reply: Reply) -> None:
        """Hand on the rows of a request that has ended."""
        if reply.error_class == "length":  # what a load's limit of tokens is there for
            reply = replace(reply, error_class=None, failure=None)
        attempt = Attempt(**asked.facts, **measured(reply, self._clock))
        if attempt.phase != "measure":
            self._batches.add(attempt)
            return
        attempts = (attempt,) if asked.stale is None else (asked.stale, attempt)
        stage, trial = _rows(attempts[0], attempt, self._clock)
        self._batches.add(attempt, stage, trial)
        if self._heed is not None:
            self._heed(attempts, (stage,), reply.no_answer)


def _rows(first: Attempt, last: Attempt, clock: Clock) -> tuple[Stage, Trial]:
    """Return what a request comes to, from its first attempt to its last."""
    latency_s = _span(first.sent_s, last.last_byte_s)
    both: dict[str, Any] = {
        "run_id": last.run_id,
        "case_id": LOAD,
        "repeat": last.repeat or 0,
        "attempts": last.attempt,
    }
    stage = Stage(
        **both,
        stage=STAGE,
        position=0,
        ok=last.error_class is None,
        started_s=first.sent_s,
        finished_s=last.last_byte_s,
        latency_s=latency_s,
        output_tokens=last.output_tokens,
        error_class=last.error_class,
    )
    trial = Trial(
        **both,
        started_at=None if first.sent_s is None else clock.utc(first.sent_s),
        e2e_s=latency_s,
        e2e_from_planned_s=_span(last.scheduled_s, last.last_byte_s),
        completed=last.error_class is None,
    )
    return stage, trial


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else end_s - start_s
