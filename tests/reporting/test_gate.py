"""What a verdict becomes in JUnit's words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from liftlab.reporting import gate
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


def test_without_targets_there_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_line", lambda _: "1 of 2 right")
    result: Any = SimpleNamespace(
        run_id="r", summary=SimpleNamespace(answers=None), targets=(), baseline=None
    )
    result.sentence = lambda: "No targets are set."
    assert [*gate.check_lines(result)] == ["r  1 of 2 right", "No targets are set."]
