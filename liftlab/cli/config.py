"""`liftlab config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from liftlab.cli.options import json_option, project


@click.command("config")
@json_option
def config_command(as_json: bool) -> None:
    """Print every setting and where it came from: the file, a variable, or a default."""
    here = project()
    rows = [
        (key, value, here.origins.get(key, "default")) for key, value in _leaves(here.resolved())
    ]
    if as_json:
        click.echo(json.dumps({key: {"value": v, "from": o} for key, v, o in rows}, indent=2))
        return
    width = max(len(key) for key, _, _ in rows)
    click.echo(f"project {here.root}\n")
    for key, value, origin in rows:
        click.echo(f"{key:<{width}}  {json.dumps(value)}  ({origin})")


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
