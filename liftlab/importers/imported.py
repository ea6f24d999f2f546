"""What every imported run has: a name of its file, moments in UTC, a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from string import ascii_lowercase
from typing import Any

from liftlab.records import Run


def run_id(source: bytes, began_at: str | None) -> str:
    """Return the name of a file's run: when it began, and letters of its content's digest."""
    digest = sha256(source).hexdigest()
    moment = _moment(began_at)
    if moment is None:
        return f"imported_{digest[:12]}"
    number = int(digest, 16)
    letters = "".join(ascii_lowercase[number // 26**place % 26] for place in range(4))
    return f"{moment:%Y%m%d_%H%M%S}_{letters}"


def stamp(text: str | None) -> str | None:
    """Return a foreign moment in UTC; None where it is not one."""
    moment = _moment(text)
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    """Return a time as the tables have it: in UTC where its zone is told, else as it stands."""
    try:
        moment = datetime.fromisoformat(text.strip()) if text else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def manifest(
    run: Run,
    name: str,
    source: bytes,
    *,
    family: str,
    notes: Sequence[str],
    published: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a run that came as the file `name`, of one family of files.

    `published` are the figures of the file's own summary.
    """
    return {
        "suite": run.suite,
        "suite_sha256": run.suite_sha256,
        "pipeline_sha256": None,
        "imported": {
            "file": name,
            "sha256": sha256(source).hexdigest(),
            "family": family,
            "published": dict(published or {}),
            "notes": list(notes),
        },
    }
