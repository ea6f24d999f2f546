"""Options that several verbs share, and the way from them to a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from liftlab.cli.main import say
from liftlab.errors import UsageError

if TYPE_CHECKING:
    from liftlab.cluster import Cluster
    from liftlab.settings import Project

_MOST_SHARES = 10_000
F = TypeVar("F", bound=Callable[..., Any])


def _together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return options as one decorator; help lists them in this order."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def _as_headers(
    context: click.Context, option: click.Parameter, told: tuple[str, ...]
) -> dict[str, str] | None:
    headers = {}
    for text in told:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter("give NAME=VALUE", context, option)
        headers[name.strip()] = value.strip()
    return headers or None


def _as_share(
    context: click.Context, option: click.Parameter, told: str | None
) -> tuple[int, int] | None:
    if told is None:
        return None
    match = re.fullmatch("([0-9]{1,5})/([0-9]{1,5})", told)
    number, of = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= of <= _MOST_SHARES:
        what = f"give I/N, from 1/N to N/N, such as 2/4, N at most {_MOST_SHARES:,}"
        raise UsageError(f"{option.opts[0]} {told[:30]!r}: {what}")
    return number, of


def _as_moment(context: click.Context, option: click.Parameter, told: str | None) -> float | None:
    from liftlab.runner.segment import moment

    return None if told is None else moment(told)


def suite_option(text: str, *, required: bool = False) -> Callable[[F], F]:
    """Return the option that names a suite, or several to be joined; `text` is its help."""
    return click.option(
        "--suite",
        multiple=True,
        required=required,
        metavar="NAME|FILE",
        callback=lambda _, __, suites: " + ".join(dict.fromkeys(suites)) or None,
        help=f"{text}; repeated, they are joined.",
    )


def share_option(name: str, text: str) -> Callable[[F], F]:
    """Return an option that names one of several parts; `text` is its help."""
    return click.option(name, metavar="I/N", callback=_as_share, help=text)


def cluster_option(text: str) -> Callable[[F], F]:
    """Return the option that names a cluster; `text` is its help."""
    return click.option("--cluster", metavar="tcp://…|tls://…|local:N", help=text)


A_PATH = click.Path(path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
endpoint_option = click.option("--endpoint", metavar="NAME|URL", help="The endpoint to use.")
protocol_option = click.option(
    "--protocol", type=click.Choice(["lift", "openai"]), help="Protocol of a URL."
)
header_options = _together(
    click.option(
        "--token-env", metavar="NAME", help="Environment variable with the token for a URL."
    ),
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="K=V",
        callback=_as_headers,
        help="A header for a URL, never a secret; repeatable.",
    ),
)
# What a URL as endpoint needs beside it.
url_options = _together(
    protocol_option,
    header_options,
    click.option("--model", metavar="NAME", help="The model to ask for (openai)."),
)
endpoint_options = _together(endpoint_option, url_options)
# The endpoint as an argument, or by `--endpoint`.
named_endpoint = _together(
    click.argument("named", required=False, metavar="[NAME|URL]"), endpoint_options
)
selection_options = _together(
    endpoint_options,
    click.option("--seed", type=int, help="Seed of the order of trials and of the sampling."),
    click.option("--temperature", type=float, help="At 0, repeats give equal answers."),
    click.option("--pipeline", metavar="NAME", help="The pipeline: lift, direct, or your own."),
    suite_option("The suite to run"),
)
_positive = click.FloatRange(0, min_open=True)
limit_options = _together(
    click.option(
        "--max-seconds",
        type=_positive,
        metavar="S",
        help="Stop after S seconds. Limits are checked between trials; exit 5.",
    ),
    click.option(
        "--max-requests",
        "--max-attempts",
        "max_requests",
        type=click.IntRange(1),
        metavar="N",
        help="Stop after N requests, retries included.",
    ),
    click.option("--max-usd", type=_positive, metavar="USD", help="Stop once that is spent."),
    click.option(
        "--max-error-rate",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="Stop once a larger share of requests (at least five) failed at the endpoint.",
    ),
)
segment_options = _together(
    share_option("--segment", "Send part I of N; needs --start-at. `merge` joins the parts."),
    click.option(
        "--start-at",
        metavar="TIME",
        callback=_as_moment,
        help="When all segments begin: ISO 8601 with its zone, or seconds since 1970.",
    ),
)


def project(*, needed: bool = True, **overrides: Any) -> Project:
    """Load the project with the command line's values over everything else.

    Where none is `needed`, the defaults hold outside of one.
    """
    from liftlab.settings import find_project, load_project

    load = find_project if needed else load_project
    return load(overrides={k.replace("__", "."): v for k, v in overrides.items()})


def overrides_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `project` is told by options that stand for settings: by table and name."""
    tables = {"temperature": "sampling"} | {n: "limits" for n in options if n.startswith("max_")}
    return {f"{tables.get(name, 'run')}__{name}": value for name, value in options.items()}


def project_of(named: str | None, more: dict[str, Any]) -> Project:
    """Load the project for an endpoint that was named either way; a URL needs none."""
    if named and more.get("endpoint"):
        raise click.UsageError(f"{named!r} and --endpoint: name one endpoint")
    more["endpoint"] = named or more.get("endpoint")
    return project(needed="://" not in (more["endpoint"] or ""), **overrides_of(more))


def is_file(suite: str) -> bool:
    """Say whether a suite is told by its file, which needs no project."""
    return all(part.endswith((".toml", ".jsonl", ".json")) for part in suite.split(" + "))


def taken(run: str, here: Project) -> str:
    """Return the id of the run that is meant, and say which it is where nobody wrote it out."""
    from liftlab.jobs.opening import find_run

    run_id = find_run(here, run).run_id
    if run_id != run:
        say(f"run {run_id}{', the newest of a suite' if run == 'latest' else ''}")
    return run_id


@contextmanager
def connection(cluster: str | None) -> Iterator[Cluster | None]:
    """Connect to a cluster, if one is named."""
    from liftlab.cluster import connected

    if cluster is None:
        yield None
    else:
        with connected(cluster, lambda line: say(f"warning: {line}")) as found:
            yield found
