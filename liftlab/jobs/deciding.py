"""Run until it is decided: grade each trial as it ends, and end the run at a boundary.

Answers are graded beside the load, in a thread of the lowest priority. Trials count in the order
of the plan, which is random, never in that in which they end: quick cases end first.
"""

from __future__ import annotations

import math
import os
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Self

from liftlab import store
from liftlab.analysis import decide
from liftlab.analysis.decide import Decision
from liftlab.errors import Undecided, VerdictsUnproven
from liftlab.grading.grade import sandbox_for
from liftlab.grading.pool import Controls
from liftlab.grading.run import grade_trial
from liftlab.runner.plan import StopRule
from liftlab.runner.request import RunRequest
from liftlab.runner.worker import Listener, StopLine
from liftlab.sandbox import Sandbox
from liftlab.store import RunFolder

_LOWEST_PRIORITY = 19
_OUTCOMES = {"pass": 1.0, "fail": 0.0}
_Key = tuple[str, int]


class Deciding:
    """Listens to a run and ends it once its success rate is decided; use it in a `with` block."""

    def __init__(self, request: RunRequest, until: StopRule, listen: Listener) -> None:
        self.stop = StopLine()
        self._request = request
        self._until = until
        self._listen = listen
        self._plan = [trial.key for trial in request.trials()]
        self._cases = {case.case_id: case for case in request.suite or ()}
        self._outcomes: dict[_Key, float] = {}
        self._controls = Controls()
        self._ended: SimpleQueue[_Key | None] = SimpleQueue()
        self._folder: RunFolder | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="grading", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._ended.put(None)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event of the run."""
        self._listen(event)
        if event["event"] == "created":
            self._folder = store.find(self._request.project.path("runs"), event["run_id"])
        elif event["event"] == "trial":
            self._ended.put((event["case_id"], event["repeat"]))

    def is_decided(self, folder: RunFolder) -> bool:
        """Grade what an earlier session committed, and say whether that decides."""
        self._folder = folder
        with self._sandbox() as sandbox:
            for key in store.committed(folder):
                self._grade(key, sandbox)
        return self._verdict() != "go on"

    def _work(self) -> None:
        try:
            _be_nice()
            with self._sandbox() as sandbox:
                while (key := self._ended.get()) is not None:
                    self._grade(key, sandbox)
                    if self._verdict() != "go on":
                        self.stop.end("decided")
                        return
        except BaseException as error:  # raised again where the `with` block ends
            self._failure = error
            self.stop.end("partial")

    def _sandbox(self) -> Sandbox:
        return sandbox_for(self._request.project.settings.grading, self._request.suite)

    def _grade(self, key: _Key, sandbox: Sandbox) -> None:
        assert self._folder is not None
        graded = grade_trial(
            store.stage_rows(self._folder, *key),
            self._folder.artifacts,
            self._cases.get(key[0]),
            sandbox,
            allow_weak_isolation=self._request.project.settings.grading.allow_weak_isolation,
            controls=self._controls,
        )
        if self._controls.missed:
            raise VerdictsUnproven(
                f"{self._controls} known answers were judged as they must be: nothing is decided"
            )
        self._outcomes[key] = _OUTCOMES.get(graded.outcome, math.nan)

    def _verdict(self) -> str:
        """Decide by the trials before the first that has not ended."""
        counted = []
        for key in self._plan:
            if key not in self._outcomes:
                break
            counted.append(self._outcomes[key])
        return decide.success_rate(counted, self._until.target, self._until.zone).verdict


def check_decided(decision: Decision | None) -> None:
    """Raise Undecided, with how many more cases it takes, if a run was to decide and could not."""
    if decision is not None and decision.verdict == "go on":
        raise Undecided(
            f"not decided after {decision.trials:,} prompts: about {decision.more:,} more are "
            "needed; add cases to the suite, or name a larger one with --suite"
        )


def _be_nice() -> None:
    """Give this thread, and what it starts, the lowest priority where threads have one (Linux)."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
