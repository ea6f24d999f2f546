"""Plan session checks, and finish a run of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from liftlab.endpoints.base import Sampling
from liftlab.errors import UsageError
from liftlab.jobs.layout import source_folder
from liftlab.jobs.running import broken_off, finished
from liftlab.records import SESSIONS
from liftlab.runner.request import RunRequest, SessionsAsked
from liftlab.sessions.checks import load
from liftlab.settings import Project
from liftlab.store import RunData

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
) -> RunRequest:
    """Resolve the checks and the endpoint before anything is sent; `run_suite` runs them.

    `path`: the file of checks; the lift API's if None. Raises SuiteInvalid or UnknownName.
    """
    endpoint = project.settings.chosen_endpoint(None)
    if endpoint.base_url is None:
        raise UsageError(f"endpoint {endpoint.name!r} has no base_url: give the server's URL")
    folders = (project.root, source_folder())
    known = [folder / CHECKS for folder in folders]
    own = path or next(file for file in known if file.exists())
    file = None if path is None else str(path)
    return RunRequest(
        project=project,
        suite=load(own).only(only, user_header).as_suite(),
        endpoint=endpoint,
        pipeline=SESSIONS,
        sampling=Sampling(),
        repeats=1,
        concurrency=concurrency or CONCURRENCY,
        seed=project.settings.run.seed,
        warm_up=False,
        sessions=SessionsAsked(file=file, user_header=user_header, restart_hook=restart_hook),
    )


def resume_sessions(project: Project, run_id: str, restart_hook: str | None = None) -> RunData:
    """Finish a run of session checks that was broken off; what is done stays."""
    folder, request = broken_off(project, run_id, SESSIONS)
    told = SessionsAsked(restart_hook=restart_hook)
    return finished(project, folder, request.model_copy(update={"sessions": told}))
