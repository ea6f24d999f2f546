"""Times the stages and attempts of a pipeline of the user's own, while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from liftlab.endpoints.replies import count_or_none
from liftlab.endpoints.seen import reply_of, secrets_of
from liftlab.pipeline.base import Prompt
from liftlab.records import Attempt, ErrorClass
from liftlab.runner.attempt import Context, completed, prompt_artifact, row_apart
from liftlab.runner.cold_start import Awakening
from liftlab.runner.plan import PlannedTrial
from liftlab.timing.failures import causes
from liftlab.timing.observed import Observer, Seen

_REFUSED = 400  # the first status of a failure


@dataclass(slots=True)
class TracedStage:
    """What is known of one stage of a trial; `mark_s` is where its next attempt begins."""

    name: str
    started_s: float
    mark_s: float
    finished_s: float | None = None
    latency_s: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    noted: int = 0  # how many of its attempts `Trace.attempt` has said something of


_current: ContextVar[TracedStage | None] = ContextVar("liftlab_stage", default=None)


class Trace:
    """The recorder that a pipeline of the user's own is handed as `trace`.

    `base_url` and `model` are those of the run's endpoint. It may be used by several threads.
    """

    def __init__(self, context: Context, planned: PlannedTrial, whole: str, began_s: float) -> None:
        self.base_url = context.settings.base_url or context.settings.generate_url
        self.model = context.settings.model
        self._context = context
        self._planned = planned
        self._lock = threading.Lock()
        self._whole = TracedStage(whole, began_s, began_s)
        self._stages: dict[str, TracedStage] = {}
        self._entered = self._whole  # the latest
        self._closed = False
        self._unwritten: set[int] = set()  # rows that no call wrote, by number

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of the pipeline; one that is entered again adds to its time.

        Raises ValueError if it has no name, or another stage is under way in this task or thread.
        """
        if not name or not isinstance(name, str) or len(name) > 100:
            raise ValueError("trace.stage needs a name of up to 100 characters")
        if _current.get() is not None:
            raise ValueError(f"stage {name!r} begins inside another one: stages cannot be nested")
        now_s = self._context.clock.now_s()
        with self._lock:
            stage = self._stages.setdefault(name, TracedStage(name, now_s, now_s))
            stage.mark_s = now_s
            self._entered = stage
        token = _current.set(stage)
        try:
            yield
        finally:
            _current.reset(token)
            ended_s = self._context.clock.now_s()
            with self._lock:
                stage.latency_s += ended_s - now_s
                stage.finished_s = ended_s

    def attempt(self, *, tokens: int | None = None, reason: str | None = None) -> None:
        """Note that an attempt has just ended.

        Of a call through `liftlab.transport()` it adds what the call itself does not tell;
        otherwise the attempt began where the stage, or the attempt before it, did.

        `tokens`: output tokens of the answer. `reason`: why the attempt was made, where it is not
        the first, such as `does_not_parse`. Raises `ValueError` if `tokens` is no count.
        """
        count = count_or_none(tokens)
        if tokens is not None and count is None:
            raise ValueError("trace.attempt needs tokens that are a whole number from 0 on")
        now_s = self._context.clock.now_s()
        with self._lock:
            stage = self._stage()
            if len(stage.attempts) > stage.noted:
                row = stage.attempts.pop()
            else:
                row = self._marked(stage, self._number(stage), stage.mark_s, now_s)
            told = replace(
                row,
                output_tokens=row.output_tokens if count is None else count,
                retry_reason=row.retry_reason if reason is None else str(reason)[:100],
            )
            stage.attempts.append(told)
            stage.noted, stage.mark_s = len(stage.attempts), now_s

    def begin(self, retry_reason: str | None = None) -> tuple[TracedStage, Attempt]:
        """Return the row of a call that is about to be made, and the stage that it belongs to."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this trial is over: its time was up")
            stage = self._stage()
            row = replace(self._row(stage, self._number(stage)), retry_reason=retry_reason)
            stage.attempts.append(row)
        return stage, row

    def end(self, stage: TracedStage, row: Attempt) -> None:
        """Take the row of a call that has ended, in place of the one that it began with."""
        with self._lock:
            if self._closed:
                return
            index = next(i for i, a in enumerate(stage.attempts) if a.seq == row.seq)
            noted = stage.attempts[index]
            stage.attempts[index] = replace(row, retry_reason=noted.retry_reason)
            stage.mark_s = self._context.clock.now_s()

    def closed(
        self, ended_s: float, tokens: int | None
    ) -> tuple[list[TracedStage], set[int], TracedStage]:
        """Return the stages in order, the attempts that no call wrote, and the last stage entered.

        A trial without a stage is one; without a known attempt, each stage has one of no number,
        which took all of its time. `tokens` is what the answer says where no attempt does.
        """
        with self._lock:
            self._closed = True
            stages = list(self._stages.values())
            if not stages:
                self._whole.latency_s = ended_s - self._whole.started_s
                self._whole.finished_s = ended_s
                stages = [self._whole]
            elif self._whole.attempts:
                stages.append(_outside(self._whole))
                stages.sort(key=lambda stage: stage.started_s)
            if not any(stage.attempts for stage in stages):
                for stage in stages:
                    end_s = stage.finished_s or ended_s
                    stage.attempts.append(self._marked(stage, None, stage.started_s, end_s))
            last = stages[-1].attempts
            if tokens is not None and last and last[-1].output_tokens is None:
                last[-1] = replace(last[-1], output_tokens=tokens)
            return stages, self._unwritten, self._entered

    def _stage(self) -> TracedStage:
        return _current.get() or self._whole

    def _number(self, stage: TracedStage) -> int:
        before = self._context.ledger.attempts_before(*self._planned.key, stage.name)
        return before + len(stage.attempts) + 1

    def _row(self, stage: TracedStage, number: int | None) -> Attempt:
        return replace(
            row_apart(self._context, "measure"),
            case_id=self._planned.case_id,
            repeat=self._planned.repeat,
            stage=stage.name,
            attempt=number,
        )

    def _marked(
        self, stage: TracedStage, number: int | None, began_s: float, ended_s: float
    ) -> Attempt:
        """Return the row of an attempt with the user's own marks where the transport has stamps."""
        row = replace(
            self._row(stage, number),
            request_id=None,
            called_s=began_s,
            sent_s=began_s,
            last_byte_s=ended_s,
            ended_s=ended_s,
            transport_ok=True,
            valid=True,
        )
        self._unwritten.add(row.seq)
        return row


