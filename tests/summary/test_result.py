"""The targets that stand beside a figure."""

from __future__ import annotations

import pytest

from liftlab.analysis.estimate import Estimate
from liftlab.settings.targets import TargetSettings
from liftlab.summary.result import Limits

LIMITS = Limits(
    {
        "typical_time": TargetSettings(metric="e2e_median_s", limit=10.0),
        "a_wish": TargetSettings(metric="e2e_median_s", limit=4.0, required=False),
        "of_right_ones": TargetSettings(metric="e2e_median_s", limit=8.0, population="right"),
        "tail": TargetSettings(metric="e2e_p95_s", limit=30.0),
    }
)


def test_a_metric_has_its_limits_the_wishes_by_their_names() -> None:
    assert LIMITS.of("e2e_median_s") == (("target", 10.0), ("a wish", 4.0))
    assert LIMITS.of("e2e_median_s", required=True) == (("target", 10.0),)
    assert LIMITS.of("e2e_median_s", "right") == (("target", 8.0),)
    assert LIMITS.of("success_rate") == ()


@pytest.mark.parametrize(("value", "limit"), [(9.0, 10.0), (3.0, 4.0), (None, None)])
def test_a_figure_stands_beside_the_nearest_limit(value: float | None, limit: float | None) -> None:
    estimate = Estimate(value=value, n=3, unit="s")
    assert LIMITS.beside(estimate, "e2e_median_s").limit == limit
    assert LIMITS.beside(estimate, "success_rate").limit is None
