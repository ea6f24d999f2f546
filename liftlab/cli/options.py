"""Options that several verbs share, and the way from them to a project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from liftlab.errors import UsageError

if TYPE_CHECKING:
    from liftlab.cluster import Cluster
    from liftlab.settings import Project

_MOST_SHARES = 10_000
F = TypeVar("F", bound=Callable[..., Any])
endpoint_option = click.option("--endpoint", metavar="NAME|URL", help="The endpoint to use.")
protocol_option = click.option(
    "--protocol", type=click.Choice(["lift", "openai"]), help="Protocol of a URL."
)


def endpoint_options(function: F) -> F:
    """Add `--endpoint` and what goes with it."""
    return endpoint_option(url_options(function))


def url_options(function: F) -> F:
    """Add what a URL as endpoint needs beside it."""
    model = click.option("--model", metavar="NAME", help="The model to ask for (openai).")
    return protocol_option(header_options(model(function)))


def header_options(function: F) -> F:
    """Add the headers that requests to a URL have."""
    for option in (
        click.option(
            "--header",
            "headers",
            multiple=True,
            metavar="K=V",
            callback=_as_headers,
            help="A header for a URL, never a secret; repeatable.",
        ),
        click.option(
            "--token-env", metavar="NAME", help="Environment variable with the token for a URL."
        ),
    ):
        function = option(function)
    return function


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


def named_endpoint(function: F) -> F:
    """Take the endpoint as an argument, or by `--endpoint` and what goes with it."""
    argument = click.argument("named", required=False, metavar="[NAME|URL]")
    return argument(endpoint_options(function))


def project_of(named: str | None, more: dict[str, Any]) -> Project:
    """Load the project for an endpoint that was named either way; a URL needs none."""
    if named and more.get("endpoint"):
        raise click.UsageError(f"{named!r} and --endpoint: name one endpoint")
    more["endpoint"] = named or more.get("endpoint")
    return project(needed="://" not in (more["endpoint"] or ""), **overrides_of(more))


def overrides_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `project` is told by options that stand for settings: by table and name."""
    tables = {"temperature": "sampling"} | {n: "limits" for n in options if n.startswith("max_")}
    return {f"{tables.get(name, 'run')}__{name}": value for name, value in options.items()}


def _joined(context: click.Context, option: click.Parameter, suites: tuple[str, ...]) -> str | None:
    return " + ".join(dict.fromkeys(suites)) or None


def suite_option(text: str, *, required: bool = False) -> Callable[[F], F]:
    """Return the option that names a suite, or several to be joined; `text` is its help."""
    return click.option(
        "--suite",
        multiple=True,
        required=required,
        metavar="NAME|FILE",
        callback=_joined,
        help=f"{text}; repeated, they are joined.",
    )


def selection_options(function: F) -> F:
    """Add the options that say what to run."""
    for option in (
        suite_option("The suite to run"),
        click.option("--pipeline", metavar="NAME", help="The pipeline: lift, direct, or your own."),
        click.option("--temperature", type=float, help="At 0, repeats give equal answers."),
        click.option("--seed", type=int, help="Seed of the order of trials and of the sampling."),
    ):
        function = option(function)
    return endpoint_options(function)


def limit_options(function: F) -> F:
    """Add the limits of a session: time, requests, money, endpoint errors."""
    positive = click.FloatRange(0, min_open=True)
    for option in (
        click.option(
            "--max-error-rate",
            type=click.FloatRange(0, 1),
            metavar="SHARE",
            help="Stop once a larger share of requests (at least five) failed at the endpoint.",
        ),
        click.option("--max-usd", type=positive, metavar="USD", help="Stop once that is spent."),
        click.option(
            "--max-requests",
            "--max-attempts",
            "max_requests",
            type=click.IntRange(1),
            metavar="N",
            help="Stop after N requests, retries included.",
        ),
        click.option(
            "--max-seconds",
            type=positive,
            metavar="S",
            help="Stop after S seconds. Limits are checked between trials; exit 5.",
        ),
    ):
        function = option(function)
    return function


def segment_options(function: F) -> F:
    """Add what makes a session send but a part of its plan."""
    at = "When all segments begin: ISO 8601 with its zone, or seconds since 1970."
    named = share_option(
        "--segment", "Send part I of N; needs --start-at. `merge` joins the parts."
    )
    return named(click.option("--start-at", metavar="TIME", callback=_as_moment, help=at)(function))


def share_option(name: str, text: str) -> Callable[[F], F]:
    """Return an option that names one of several parts; `text` is its help."""
    return click.option(name, metavar="I/N", callback=_as_share, help=text)


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


def taken(run: str, here: Project) -> str:
    """Return the id of the run that is meant, and say which it is where nobody wrote it out."""
    from liftlab.cli.main import say
    from liftlab.jobs.opening import find_run

    run_id = find_run(here, run).run_id
    if run_id != run:
        say(f"run {run_id}{', the newest of a suite' if run == 'latest' else ''}")
    return run_id


def cluster_option(text: str) -> Callable[[F], F]:
    """Return the option that names a cluster; `text` is its help."""
    return click.option("--cluster", metavar="tcp://…|tls://…|local:N", help=text)


@contextmanager
def connection(cluster: str | None) -> Iterator[Cluster | None]:
    """Connect to a cluster, if one is named."""
    from liftlab.cli.main import say
    from liftlab.cluster import connected

    if cluster is None:
        yield None
    else:
        with connected(cluster, lambda line: say(f"warning: {line}")) as found:
            yield found


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def project(*, needed: bool = True, **overrides: Any) -> Project:
    """Load the project with the command line's values over everything else.

    Where none is `needed`, the defaults hold outside of one.
    """
    from liftlab.settings import find_project, load_project

    load = find_project if needed else load_project
    return load(overrides={k.replace("__", "."): v for k, v in overrides.items()})


def is_file(suite: str) -> bool:
    """Say whether a suite is told by its file, which needs no project."""
    return all(part.endswith((".toml", ".jsonl", ".json")) for part in suite.split(" + "))
