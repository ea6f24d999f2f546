"""Send the request of a failed trial again: how often the failure comes back, and on how little."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pandas as pd

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.rates import proportion
from liftlab.endpoints.base import Reply, Request
from liftlab.endpoints.connect import connected
from liftlab.endpoints.preview import SentRequest, preview
from liftlab.errors import InputInvalid, UsageError
from liftlab.grading.grade import Graded, grade, grade_failure, sandbox_for
from liftlab.jobs.minimizing import SpentError, ddmin, leaves_of, only
from liftlab.jobs.running import request_of
from liftlab.pipeline.base import PROGRAM, SIGNATURE, Code, Prompt, Stage, StageError
from liftlab.runner.endpoint_lifecycle import serving
from liftlab.runner.plan import attempt_seed
from liftlab.runner.request import RunRequest
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunData
from liftlab.suite import Case
from liftlab.summary.trials import TrialDetails, code_of, like_of, trial_of

# What a stage raises where a part of its input that it needs is left out.
_NO_INPUT = (KeyError, TypeError, IndexError, AttributeError, ValueError)
_PLACE = "http://127.0.0.1:8000"  # of a server that liftlab starts itself: a URL, its port unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed trial, and the last request that it sent."""

    trial: TrialDetails
    failure_class: str  # what is to come back: a class of answers, or of failed requests
    sent: SentRequest
    like: tuple[str, int, str] | None  # case, repeat and code of the nearest right answer
    usd: float | None  # what such a request costs; None where it is not known
    case: Case
    stage: Stage
    values: dict[str, Any]
    prompt: Prompt
    request: Request
    asked: RunRequest
    endpoint: EndpointSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimal:
    """The smallest input that still showed the class, and how many requests it took."""

    text: str
    before: int
    after: int
    requests: int
    whole: bool  # nothing smaller was tried, for the input itself did not show it again


def failure_of(project: Project, run: RunData, case_id: str, repeat: int | None) -> Failure:
    """Return a failed trial with its last request; the case's first failed one without a repeat."""
    trial = trial_of(run, case_id, repeat or _first_failed(run, case_id))
    if trial.trial["outcome"] not in ("fail", "error"):
        name = f"{case_id}, repeat {trial.repeat}"
        raise UsageError(f"{name} did not fail in {run.run.run_id}: there is nothing to reproduce")
    if run.folder.manifest().get("request") is None:
        raise InputInvalid(f"{run.run.run_id} was not measured here: what it sent is not known")
    asked = request_of(project, run.folder)
    part = trial.exchanges[-1] if trial.exchanges else None
    stage = next((s for s in asked.built.stages if part and s.name == part.stage), None)
    if part is None or part.prompt is None or stage is None or trial.case is None:
        raise InputInvalid(f"{run.run.run_id} does not hold what {case_id} was asked")
    values = _values(run, trial)
    made = stage.prompt(trial.case.prompt, values)
    prompt = dataclasses.replace(made, text=part.prompt, system=part.system, schema=part.schema)
    endpoint = asked.endpoint.model_copy(update={"model": asked.endpoint.model or run.run.model})
    row = trial.attempts.iloc[-1]
    seed = None if pd.isna(row["seed"]) else int(row["seed"])
    lost = trial.trial["outcome"] == "error"
    errors = trial.stages["error_class"].dropna()
    request = _request(asked, prompt, str(row["request_id"]), seed)
    usd = run.costs.merge(run.attempts, on="seq").query("stage == @part.stage")["usd"]
    started = {"serve": None, "base_url": endpoint.base_url or _PLACE} if endpoint.serve else {}
    like = next(like_of(run.trials, trial.trial), None)
    code = code_of(run, *like) if like else None
    return Failure(
        trial=trial,
        failure_class=str(errors.iloc[-1] if lost else trial.trial["failure_class"]),
        sent=asyncio.run(preview(endpoint.model_copy(update=started), request)),
        like=(*like, code) if like and code else None,
        usd=float(usd.mean()) if usd.notna().any() else None,
        case=trial.case,
        stage=stage,
        values=values,
        prompt=prompt,
        request=request,
        asked=asked,
        endpoint=endpoint,
    )


