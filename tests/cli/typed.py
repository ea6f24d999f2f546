"""What a command line tells a verb, read and not carried out."""

from __future__ import annotations

import shlex
from typing import Any

import click

from liftlab.cli.main import cli


def typed(line: str) -> dict[str, Any]:
    """Return what a verb is told, by parameter; raise click.UsageError as the verb would."""
    command: click.Command = cli
    words = shlex.split(line)
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
    return command.make_context(command.name, words).params


def edges(line: str, lowest: int | None, highest: int | None = None) -> list[tuple[str, bool]]:
    """Return the line with each end of a range, which it takes, and with the next, refused."""
    ends = ((lowest, -1), (highest, 1))
    return [
        (f"{line}={end + step}", not step)
        for end, beyond in ends
        if end is not None
        for step in (0, beyond)
    ]


def is_taken(line: str) -> bool:
    """Say whether a verb takes a command line."""
    try:
        typed(line)
    except click.UsageError:
        return False
    return True
