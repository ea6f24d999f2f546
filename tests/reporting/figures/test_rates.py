"""Values with their intervals, a row each: what is drawn where."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

from liftlab.analysis.estimate import Estimate
from liftlab.analysis.success import SuccessRate, success_rate
from liftlab.reporting.figures import base, rates
from liftlab.reporting.figures.rates import MOST_ROWS, Ratio


def _rate(name: str, right: int, of: int) -> SuccessRate:
    outcome = ["pass"] * right + ["fail"] * (of - right)
    table = pd.DataFrame({"case_id": [str(n) for n in range(of)], "outcome": outcome})
    return success_rate(table, group=name)


def _axes(figure: base.Figure, width: float = base.WIDE) -> Axes:
    (axes,) = figure.draw(width).axes
    return axes


def _dots(axes: Axes) -> list[tuple[float, float]]:
    return [tuple(dots.get_offsets()[0]) for dots in axes.collections if len(dots.get_offsets())]


def _bars(axes: Axes) -> list[tuple[list[float], list[float]]]:
    lines = (line for line in axes.lines if line.get_linewidth() > 5)
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]


def _said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_each_group_has_a_dot_on_its_interval_and_its_count() -> None:
    rows = [_rate("lists", 3, 4), _rate("hash_maps", 0, 2)]
    figure = rates.success_by_category(rows, 0.7, caption="c")
    axes = _axes(figure)
    assert _dots(axes) == [(0.75, 0), (0.0, 1)]
    first, second = (row.estimate for row in rows)
    assert _bars(axes) == [([first.low, first.high], [0, 0]), ([second.low, second.high], [1, 1])]
    assert _said(axes) == ["3 of 4", "0 of 2", " target 70 %"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lists", "hash maps"]
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < 0
    assert bottom > 1  # the first row is the uppermost
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    assert {f"{100 * at:g} %" == label.get_text() for at, label in ticks} == {True}
    left, right = axes.get_xlim()
    assert -0.05 < left < 0  # all of a rate is in view, and no more
    assert 1 < right < 1.05
    assert figure.alt.endswith("From the highest to the lowest: lists 3 of 4 to hash maps 0 of 2.")


def test_a_group_that_was_not_graded_has_a_dash() -> None:
    axes = _axes(rates.success_by_category([_rate("lists", 0, 0)], caption="c"))
    assert (_dots(axes), _bars(axes), _said(axes)) == ([], [], ["–"])


def test_nothing_to_show_is_said() -> None:
    figure = rates.success_by_category([], caption="c")
    assert figure.alt.endswith("No rate is known.")
    assert _said(_axes(figure)) == ["Nothing to show"]


def test_names_are_shorter_on_a_narrow_page() -> None:
    figure = rates.success_by_category([_rate("x" * 40, 1, 1)], caption="c")
    for width, most in ((base.WIDE, 30), (base.NARROW, 16)):
        (name,) = _axes(figure, width).get_yticklabels()
        assert name.get_text() == "x" * (most - 1) + "…"


def _ratio(value: float | None, low: Any = None, high: Any = None, verdict: str = "x") -> Ratio:
    estimate = Estimate(value=value, low=low, high=high, n=20, confidence=0.95)
    return Ratio(name="code", ratio=estimate, verdict=verdict)


@pytest.mark.parametrize(
    ("verdict", "hue"), [("faster", base.BLUE), ("slower", base.BAD), ("cannot tell", base.GREY)]
)
def test_a_ratio_has_its_verdict_s_hue(verdict: str, hue: str) -> None:
    from matplotlib.colors import to_rgba

    axes = _axes(rates.ratio_rows([_ratio(1.5, 1.2, 1.9, verdict)], caption="c"))
    assert _dots(axes) == [(1.5, 0)]
    assert _bars(axes) == [([1.2, 1.9], [0, 0])]
    (dots,) = axes.collections
    assert tuple(dots.get_facecolor()[0]) == to_rgba(hue)
    assert _said(axes) == ["1.50"]


def test_an_axis_of_ratios_is_as_long_on_both_sides_of_one_and_ends_at_ten() -> None:
    for value, low, high in ((2.0, 1.5, 3.0), (0.5, 1 / 3, 0.9)):
        left, right = _axes(rates.ratio_rows([_ratio(value, low, high)], caption="c")).get_xlim()
        assert left * right == pytest.approx(1)
        assert 3 < right < 3.5
    axes = _axes(rates.ratio_rows([_ratio(5.0, 0.001, 500.0)], caption="c"))
    assert axes.get_xlim() == pytest.approx((0.1, 10))
    assert _bars(axes)[0][0] == pytest.approx([0.1, 10])  # as far as the axis goes
    # A margin is in view, whatever the ratios are.
    axes = _axes(rates.ratio_rows([_ratio(1.0, 0.99, 1.01)], margin=0.2, caption="c"))
    assert axes.get_xlim()[1] > 1.2
    (span,) = axes.patches
    assert span.get_extents().width > 0


def test_half_an_interval_is_no_bar() -> None:
    for ends in ((None, 2.0), (1.0, None)):
        assert _bars(_axes(rates.ratio_rows([_ratio(1.5, *ends)], caption="c"))) == []


@pytest.mark.parametrize("high", [1.3, 2.0, 4.0, 9.0])
def test_one_has_a_tick_and_a_narrow_page_has_few(high: float) -> None:
    figure = rates.ratio_rows([_ratio(1.1, 1.0, high)], caption="c")
    for width, most in ((base.WIDE, 8), (base.NARROW, 4)):
        at = list(_axes(figure, width).get_xticks())
        assert 1.0 in at
        assert len(at) <= most


def test_rows_beyond_those_that_are_drawn_are_counted() -> None:
    full = [_ratio(1.5, 1.2, 1.9, "slower")] * MOST_ROWS
    assert "not drawn" not in rates.ratio_rows(full, caption="c").alt
    more = rates.ratio_rows([*full, _ratio(1.0), _ratio(None)], caption="c")
    assert more.alt.endswith(" 2 more are not drawn.")
    assert len(_dots(_axes(more))) == MOST_ROWS


def test_counts_and_the_target_stand_beside_the_drawing() -> None:
    axes = _axes(rates.success_by_category([_rate("lists", 3, 4)], 0.7, caption="c"))
    count, target = axes.texts
    assert 1 < count.get_position()[0] < 1.1
    assert count.get_position()[1] == 0
    assert target.get_position()[0] == 0.7
    assert axes.get_ylim()[1] < target.get_position()[1] < -0.5  # above the first row
    (line,) = [line for line in axes.lines if line.get_linewidth() < 5]
    assert list(line.get_xdata()) == [0.7, 0.7]


def test_a_row_takes_its_room() -> None:
    def height(figure: base.Figure) -> float:
        return float(figure.draw(base.WIDE).get_figheight() * 72)

    one, two, none = (
        height(rates.success_by_category([_rate("a", 1, 2)] * n, caption="c")) for n in (1, 2, 0)
    )
    assert (two - one, none) == (pytest.approx(34), pytest.approx(one))
    by = {
        n: height(rates.ratio_rows([_ratio(1.5)] * n, caption="c")) for n in (0, 1, 11, 12, 14, 15)
    }
    assert by[0] == pytest.approx(by[1])
    assert by[12] - by[11] == pytest.approx(28)
    assert by[15] - by[14] == pytest.approx(19)


def test_ticks_are_round_and_the_same_on_both_sides_of_one() -> None:
    seen: set[float] = set()
    for high in (1.12, 1.3, 1.6, 2.2, 3.5, 6.0, 9.2):
        at = list(_axes(rates.ratio_rows([_ratio(1.0, 1.0, high)], caption="c")).get_xticks())
        assert at == sorted(at)
        assert [a * b for a, b in zip(at, at[::-1], strict=True)] == pytest.approx(
            [1] * len(at), rel=0.02
        )
        seen |= set(at)
    assert {1.0, 1.1, 1.25, 1.5, 2.0} <= seen


@pytest.mark.parametrize(("margin", "end"), [(None, 1.1), (0.2, 1.2)])
def test_an_axis_is_never_shorter_than_its_margin(margin: float | None, end: float) -> None:
    figure = rates.ratio_rows([_ratio(1.0, 0.999, 1.001)], margin=margin, caption="c")
    right = _axes(figure).get_xlim()[1]
    assert end < right < end**1.8
    assert len(_axes(figure).patches) == (margin is not None)


def test_the_margin_is_as_wide_below_one_as_above() -> None:
    axes = _axes(rates.ratio_rows([_ratio(1.0)], margin=0.25, caption="c"))
    (span,) = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((0.8, 1.25))


def test_verdicts_are_named_once_each_and_counted() -> None:
    rows = [_ratio(0.5, verdict="faster"), _ratio(2.0, verdict="slower"), _ratio(1.0), _ratio(1.0)]
    figure = rates.ratio_rows(rows, caption="c")
    legend = _axes(figure).get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["faster", "slower", "neither"]
    assert figure.alt.endswith("Of 4 rows: x 2, faster 1, slower 1.")
    assert rates.ratio_rows([], caption="c").alt.endswith("Of 0 rows: none.")
    assert _axes(rates.ratio_rows([], caption="c")).get_legend() is None


def test_one_is_a_line_and_nothing_between_the_ticks() -> None:
    axes = _axes(rates.ratio_rows([_ratio(1.5, 1.2, 1.9)], caption="c"))
    assert [1.0, 1.0] in [list(line.get_xdata()) for line in axes.lines]
    assert list(axes.get_xticks(minor=True)) == []
    assert "second run over the first" in axes.get_xlabel()
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert "× 1" in shown
