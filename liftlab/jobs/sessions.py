"""Plan session checks, run them, finish them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from liftlab import store
from liftlab.errors import UsageError
from liftlab.jobs.layout import source_folder
from liftlab.jobs.opening import find_run, open_run
from liftlab.runner.progress import Progress
from liftlab.sessions import checks as files
from liftlab.sessions import control
from liftlab.sessions.control import SessionsRequest
from liftlab.settings import Project
from liftlab.store import RunData, RunFolder

CHECKS = "data/sessions/lift.toml"
CONCURRENCY = 8


def plan_sessions(
    project: Project,
    *,
    path: Path | None = None,
    user_header: str | None = None,
    only: Sequence[str] = (),
    concurrency: int | None = None,
    restart_hook: str | None = None,
) -> SessionsRequest:
    """Resolve the checks and the endpoint before anything is sent.

    `path` is the file of checks, the lift API's if None; `only` names some of its checks.
    Raises SuiteInvalid, UnknownName, UsageError.
    """
    endpoint = project.settings.chosen_endpoint(None)
    if endpoint.base_url is None:
        raise UsageError(f"endpoint {endpoint.name!r} has no base_url: give the server's URL")
    checks = files.load(path or _default(project)).only(only)
    return SessionsRequest(
        project=project,
        endpoint=endpoint,
        checks=checks.for_user_header(user_header),
        concurrency=concurrency or CONCURRENCY,
        seed=project.settings.run.seed,
        restart_hook=restart_hook,
        file=None if path is None else str(path),
        user_header=user_header,
    )


def run_sessions(request: SessionsRequest) -> RunData:
    """Run the checks, and return the run with their verdicts."""
    return _followed(request, len(request.trials()), partial(control.start, request))


def resume_sessions(project: Project, run_id: str, restart_hook: str | None = None) -> RunData:
    """Finish a run of session checks that was broken off; what is done stays."""
    folder = find_run(project, run_id)
    request = control.request_of(project, folder, restart_hook)
    left = len(request.trials()) - len(store.committed(folder))
    return _followed(request, left, partial(control.resume, folder, request))


def _default(project: Project) -> Path:
    """Return the checks of the project, else those that liftlab comes with."""
    folders = (project.root, source_folder())
    return next(file for folder in folders if (file := folder / CHECKS).exists())


def _followed(
    request: SessionsRequest, total: int, job: Callable[[Progress], RunFolder]
) -> RunData:
    progress = Progress(total, unit="check")
    try:
        folder = job(progress)
    finally:
        progress.close()
    return open_run(folder.run_id, project=request.project)