def _outside(whole: TracedStage) -> TracedStage:
    """Return the calls that were made outside of every stage, as a stage: their own time."""
    times = [(a.sent_s, a.ended_s) for a in whole.attempts if a.sent_s is not None and a.ended_s]
    whole.started_s = min((sent for sent, _ in times), default=whole.started_s)
    whole.finished_s = max((ended for _, ended in times), default=None)
    whole.latency_s = sum(ended - sent for sent, ended in times)
    return whole


def observing(context: Context, trace: Trace) -> Observer:
    """Return what makes an attempt of each call of one trial."""

    async def began(
        body: bytes, headers: Sequence[tuple[str, str]], retry_reason: str | None
    ) -> _Call:
        stage, row = trace.begin(retry_reason)
        sent = {name.lower(): value for name, value in headers}
        text = secrets_of(headers).content(body).decode("utf-8", "replace")
        row = replace(
            row,
            request_id=sent.get("x-request-id", row.request_id),
            prompt_sha256=context.ledger.keep(prompt_artifact(Prompt(text=text))),
        )
        await context.ledger.attempt_sent(row)
        awakening = context.watch.called(context.clock.now_ns())
        return _Call(context, trace, stage, row, awakening)

    return began


@dataclass(slots=True)
class _Call:
    """One call under way."""

    context: Context
    trace: Trace
    stage: TracedStage
    row: Attempt
    awakening: Awakening | None

    @property
    def request_id(self) -> str:
        return self.row.request_id or ""

    def ended(self, seen: Seen) -> None:
        """Complete the row with what came of the call."""
        self.row = completed(self.context, self.row, self.awakening, reply_of(seen))
        self.trace.end(self.stage, self.row)

    @property
    def refused(self) -> ErrorClass | None:
        """The class of a call that was answered with a status of failure."""
        return self.row.error_class if (self.row.http_status or 0) >= _REFUSED else None


def class_of(error: BaseException | None) -> ErrorClass | None:
    """Return the class of the failed call that an exception came of; None if it came of none."""
    for each in causes(error):
        found: ErrorClass | None = getattr(each, "liftlab_error_class", None) or _refused(each)
        if found is not None:
            return found
    return None


def _refused(error: BaseException) -> ErrorClass | None:
    """Return the class of the reply for which `raise_for_status` or a client raised."""
    extensions = getattr(getattr(error, "response", None), "extensions", None)
    call = extensions.get("call") if isinstance(extensions, dict) else None
    return call.refused if isinstance(call, _Call) else None
