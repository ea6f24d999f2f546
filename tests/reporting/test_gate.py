"""What a verdict becomes in JUnit's words."""

from __future__ import annotations

import pytest

from liftlab.reporting.gate import _junit_kind


@pytest.mark.parametrize(
    ("verdict", "required", "undecided_passes", "kind"),
    [
        ("met", True, False, ""),
        ("no regression found", True, False, ""),
        ("not met", True, False, "failure"),
        ("not met", True, True, "failure"),
        ("not met", False, False, "skipped"),
        ("worse", True, True, "failure"),
        ("undecided", True, False, "failure"),
        ("undecided", True, True, "skipped"),
        ("undecided", False, False, "skipped"),
        ("not measurable", True, False, "failure"),
        ("not measurable", True, True, "skipped"),
        ("met", False, False, ""),
    ],
)
def test_only_what_is_required_and_bad_fails(
    verdict: str, required: bool, undecided_passes: bool, kind: str
) -> None:
    assert _junit_kind(verdict, required, undecided_passes) == kind
