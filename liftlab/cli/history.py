"""`liftlab history`: all runs as one table, and where a level shifted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from liftlab.cli.main import say
from liftlab.cli.options import json_option, project
from liftlab.errors import LiftlabError
from liftlab.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from liftlab.analysis.trends import RunSeries
    from liftlab.settings import Project

_SKIPPED = 20  # runs named one by one


@click.command("history")
@click.option("--suite", metavar="NAME", help="Only runs of this suite.")
@click.option("--endpoint", metavar="NAME", help="Only runs on this endpoint.")
@click.option("--last", type=click.IntRange(0), default=20, help="How many runs to list (20).")
@json_option
def history_command(suite: str | None, endpoint: str | None, last: int, as_json: bool) -> None:
    """Print all runs as one history: medians, success, cost; trends, shifts, what changed."""
    from liftlab import store

    here = project()
    runs = store.history(here)
    unread = _lay_tables(here, store.unlaid(here.path("runs"), runs.attrs["skipped"]))
    if unread is not None:
        runs = store.history(here)
        runs.attrs["skipped"] |= unread
    from liftlab.analysis.trends import run_series  # the history is read while pandas loads

    skipped: dict[str, str] = runs.attrs["skipped"]
    for column, wanted in (("suite", suite), ("endpoint", endpoint)):
        runs = runs if wanted is None else runs[runs[column] == wanted]
    series = run_series(runs)
    if as_json:
        click.echo(json.dumps(_as_json(runs, series, skipped), indent=2, allow_nan=False))
        return
    if len(runs) == 0:
        click.echo(f"no runs in {here.path('runs')} yet: make one with `liftlab run`")
    elif last:
        click.echo(run_table(runs.tail(last)))
        if len(runs) > last:
            click.echo(f"… and {len(runs) - last:,} older (--last {len(runs)})")
    for each in series:
        click.echo("\n" + "\n".join(paragraph(each)))
    for run_id, reason in list(skipped.items())[:_SKIPPED]:
        say(f"skipped {run_id}: {reason}")
    if len(skipped) > _SKIPPED:
        say(f"… and {len(skipped) - _SKIPPED:,} more: `liftlab history --json` names all")


def _lay_tables(here: Project, wanted: Sequence[str]) -> dict[str, str] | None:
    """Make the tables of runs that have none; return why some cannot, None if none lacked any."""
    if not wanted:
        return None
    from liftlab import jobs

    say(f"making the tables of {counted(len(wanted), 'run')}: once, not every time")
    unread = {}
    for run_id in wanted:
        try:
            jobs.open_run(run_id, project=here)
        except LiftlabError as error:
            unread[run_id] = str(error)
    return unread


def run_table(runs: pd.DataFrame) -> str:
    """Return runs as lines of text, the newest last."""
    from liftlab.analysis.comparability import time_metrics

    table = runs[["run_id", "suite", "endpoint", "model", "trials"]].copy()
    for name in ("suite", "endpoint", "model"):
        table[name] = [_short(value) for value in table[name]]
    for name in time_metrics(runs):
        if runs[name].notna().any():
            table[name.removesuffix("_median_s")] = [_number(v, "{:.2f} s") for v in runs[name]]
    table["right"] = [_number(value, "{:.0%}") for value in runs["success_rate"]]
    table["USD"] = [_number(value, "{:.4f}") for value in runs["cost_per_trial_usd"]]
    table["attempts"] = [_number(value, "{:.2f}") for value in runs["attempts_per_trial"]]
    return table.to_string(index=False)


def paragraph(series: RunSeries) -> list[str]:
    """Return what a series says: each metric, then every shift."""
    from liftlab.reporting.text import history

    count = len(series.runs)
    lines = [f"{series.title}: {counted(count, 'run')}"]
    lines += [f"  {history.metric(metric)}" for metric in series.metrics]
    lines += [f"  shift: {history.shift(change)}" for change in series.changes]
    if count >= 2 and not series.changes:
        lines.append("  no shift found: one in a hundred steady series would show one")
    return lines


def _as_json(
    runs: pd.DataFrame, series: list[RunSeries], skipped: dict[str, str]
) -> dict[str, Any]:
    rows = json.loads(runs.to_json(orient="records", double_precision=10))
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
        for each in series
    ]
    return {"runs": rows, "series": told, "skipped": skipped}


def _short(value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else "–"
    return text if len(text) <= 24 else f"{text[:23]}…"


def _number(value: float, form: str) -> str:
    return "–" if value != value else form.format(value)  # noqa: PLR0124  # NaN
