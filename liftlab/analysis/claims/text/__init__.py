"""Claims in a free Markdown report: which there are, and what the run's rows say of them."""

from __future__ import annotations

from liftlab.analysis.claims.text.lint import MAX_FOUND, Checked, lint

__all__ = ["MAX_FOUND", "Checked", "lint"]
