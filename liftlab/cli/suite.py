"""`liftlab suite lint`: what a suite's prompts leave open."""

from __future__ import annotations

import click


@click.group("suite")
def suite_command() -> None:
    """Look after suites."""
