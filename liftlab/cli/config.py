"""`liftlab config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from liftlab.cli.options import json_option, project
from liftlab.errors import UnknownName


@click.command("config")
@click.argument("key", required=False)
@json_option
def config_command(key: str | None, as_json: bool) -> None:
    """Print every setting, or those at or under KEY, and where each came from.

    That is a file, a variable, or a default. KEY is one like `run.suite` or `endpoints.modal`.
    """
    here = project()
    known = dict(_leaves(here.resolved()))
    wanted = [name for name in known if not key or f"{name}.".startswith(f"{key}.")]
    if not wanted:
        raise UnknownName("setting", key or "", known)
    rows = [(name, known[name], here.origins.get(name, "default")) for name in wanted]
    if as_json:
        click.echo(json.dumps({name: {"value": v, "from": o} for name, v, o in rows}, indent=2))
        return
    width = max(len(name) for name, _, _ in rows)
    if not key:
        click.echo(f"project {here.root}\n")
    for name, value, origin in rows:
        click.echo(f"{name:<{width}}  {json.dumps(value)}  ({origin})")


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
