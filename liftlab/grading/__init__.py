"""Functional checks, comparison of values, and names for what went wrong."""

from __future__ import annotations

from liftlab.grading.grade import GRADER_VERSION, CheckResult, Graded, grade, grade_failure

__all__ = ["GRADER_VERSION", "CheckResult", "Graded", "grade", "grade_failure"]
