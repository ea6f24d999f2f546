"""What a run's summary gives for each quantity that a claim may name."""

from __future__ import annotations

import pytest

from liftlab.summary import RunSummary
from liftlab.summary.claims.model import Quantity, counts, estimate


@pytest.mark.parametrize(
    ("wanted", "value", "n"),
    [
        (Quantity(metric="success_rate"), 0.2, 5),
        (Quantity(metric="success_rate", groups=("category=control_flow",)), 0.5, 2),
        (
            Quantity(metric="success_rate", groups=("category=strings", "category=control_flow")),
            1 / 3,
            3,
        ),
        (Quantity(metric="failure_share", groups=("class=missing_return",)), 0.6, 5),
        (Quantity(metric="share_of_failures", groups=("class=missing_return",)), 0.75, 4),
        (Quantity(metric="e2e_max_s"), 27.1, 5),
        (Quantity(metric="e2e_min_s"), 14.16, 5),
    ],
)
def test_a_figure_is_that_of_the_pages(
    summary: RunSummary, wanted: Quantity, value: float, n: int
) -> None:
    found = estimate(summary, wanted)
    assert (found.value, found.n) == (pytest.approx(value), n)


@pytest.mark.parametrize(
    ("metric", "groups"),
    [
        ("success_rate", ("no_such_kind",)),
        ("success_rate", ("category=strings", "no_such_kind")),
        ("parsed_rate", ("category=strings",)),
        ("pass_at_9", ()),
        ("intent_inference_max_s", ()),
    ],
)
def test_what_the_summary_has_not_is_none_with_a_reason(
    summary: RunSummary, metric: str, groups: tuple[str, ...]
) -> None:
    found = estimate(summary, Quantity(metric=metric, groups=groups))
    assert found.value is None
    assert found.reason


@pytest.mark.parametrize(
    ("metric", "groups", "expected"),
    [
        ("success_rate", (), (1, 5)),
        ("parsed_rate", (), (4, 5)),
        ("success_rate", ("category=control_flow",), (1, 2)),
        ("parsed_rate", ("category=control_flow",), None),
        ("error_rate", (), (0, 5)),
        ("failure_share", ("class=missing_return",), (3, 5)),
        ("share_of_failures", ("class=missing_return",), (3, 4)),
        ("e2e_median_s", (), None),
    ],
)
def test_a_share_is_so_many_of_so_many(
    summary: RunSummary, metric: str, groups: tuple[str, ...], expected: tuple[int, int] | None
) -> None:
    assert counts(summary, Quantity(metric=metric, groups=groups)) == expected
