"""`liftlab history`: all runs as one table, and where a level shifted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project

if TYPE_CHECKING:
    from liftlab.jobs.histories import RunHistory

_SKIPPED = 20  # runs named one by one


@click.command("history")
@click.option("--suite", metavar="NAME", help="Only runs of this suite.")
@click.option("--endpoint", metavar="NAME", help="Only runs on this endpoint.")
@click.option("--last", type=click.IntRange(0), default=20, help="How many runs to list (20).")
@json_option
def history_command(suite: str | None, endpoint: str | None, last: int, as_json: bool) -> None:
    """Print the history of all runs: medians, success, cost; trends, shifts, what changed."""
    from liftlab.jobs.histories import read_runs

    here = project()
    found = read_runs(here, suite, endpoint, say)
    runs, skipped = found.runs, found.skipped
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, allow_nan=False))
        return
    from liftlab.reporting.text.history import paragraph, run_table
    from liftlab.summary.result import Limits

    if len(runs) == 0:
        click.echo(f"no runs in {here.path('runs')} yet: make one with `liftlab run`")
    elif last:
        click.echo(run_table(runs.tail(last), Limits(here.settings.targets)))
        if len(runs) > last:
            click.echo(f"… and {len(runs) - last:,} older (--last {len(runs)})")
    for series in found.series:
        click.echo("\n" + "\n".join(paragraph(series)))
    for run_id, reason in list(skipped.items())[:_SKIPPED]:
        say(f"skipped {run_id}: {reason}")
    if len(skipped) > _SKIPPED:
        say(f"… and {len(skipped) - _SKIPPED:,} more: `liftlab history --json` names all")


def _as_json(found: RunHistory) -> dict[str, Any]:
    rows = json.loads(found.runs.to_json(orient="records", double_precision=15))
    told = [
        {
            "title": each.title,
            "runs": list(each.runs),
            "metrics": [
                {
                    "metric": metric.metric,
                    "n": metric.n,
                    "latest": metric.latest,
                    "sd": metric.sd,
                    "per_week": metric.per_week.value,
                    "per_week_low": metric.per_week.low,
                    "per_week_high": metric.per_week.high,
                }
                for metric in each.metrics
            ],
            "changes": [change.as_json() for change in each.changes],
        }
        for each in found.series
    ]
    return {"runs": rows, "series": told, "skipped": dict(found.skipped)}
