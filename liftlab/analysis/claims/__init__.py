"""Claims about a run, and what its data let anyone say: ruled by what was claimed, not by whom."""

from __future__ import annotations

from liftlab.analysis.claims.model import Claim, Comparison, Evidence, Ruling
from liftlab.analysis.claims.rule import rule, rule_all

__all__ = ["Claim", "Comparison", "Evidence", "Ruling", "rule", "rule_all"]
