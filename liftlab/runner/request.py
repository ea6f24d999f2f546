"""What is to be measured, as one value: the manifest keeps it, and the load process gets it."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

import liftlab
from liftlab.endpoints.base import Sampling
from liftlab.pipeline.build import Pipeline, build
from liftlab.records import CAPACITY, LOAD, Run
from liftlab.runner.levels import CapacityPlan
from liftlab.runner.limits import Rates
from liftlab.runner.plan import Arrivals, PlannedTrial, StopRule, repeat_major
from liftlab.runner.segment import Segment
from liftlab.settings import OMIT, EndpointSettings, Project
from liftlab.store import new_run_id
from liftlab.store.folder import SEGMENT
from liftlab.suite import Suite

Elsewhere = dict[str, tuple[EndpointSettings, Sampling]]  # by stage: what it has of its own
_NOT_KEPT = {
    "project": True,
    "prompt": True,
    "rates": True,
    "arrivals": {"times_s"},
    "sessions": {"restart_hook"},
    SEGMENT: True,
}
_OF_THE_PLAN = {
    "endpoint",
    "pipeline",
    "sampling",
    "repeats",
    "concurrency",
    "seed",
    "warm_up",
    "arrivals",
}


class SessionsAsked(BaseModel):
    """What session checks are asked for beside: their file and header as they were named.

    A restart hook is given anew where they go on.
    """

    model_config = ConfigDict(frozen=True)

    file: str | None = None
    user_header: str | None = None
    restart_hook: str | None = None


class RunRequest(BaseModel):
    """A run as the user asked for it, with every name resolved.

    It is a suite through a pipeline, or with a `prompt` a load: the same request `repeats` times.
    With `sessions` the cases are checks of a session API, with `capacity` they are asked at
    several levels of load. `segment` is the share of this plan that is sent; all else is the
    whole plan's.
    """

    model_config = ConfigDict(frozen=True)

    project: Project
    endpoint: EndpointSettings
    pipeline: str
    sampling: Sampling
    repeats: int
    concurrency: int | None  # how many may be under way; None, in open loop only, is no limit
    seed: int
    memory: bool = False
    until: StopRule | None = None
    warm_up: bool = True
    prompt: str | None = None
    arrivals: Arrivals | None = None  # None is a closed loop
    rates: Rates | None = None  # what a limit of money counts by
    sessions: SessionsAsked | None = None
    segment: Segment | None = None
    capacity: CapacityPlan | None = None
    suite: InstanceOf[Suite] | None = Field(default=None, exclude=True)
    quick: bool = Field(default=False, exclude=True)  # one case, which is never the latest run
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    out: Path | None = Field(default=None, exclude=True)  # where the lines of a load go
    # The visits that a session of a capacity run makes, in order: number and level of each.
    due: tuple[tuple[int, int], ...] = Field(default=(), exclude=True)

    @cached_property
    def built(self) -> Pipeline:
        """The pipeline with its stages; code of the user's own is not imported."""
        if self.sessions is not None and self.suite is not None:
            return Pipeline(name=self.pipeline, stages=(), sha256=self.suite.sha256)
        return build(self.project.settings, self.pipeline, self.project.root)

    @property
    def suite_name(self) -> str:
        """The suite's name; `load` for a load."""
        return LOAD if self.suite is None else self.suite.name

    @property
    def cases(self) -> list[str]:
        """The cases in the order of the suite; a load has one, of that name."""
        return [LOAD] if self.suite is None else [case.case_id for case in self.suite.cases]

    @property
    def probes(self) -> bool:
        """Whether a request is sent before the first trial, to learn what the endpoint takes."""
        asks = bool(self.built.stages)  # a pipeline of the user's own asks in its own way
        return asks and self.warm_up and self.endpoint.protocol == "openai"

    def elsewhere(self) -> Elsewhere:
        """Return, by stage, the endpoint and sampling of those that have any of their own."""
        settings = self.project.settings
        asked = {}
        for stage in self.built.stages:
            if (table := settings.stages.get(stage.name)) is None:
                continue
            endpoint = settings.endpoint_of_stage(stage.name, self.endpoint)
            sampling = self.sampling
            if table.endpoint is not None:
                sampling = sampling_of(self.project, endpoint)
            told = {name: getattr(table, name) for name in ("temperature", "top_p", "max_tokens")}
            sampling = replace(sampling, **{k: v for k, v in told.items() if v is not None})
            if (endpoint, sampling) != (self.endpoint, self.sampling):
                asked[stage.name] = (endpoint, sampling)
        return asked

    @property
    def numbers(self) -> Sequence[int]:
        """The requests of a load that are sent here, by their place in the plan."""
        whole = range(self.repeats)
        return whole if self.segment is None else self.segment.share(whole)

    @property
    def lanes(self) -> int | None:
        """How many may be under way here; None is no limit."""
        if self.segment is None or self.concurrency is None:
            return self.concurrency
        return len(self.segment.share(range(self.concurrency)))

    @cached_property
    def plan_sha256(self) -> str:
        """The digest of the whole plan: what is asked of whom, in which order, and when."""
        asked = self.model_dump(mode="json", include=_OF_THE_PLAN)
        plan = {**asked, **self.digests(), "cases": self.cases}
        return sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()

    def trials(self) -> list[PlannedTrial]:
        """Return the planned trials in the order in which they are sent; none of a load."""
        if self.capacity is None:
            return self._planned(range(1, self.repeats + 1))
        visits = (self._planned(self.capacity.repeats(*visit)) for visit in self.due)
        return [trial for visit in visits for trial in visit]

    def at_once(self, trial: PlannedTrial) -> int:
        """Return how many trials are under way where this one is sent, in closed loop."""
        if self.capacity is not None:
            return self.capacity.place(trial.repeat)[1]
        return self.concurrency or 1

    def _planned(self, repeats: range) -> list[PlannedTrial]:
        planned = [
            PlannedTrial(
                case_id=case.case_id,
                repeat=repeat,
                prompt=case.prompt,
                category=case.category,
                difficulty=case.difficulty,
                function=case.entry_point,
                signature=case.missing_signature,
                is_program=case.is_program,
            )
            for case in (self.suite.cases if self.suite else ())
            for repeat in repeats
        ]
        ordered = repeat_major(planned, self.seed)
        return ordered if self.segment is None else list(self.segment.share(ordered))

    def digests(self) -> dict[str, str | None]:
        """Return the digests of what is asked: results of other ones do not compare."""
        if self.prompt is not None:
            asked = self.prompt.encode("utf-8", "backslashreplace")
            return {"pipeline_sha256": sha256(asked).hexdigest(), "suite_sha256": None}
        assert self.suite is not None
        return {"pipeline_sha256": self.built.sha256, "suite_sha256": self.suite.sha256}

    def manifest(self) -> dict[str, Any]:
        """Return what the run's manifest says of the request."""
        asked = self.model_dump(mode="json", exclude=_NOT_KEPT)  # type: ignore[arg-type]
        return {
            "suite": self.suite_name,
            "settings": self.project.resolved(),
            **self.digests(),
            "request": {**asked, "cases": self.cases},
            **({"quick": True} if self.quick else {}),
            **self._segment_told(),
        }

    def _segment_told(self) -> dict[str, Any]:
        if (segment := self.segment) is None:
            return {}
        told = segment.model_dump(exclude={"zero_ns"})
        one_clock = segment.zero_ns is not None
        return {SEGMENT: {"plan_sha256": self.plan_sha256, **told, "one_clock": one_clock}}

    def row(self, told: Mapping[str, str | None]) -> Run:
        """Return the row of a run that begins now; `told` is what the endpoint says of itself."""
        endpoint, sampling, segment = self.endpoint, self.sampling, self.segment
        drawn: dict[str, Any] = {  # as we know it; a pipeline of the user's own asks in its own way
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "sampling_extra": json.dumps({**sampling.extra, **endpoint.body}, sort_keys=True),
        }
        of = 1 if segment is None else segment.of
        row = run_row(
            self.project,
            endpoint,
            **self.digests(),
            **(drawn if self.prompt is not None or self.built.stages else {}),
            suite=self.suite_name,
            pipeline=self.pipeline,
            model=told["model"] or endpoint.model,
            hardware=told["hardware"] or endpoint.hardware,
            sampling_seed=self.seed,
            load=CAPACITY if self.capacity else "closed" if self.arrivals is None else "open",
            concurrency=self.lanes,
            rate_rps=None if self.arrivals is None else self.arrivals.rate_rps / of,
            repeats=self.repeats if self.prompt is None else len(self.numbers),
            order_seed=self.seed,
        )
        return row if segment is None else replace(row, run_id=segment.run_id(self.plan_sha256))


