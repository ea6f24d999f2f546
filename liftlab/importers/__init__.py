"""Results that liftlab did not measure itself, as run folders like any other."""

from __future__ import annotations

from liftlab.importers.reference import import_reference, reference_names

__all__ = ["import_reference", "reference_names"]
