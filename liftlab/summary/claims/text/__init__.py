"""The claims of a Markdown report, each ruled by a run's summary, and what is not read."""

from __future__ import annotations

from liftlab.summary.claims.text.lint import MAX_FOUND, Checked, lint

__all__ = ["MAX_FOUND", "Checked", "lint"]
