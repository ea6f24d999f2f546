"""The parent's side of a run: make its folder, start the load process, follow it, stop it."""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import liftlab
from liftlab.endpoints.base import Sampling
from liftlab.errors import (
    InputInvalid,
    LiftlabError,
    RunIncomplete,
    RunInterrupted,
)
from liftlab.pipeline.build import Pipeline
from liftlab.records import Run
from liftlab.runner.halt import HaltLine
from liftlab.runner.plan import PlannedTrial, Until, repeat_major
from liftlab.runner.progress import log_line
from liftlab.runner.served import check_health, keep_log_of, serving
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunFolder, create, new_run_id
from liftlab.store.files import writing
from liftlab.suite import Suite

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run as the user asked for it, with every name resolved."""

    project: Project
    suite: Suite
    endpoint: EndpointSettings
    pipeline: Pipeline
    sampling: Sampling
    repeats: int
    concurrency: int
    seed: int
    memory: bool = False
    until: Until | None = None
    warm_up: bool = True

    def trials(self) -> list[PlannedTrial]:
        """Return the planned trials in the order in which they are sent."""
        planned = [
            PlannedTrial(
                case_id=case.case_id,
                repeat=repeat,
                prompt=case.prompt,
                category=case.category,
                difficulty=case.difficulty,
            )
            for case in self.suite.cases
            for repeat in range(1, self.repeats + 1)
        ]
        return repeat_major(planned, self.seed)


def start(request: RunRequest, listen: Listener, halt: HaltLine | None = None) -> RunFolder:
    """Run a suite in a fresh folder, and return the folder once every trial is committed.

    Parameters
    ----------
    request
        What to run.
    listen
        Is called with each event of the load process.
    halt
        For whoever may end the run before its plan is done.

    Raises
    ------
    EndpointUnreachable
        Before anything is written, if the endpoint is not ready.
    RunIncomplete
        If it stopped early; what is committed can be resumed.
    RunInterrupted
        After Ctrl-C, once the load process has stopped cleanly.
    """
    made: list[RunFolder] = []
    with serving(request.endpoint, lambda log: keep_log_of(log, made)) as endpoint:
        found = check_health(endpoint)
        folder = _create_folder(request, found)
        made.append(folder)
        listen({"event": "created", "run_id": folder.run_id, "path": str(folder.path)})
        _load(folder, request, endpoint, listen, halt)
    return folder


def resume(
    folder: RunFolder, request: RunRequest, listen: Listener, halt: HaltLine | None = None
) -> RunFolder:
    """Finish a run that was broken off; nothing already committed changes.

    Raises
    ------
    InputInvalid
        If prompts, schemas or the suite have changed since: their results would not compare.
    """
    manifest = folder.manifest()
    for what, then, now in (
        ("the pipeline's prompts or schemas", manifest["pipeline_sha256"], request.pipeline.sha256),
        ("the suite", manifest["suite_sha256"], request.suite.sha256),
    ):
        if then != now:
            raise InputInvalid(
                f"{folder.run_id}: {what} changed since this run began; start a new run instead"
            )
    with serving(request.endpoint, lambda log: keep_log_of(log, [folder])) as endpoint:
        check_health(endpoint)
        listen({"event": "resumed", "run_id": folder.run_id})
        _load(folder, request, endpoint, listen, halt)
    return folder


def _create_folder(request: RunRequest, found: dict[str, str | None]) -> RunFolder:
    project, now = request.project, datetime.now(UTC)
    run = Run(
        run_id=new_run_id(now, random.SystemRandom()),
        suite=request.suite.name,
        suite_sha256=request.suite.sha256,
        pipeline=request.pipeline.name,
        pipeline_sha256=request.pipeline.sha256,
        endpoint=request.endpoint.name,
        protocol=request.endpoint.protocol,
        model=found["model"] or request.endpoint.model,
        hardware=found["hardware"] or request.endpoint.hardware,
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        max_tokens=request.sampling.max_tokens,
        sampling_seed=request.seed,
        sampling_extra=json.dumps(dict(request.sampling.extra), sort_keys=True),
        started_at=now.isoformat(),
        load="closed",
        concurrency=request.concurrency,
        repeats=request.repeats,
        order_seed=request.seed,
        time_scale=request.endpoint.time_scale if request.endpoint.serve == "simulator" else None,
        settings_sha256=project.settings_sha256(),
        liftlab_version=liftlab.__version__,
        git_commit=_git_commit(project.root),
        python=platform.python_version(),
        platform=platform.platform(),
        provenance="measured",
    )
    manifest = {
        "suite": request.suite.name,
        "settings": project.resolved(),
        "pipeline_sha256": request.pipeline.sha256,
        "suite_sha256": request.suite.sha256,
        "request": {
            "endpoint": request.endpoint.model_dump(mode="json"),
            "pipeline": request.pipeline.name,
            "cases": [case.case_id for case in request.suite.cases],
            "sampling": asdict(request.sampling),
            "repeats": request.repeats,
            "concurrency": request.concurrency,
            "seed": request.seed,
            "memory": request.memory,
            "until": request.until and asdict(request.until),
            "warm_up": request.warm_up,
        },
    }
    return create(project.path("runs"), run, manifest, request.suite.source, request.suite.suffix)


def _load(
    folder: RunFolder,
    request: RunRequest,
    endpoint: EndpointSettings,
    listen: Listener,
    halt: HaltLine | None,
) -> None:
    """Start the load process and follow it to its end."""
    job = {
        "folder": str(folder.path),
        "settings": request.project.resolved(),
        "endpoint": endpoint.model_dump(mode="json"),
        "pipeline": request.pipeline.name,
        "sampling": asdict(request.sampling),
        "seed": request.seed,
        "concurrency": request.concurrency,
        "trials": [trial.as_json() for trial in request.trials()],
        "memory": request.memory,
        "warm_up": request.warm_up,
    }
    # A session of its own: a Ctrl-C at the terminal reaches this process only, which then
    # tells the load process to stop once, instead of both being hit at once.
    with (
        folder.log_path.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", "liftlab.runner.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as child,
    ):
        try:
            if halt is not None:
                halt.leads_to(child.stdin)
            _follow(child, json.dumps(job), log, listen)
        except KeyboardInterrupt:
            _stop(child)
            raise RunInterrupted(
                f"interrupted; what is committed is kept. {_how_to_go_on(folder)}"
            ) from None
        except BaseException:
            _stop(child)
            raise
    _check_end(child.returncode, folder)


def _follow(child: subprocess.Popen[str], job: str, log: IO[str], listen: Listener) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # it ended at once: its exit code and its log say why
        child.stdin.write(job + "\n")
        child.stdin.flush()
    failure: str | None = None
    for line in child.stdout:
        event = json.loads(line)
        with writing(Path(log.name)):
            log.write(log_line(event))
            log.flush()
        if event["event"] == "error":
            failure = event["message"]
        listen(event)
    with suppress(BrokenPipeError):
        child.stdin.close()
    code = child.wait()
    if failure is not None:
        error = LiftlabError(failure)
        error.exit_code = code
        raise error


def _stop(child: subprocess.Popen[str], patience_s: float = 10.0) -> None:
    """Let the load process commit and end; kill it only if it will not."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        child.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _check_end(code: int, folder: RunFolder) -> None:
    if code == 0:
        return
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    raise RunIncomplete(
        f"the load process {how}; its log is {folder.log_path}. {_how_to_go_on(folder)}"
    )


def _how_to_go_on(folder: RunFolder) -> str:
    return f"Finish the run with: liftlab run --resume {folder.run_id}"


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
