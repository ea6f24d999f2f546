"""`liftlab sessions`: check a session API, or finish a run of such checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.options import header_options, json_option, project, project_of, taken
from liftlab.errors import EndpointUnreachable, RunIncomplete, UsageError

if TYPE_CHECKING:
    from liftlab.summary import RunSummary
    from liftlab.summary.sessions import Sessions


@click.command("sessions")
@click.argument("named", required=False, metavar="[URL|NAME]")
@header_options
@click.option("--user-header", metavar="NAME", help="The header that says who calls.")
@click.option("--checks", type=click.Path(path_type=Path), metavar="FILE", help="Your own checks.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="How many checks run at once (8).")
@click.option(
    "--restart-hook",
    metavar="CMD",
    help="Command that restarts the server, to check what survives it.",
)
@click.option("--only", multiple=True, metavar="ID", help="Only this check; repeatable.")
@click.option("--resume", metavar="RUN", help="Finish a run that was interrupted.")
@json_option
def sessions_command(
    named: str | None,
    checks: Path | None,
    only: tuple[str, ...],
    resume: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Check the session API at URL: whose work is lost, leaks, or ends in an error.

    Prints each failure with its request and reply, and the command that shows it again. What the
    checks make on the server is deleted. Exit code 4 where the server answered no check, or does
    not offer these sessions.
    """
    from liftlab import jobs
    from liftlab.summary import summarize

    asked = {name: more.pop(name) for name in ("user_header", "concurrency", "restart_hook")}
    if resume:
        if named or only or checks:
            raise UsageError("--resume goes on as the run began: leave out URL, --only, --checks")
        here = project()
        run = jobs.resume_sessions(here, taken(resume, here), asked["restart_hook"])
    else:
        if not named:
            raise UsageError("name the server: liftlab sessions URL")
        here = project_of(named, {"protocol": "lift" if "://" in named else None, **more})
        run = jobs.run_suite(jobs.plan_sessions(here, path=checks, only=only, **asked))
    _finish(summarize(run, here), as_json)


def sessions_json(summary: RunSummary, found: Sessions) -> dict[str, object]:
    """Return a run of session checks for scripts."""
    from dataclasses import asdict

    from liftlab.records import as_row

    counts = ("checks", "passed", "failed", "not_run")
    return {
        "run": as_row(summary.run.run),
        **{name: getattr(found, name) for name in counts},
        "untested": dict(found.untested),
        "left": [asdict(made) for made in found.left],
        "critical": found.critical.value,
        "targets": [target.as_json() for target in summary.targets.rows],
        "failures": [asdict(failure) for failure in found.failures],
        "calls": [
            {"call": times.what, "under_load": load, "n": times.n,
             "median_s": times.p50.value, "p95_s": times.p95.value}
            for load, times in found.times.rows
        ],
    }  # fmt: skip


def _finish(summary: RunSummary, as_json: bool) -> None:
    """Print a run that has just ended; exit 4 if nothing was answered, 5 if it ended early."""
    from liftlab.cli.show import print_run

    print_run(summary, as_json)
    run_id, found = summary.run.run.run_id, summary.sessions
    if found is not None and not found.judged:
        why = found.refused or "the server answered no check"
        raise EndpointUnreachable(f"{run_id}: {why}, so nothing is judged")
    if summary.run.run.status == "partial":
        how = f"Go on with: liftlab sessions --resume {run_id}"
        raise RunIncomplete(f"{run_id}: ended early, what is done is kept. {how}")