class Asking:
    """Asks a failure's endpoint, and grades what comes; a context manager."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._stack = ExitStack()
        self.requests = 0

    def __enter__(self) -> Asking:
        self._endpoint = self._stack.enter_context(serving(self._failure.endpoint))
        asked = self._failure.asked
        sandbox = sandbox_for(asked.project.settings.grading, asked.suite)
        self._sandbox = self._stack.enter_context(sandbox)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def again(self, times: int) -> tuple[Estimate, int]:
        """Return how often the class comes back, with other seeds, and how many went unanswered."""
        of = self._failure
        seeds = [
            attempt_seed(of.asked.seed, of.trial.case_id, of.trial.repeat, of.stage.name, 1000 + n)
            for n in range(times)
        ]
        found = [self.ask(of.prompt, of.values, seed=seed) for seed in seeds]
        counted = [name for name, lost in found if not lost or name == of.failure_class]
        hits = sum(name == of.failure_class for name in counted)
        return proportion(hits, len(counted)), times - len(counted)

    def minimize(self, most: int) -> Minimal:
        """Return the smallest input that still shows the class, within so many requests."""
        parts, build = _input_of(self._failure)

        def shows(chosen: Sequence[Any]) -> bool:
            if self.requests >= most:
                raise SpentError
            made = build(chosen)
            return made is not None and self.ask(*made[:2])[0] == self._failure.failure_class

        self.requests = 0
        whole = not shows(parts)
        kept = parts if whole else ddmin(parts, shows)
        made = build(kept)
        return Minimal(
            text=made[2] if made else "",
            before=len(parts),
            after=len(kept),
            requests=self.requests,
            whole=whole,
        )

    def ask(
        self, prompt: Prompt, values: dict[str, Any], seed: int | None = None
    ) -> tuple[str, bool]:
        """Send one request; return the class of what came, and whether nothing did.

        The class is empty for an answer that is right, or good enough for the next stage.
        """
        self.requests += 1
        first = self._failure.request
        seed = first.sampling.seed if seed is None else seed
        again = f"{first.request_id}-again-{self.requests}"
        request = _request(self._failure.asked, prompt, again, seed)
        reply = asyncio.run(_send(self._endpoint, request))
        graded = self._graded(reply, values)
        if graded is None:
            return "", False
        lost = graded.outcome == "error"
        name = (reply.error_class or "") if lost else graded.failure_class or ""
        return name, lost

    def _graded(self, reply: Reply, values: dict[str, Any]) -> Graded | None:
        stage = self._failure.stage
        if reason := reply.failure or reply.error_class:
            return grade_failure(stage.name, reason, reply.message, no_answer=reply.no_answer)
        try:
            outcome = stage.parse(reply.value, values, self._sandbox.parse)
        except _NO_INPUT:
            return None
        code = outcome.value if isinstance(outcome, StageError) else outcome
        if isinstance(code, Code):
            settings = self._failure.asked.project.settings.grading
            return grade(
                code.source,
                self._failure.case,
                ir_name=code.function,
                asked=isinstance(self._failure.trial.trial["asked_function"], str),
                sandbox=self._sandbox,
                allow_weak_isolation=settings.allow_weak_isolation,
            )
        if isinstance(outcome, StageError):
            return grade_failure(stage.name, outcome.reason, outcome.message)
        return None


_Made = tuple[Prompt, dict[str, Any], str]


def _input_of(of: Failure) -> tuple[list[Any], Callable[[Sequence[Any]], _Made | None]]:
    """Return the parts of what the stage was made from, and how to make a prompt of some.

    That is the IR where a stage before it gave one, else the person's request.
    """
    earlier = [name for name in of.values if name not in (SIGNATURE, PROGRAM)]
    whole = of.values[earlier[-1]] if earlier else of.case.prompt

    def made_of(chosen: Sequence[Any]) -> _Made | None:
        smaller = only(whole, chosen)
        text, values, shown = of.case.prompt, of.values, smaller
        if earlier:
            values = {**values, earlier[-1]: smaller}
            shown = json.dumps(smaller, indent=2, ensure_ascii=False)
        else:
            text = shown = smaller.strip()
        try:
            made = of.stage.prompt(text, values)
        except _NO_INPUT:
            return None  # without that part there is no prompt
        return dataclasses.replace(of.prompt, text=made.text, system=made.system), values, shown

    return list(leaves_of(whole)), made_of


async def _send(endpoint: EndpointSettings, request: Request) -> Reply:
    async with connected(endpoint) as client:
        return await client.generate(request)


def _request(asked: RunRequest, prompt: Prompt, request_id: str, seed: int | None) -> Request:
    there = {name: getattr(asked.endpoint, name) for name in ("deadline_s", "stream", "nonce")}
    return prompt.as_request(request_id, asked.sampling, seed, **there)


def _values(run: RunData, trial: TrialDetails) -> dict[str, Any]:
    """Return the values of the stages before the last one that was asked."""
    case = trial.case
    values: dict[str, Any] = {
        SIGNATURE: case.missing_signature if case else "",
        PROGRAM: case is not None and case.is_program,
    }
    for row in trial.stages.to_dict("records")[:-1]:
        if isinstance(row["value_sha256"], str):
            kept = json.loads(run.folder.artifacts.get_text(row["value_sha256"]))
            values[str(row["stage"])] = kept.get("value")
    return values


def _first_failed(run: RunData, case_id: str) -> int:
    mine = run.trials[run.trials["case_id"] == case_id]
    failed = mine[mine["outcome"].isin(["fail", "error"])]
    chosen = failed if len(failed) else mine
    return int(chosen["repeat"].min()) if len(chosen) else 1
