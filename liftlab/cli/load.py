"""`liftlab load`: the same request many times, in closed or open loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import (
    A_PATH,
    cluster_option,
    connection,
    json_option,
    limit_options,
    overrides_of,
    project,
    segment_options,
    taken,
    url_options,
)
from liftlab.errors import EndpointUnreachable, InputInvalid, RunIncomplete, UsageError
from liftlab.records import LOAD
from liftlab.store.folder import resume_verb
from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.runner.request import RunRequest
    from liftlab.settings import Project
    from liftlab.store import RunData

_PLANNED = (
    *("requests", "concurrency", "rate_rps", "arrival", "stream", "prompt_file", "max_tokens"),
    *("seed", "out"),
)


@click.command("load")
@click.argument("endpoint", required=False, metavar="URL|NAME")
@url_options
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, 10_000),
    help="Requests at once: 1 by default; no limit by default in open loop.",
)
@click.option("-n", "--requests", type=click.IntRange(1), help="How many requests to measure.")
@click.option("--rate", "rate_rps", type=float, metavar="R", help="Open loop: requests a second.")
@click.option(
    "--arrival",
    metavar="poisson|constant|FILE",
    help="How they arrive: poisson (the default), constant, or at times recorded in a file.",
)
@click.option("--stream", is_flag=True, help="Ask for a streamed reply (openai).")
@click.option("--prompt-file", type=A_PATH, help="Send this, not the built-in prompt.")
@click.option(
    "--max-tokens", type=click.IntRange(1, 1_000_000), default=64, show_default=True, metavar="N"
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of arrivals and sampling.")
@click.option("--out", type=A_PATH, metavar="FILE.jsonl", help="A line per request.")
@click.option(
    "--processes", type=click.IntRange(1, 256), help="Send it from N processes of this machine."
)
@segment_options
@cluster_option("Send it from the workers of a Dask cluster, a segment each.")
@click.option("--resume", metavar="RUN", help="Finish a closed loop that was interrupted.")
@limit_options
@json_option
def load_command(
    model: str | None,
    processes: int | None,
    segment: tuple[int, int] | None,
    start_at: float | None,
    cluster: str | None,
    resume: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Send the same request many times to URL|NAME, measure each, and keep them as a run.

    Closed loop: each of -c workers sends its next request when its last has ended. Open
    loop (--rate, or --arrival FILE): requests go out at planned moments, even while earlier
    ones are open; those beyond -c wait, and times are given from the planned moment, too.
    A failed request is not sent again, unless a kept connection had been closed before any of
    the reply came.
    """
    from liftlab.jobs import loading

    asked = {name: more.pop(name) for name in _PLANNED}
    if bool(resume) == bool(more["endpoint"]):
        raise UsageError("say what to load, a URL or the name of an endpoint, or what to --resume")
    if resume:
        del more["endpoint"]
        here = project(**overrides_of(more))
        finish(here, loading.resume_load(here, taken(resume, here)), as_json)
        return
    if cluster and (segment or processes):
        raise UsageError("--cluster cuts the load itself: leave out --segment and --processes")
    if segment and processes:
        raise UsageError("--segment is one process: leave out --processes, and cut it finer")
    here = project(**overrides_of(more))
    request = loading.plan_load(here, here.settings.chosen_endpoint(model), **asked)
    if cluster:
        from liftlab.jobs.remote_load import run_on_cluster

        with connection(cluster) as workers:
            assert workers is not None
            run = run_on_cluster(request, workers, say, start_at=start_at)
    elif segment or start_at is not None:
        run = send_segment(request, segment, start_at)
    elif processes is not None:
        run = loading.run_processes(request, processes)
    else:
        run = loading.run_load(request)
    finish(here, run, as_json)


def send_segment(
    request: RunRequest, segment: tuple[int, int] | None, start_at: float | None
) -> RunData:
    """Send the segment of a plan that was named; refuse one that was begun before."""
    from liftlab.jobs import loading, opening
    from liftlab.runner.segment import Segment

    if segment is None or start_at is None:
        raise UsageError("--segment and --start-at go together")
    index, of = segment
    part = loading.cut(request, Segment(index=index, of=of, start_at=start_at))
    if (folder := loading.segment_folder(part)).path.exists():
        raise InputInvalid(
            f"segment {index}/{of} was begun before, as {folder.run_id}: nothing is sent twice. "
            f"See what there is of it: liftlab show {folder.run_id}"
        )
    return opening.open_run(loading.run_segment(part).run_id, project=request.project)


def finish(here: Project, run: RunData, as_json: bool) -> None:
    """Print a load that has just ended; exit 5 if it is not whole, 4 if nothing was answered."""
    from liftlab.cli.show import failures, print_run
    from liftlab.summary import summarize

    print_run(summarize(run, here), as_json)
    require_complete(run)
    if len(run.trials) and not run.trials["completed"].any():
        raise EndpointUnreachable(
            f"{run.run.run_id}: no request was answered well: {failures(run)}; "
            "check the URL and --protocol"
        )


def require_complete(run: RunData) -> None:
    """Raise RunIncomplete if not all that was planned is there."""
    if run.run.status == "partial":
        why = "a limit ended it, or it began late"
        sent = counted(len(run.trials), "request")
        raise RunIncomplete(f"{run.run.run_id}: not whole, with {sent}: {why}")
    if run.run.status != "complete":
        parts = run.merged.get("parts", ())
        again = " ".join(["; merge again with: liftlab merge", *(part["run_id"] for part in parts)])
        how = f"Finish it with: liftlab {resume_verb(run.folder.manifest())} --resume RUN"
        if run.run.load == "open":
            how = "What an open loop did not send is past"
        raise RunIncomplete(
            f"{run.run.run_id}: some of what was planned was not sent, or is not here. "
            f"{how}{again if parts else ''}"
        )


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@json_option
def merge_command(runs: tuple[str, ...], as_json: bool) -> None:
    """Join the segments of a load or of a run, each a RUN or its folder, into one run."""
    from liftlab.jobs import merging

    here = project()
    run = merging.merge_runs(here, runs)
    if run.run.pipeline == LOAD:
        finish(here, run, as_json)
        return
    from liftlab.cli.run import finish as finish_run

    finish_run(here, run, as_json)
    require_complete(run)
