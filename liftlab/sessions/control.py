"""The parent's side of `liftlab sessions`: make the run's folder, start the checks, go on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from liftlab.endpoints.base import Sampling
from liftlab.endpoints.connect import headers_of
from liftlab.errors import InputInvalid
from liftlab.records import SESSIONS
from liftlab.runner.control import Listener, lead
from liftlab.runner.plan import PlannedTrial, repeat_major
from liftlab.runner.request import run_row
from liftlab.sessions import checks as files
from liftlab.sessions.checks import Checks
from liftlab.settings import EndpointSettings, Project
from liftlab.store import RunFolder, create


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsRequest:
    """Session checks as the user asked for them."""

    project: Project
    endpoint: EndpointSettings
    checks: Checks
    concurrency: int
    seed: int
    restart_hook: str | None = None
    file: str | None = None  # as it was named, for the command that makes a check again
    user_header: str | None = None  # likewise

    def trials(self) -> list[PlannedTrial]:
        """Return a trial for each check, shuffled."""
        planned = [
            PlannedTrial(
                case_id=check.id,
                repeat=1,
                prompt=check.id,
                category=check.group,
                difficulty=check.severity,
            )
            for check in self.checks.checks
        ]
        return repeat_major(planned, self.seed)


def start(request: SessionsRequest, listen: Listener) -> RunFolder:
    """Run the checks in a fresh folder, and return it.

    Raises UsageError if a secret is not there, before anything is written. Raises RunInterrupted
    after Ctrl-C, once what was made on the server is deleted.
    """
    headers_of(request.endpoint)
    folder = _create_folder(request)
    listen({"event": "created", "run_id": folder.run_id, "path": str(folder.path)})
    _lead(folder, request, listen)
    return folder


def resume(folder: RunFolder, request: SessionsRequest, listen: Listener) -> RunFolder:
    """Run the checks of a run that it has not finished; those that are done stay as they are."""
    headers_of(request.endpoint)
    listen({"event": "resumed", "run_id": folder.run_id})
    _lead(folder, request, listen)
    return folder


def checks_of(folder: RunFolder) -> Checks:
    """Return the checks that a run makes: of its file as it was, those that were asked for.

    Raises InputInvalid if it is no run of session checks.
    """
    manifest = folder.manifest()
    if manifest.get("suite") != SESSIONS:
        raise InputInvalid(f"{folder.run_id} is no run of session checks")
    source, suffix = folder.suite_source()
    checks = files.parse(source, folder.path / f"suite{suffix}")
    asked = manifest["request"]
    return checks.only(asked["cases"]).for_user_header(asked.get("user_header"))


def request_of(
    project: Project, folder: RunFolder, restart_hook: str | None = None
) -> SessionsRequest:
    """Return the request that a run was made from; the hook is not kept, and given anew."""
    checks, asked = checks_of(folder), folder.manifest()["request"]
    return SessionsRequest(
        project=project,
        endpoint=EndpointSettings.model_validate(asked["endpoint"]),
        checks=checks,
        concurrency=asked["concurrency"],
        seed=asked["seed"],
        restart_hook=restart_hook,
    )


def _create_folder(request: SessionsRequest) -> RunFolder:
    project, endpoint, checks = request.project, request.endpoint, request.checks
    run = run_row(
        project,
        endpoint,
        sampling_seed=request.seed,
        suite=SESSIONS,
        suite_sha256=checks.sha256,
        pipeline=SESSIONS,
        pipeline_sha256=checks.sha256,
        load="closed",
        concurrency=request.concurrency,
        repeats=1,
        order_seed=request.seed,
    )
    asked: dict[str, Any] = {
        "endpoint": endpoint.model_dump(mode="json"),
        "pipeline": SESSIONS,
        "cases": [check.id for check in checks.checks],
        "sampling": asdict(Sampling()),
        "repeats": 1,
        "concurrency": request.concurrency,
        "seed": request.seed,
        "checks": request.file,
        "user_header": request.user_header,
    }
    manifest = {
        "suite": SESSIONS,
        "settings": project.resolved(),
        "pipeline_sha256": checks.sha256,
        "suite_sha256": checks.sha256,
        "request": asked,
    }
    return create(project.path("runs"), run, manifest, checks.source, ".toml")


def _lead(folder: RunFolder, request: SessionsRequest, listen: Listener) -> None:
    trials: Sequence[PlannedTrial] = request.trials()
    job = {
        "folder": str(folder.path),
        "root": str(request.project.root),
        "endpoint": request.endpoint.model_dump(mode="json"),
        "concurrency": request.concurrency,
        "restart_hook": request.restart_hook,
        "trials": [asdict(trial) for trial in trials],
    }
    go_on = f"Finish the run with: liftlab sessions --resume {folder.run_id}"
    lead("liftlab.sessions.child", json.dumps(job), folder, listen, go_on)
