"""The calls that a pipeline of the user's own makes through `liftlab.transport()`, as attempts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from liftlab.endpoints.base import Reply
from liftlab.endpoints.seen import reply_of, secrets_of
from liftlab.pipeline.base import Prompt
from liftlab.records import Attempt, ErrorClass
from liftlab.runner.attempt import completed, prompt_artifact
from liftlab.runner.cold_start import Awakening
from liftlab.runner.context import Context
from liftlab.runner.trace import Trace, TracedStage
from liftlab.timing.observed import Seen

_REFUSED = 400  # the first status of a failure
_watch_lock = threading.Lock()  # calls come from several threads


class Calls:
    """Makes an attempt of each call of one trial; `liftlab.timing.observed.Observer`."""

    def __init__(self, context: Context, trace: Trace) -> None:
        self._context = context
        self._trace = trace

    async def began(
        self, body: bytes, headers: Sequence[tuple[str, str]], retry_reason: str | None
    ) -> _Call:
        """Write the row of a call that is about to be made."""
        context = self._context
        stage, row = self._trace.begin(retry_reason)
        sent = {name.lower(): value for name, value in headers}
        text = secrets_of(headers).content(body).decode("utf-8", "replace")
        row = replace(
            row,
            request_id=sent.get("x-request-id", row.request_id),
            prompt_sha256=context.ledger.keep(prompt_artifact(Prompt(text=text))),
        )
        await context.ledger.attempt_sent(row)
        with _watch_lock:
            awakening = context.watch.called(context.clock.now_ns())
        return _Call(context, self._trace, stage, row, awakening)


class _Call:
    """One call under way."""

    def __init__(
        self,
        context: Context,
        trace: Trace,
        stage: TracedStage,
        row: Attempt,
        awakening: Awakening | None,
    ) -> None:
        self._context = context
        self._trace = trace
        self._stage = stage
        self._row = row
        self._awakening = awakening
        self.request_id = row.request_id or ""

    def ended(self, seen: Seen) -> None:
        """Complete the row with what came of the call."""
        self._end(reply_of(seen))

    def cancelled(self, seen: Seen) -> None:
        """Complete the row of a call that the client gave up."""
        self._end(reply_of(replace(seen, error_class="cancelled")))

    @property
    def refused(self) -> ErrorClass | None:
        """The class of a call that was answered with a status of failure."""
        return self._row.error_class if (self._row.http_status or 0) >= _REFUSED else None

    def _end(self, reply: Reply) -> None:
        with _watch_lock:
            wait = self._context.watch.ended(self._awakening, reply)
        self._row = completed(self._row, reply, wait, self._context.clock, self._context.ledger)
        self._trace.end(self._stage, self._row)


def class_of(error: BaseException | None) -> ErrorClass | None:
    """Return the class of the failed call that an exception came of; None if it came of none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        found: ErrorClass | None = getattr(error, "liftlab_error_class", None)
        found = found or _refused(error)
        if found is not None:
            return found
        error = error.__cause__ or error.__context__
    return None


def _refused(error: BaseException) -> ErrorClass | None:
    """Return the class of the reply for which `raise_for_status` or a client raised."""
    extensions = getattr(getattr(error, "response", None), "extensions", None)
    call = extensions.get("call") if isinstance(extensions, dict) else None
    return call.refused if isinstance(call, _Call) else None
