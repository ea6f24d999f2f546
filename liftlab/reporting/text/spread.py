"""How much times vary."""

from __future__ import annotations

from liftlab.reporting.text import words
from liftlab.reporting.text.base import Text, write
from liftlab.reporting.text.numbers import value
from liftlab.summary.latency import Spread


def title(spread: Spread) -> Text:
    """Return which stage varies most for the same prompt, or that this is not known."""
    known = [(what, parts) for what, parts in spread.rows if not parts.reason and what != "e2e"]
    if not known:
        return Text("Prompts and repeats cannot be told apart yet")
    what, parts = max(known, key=lambda row: row[1].repeat.value or 0.0)
    return write(
        "{} varies most: by {} when a prompt is asked again", words.stage(what), value(parts.repeat)
    )


def held(spread: Spread) -> Text:
    """Say how much of the variance end to end lies between prompts, or what would tell."""
    parts = next((parts for what, parts in spread.rows if what == "e2e"), None)
    if parts is None:
        return Text()
    if parts.reason:
        return Text(f"Telling them apart {parts.reason}.") if "needs" in parts.reason else Text()
    said = "{} of the variance end to end lies between prompts, the rest between repeats."
    return write(said, value(parts.share))