class Job(BaseModel):
    """What the load process is to do: a request whose servers run, in its folder.

    `request.endpoint` and those of `elsewhere` have their addresses and models.
    """

    folder: Path
    request: RunRequest
    elsewhere: Elsewhere
    trials: tuple[PlannedTrial, ...]

    def to_line(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(self.model_dump(mode="json", by_alias=True))

    @classmethod
    def from_line(cls, line: str) -> Job:
        """Read what `to_line` wrote."""
        return cls.model_validate(json.loads(line))


def run_row(project: Project, endpoint: EndpointSettings, **facts: Any) -> Run:
    """Return the row of a run that begins now; `facts` are further columns of `records.Run`."""
    now = datetime.now(UTC)
    return Run(
        run_id=new_run_id(now, random.SystemRandom()),
        endpoint=endpoint.name,
        protocol=endpoint.protocol,
        started_at=now.isoformat(),
        time_scale=endpoint.time_scale if endpoint.serve == "simulator" else None,
        settings_sha256=project.settings_sha256(),
        liftlab_version=liftlab.__version__,
        git_commit=_git_commit(project.root),
        python=platform.python_version(),
        platform=platform.platform(),
        provenance="measured",
        **facts,
    )


def sampling_of(project: Project, endpoint: EndpointSettings) -> Sampling:
    """Return how answers are drawn: command line, then the endpoint's values, then `[sampling]`."""
    told = project.settings.sampling
    values: dict[str, Any] = told.model_dump()
    for name in ("temperature", "top_p", "max_tokens"):
        own = getattr(endpoint, name)
        if own not in (None, OMIT) and project.origins.get(f"sampling.{name}") != "command line":
            values[name] = own
    return Sampling(**values)


def _git_commit(root: Path) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
