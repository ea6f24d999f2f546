"""Curves over time: what is drawn where, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from liftlab.analysis.estimate import Estimate
from liftlab.reporting.figures import base
from liftlab.reporting.figures.curves import MOST_POINTS, Curve, curves, drift, goodput, reached

TWO = Curve(name="right", hue=base.BLUE, x=np.array([1.0, 3.0]), y=np.array([0.25, 0.5]))


def _figure(*lines: Curve, targets: Any = None) -> base.Figure:
    return curves(lines, targets or {}, axis=["seconds"], caption="c")


def _axes(figure: base.Figure, width: float = base.WIDE) -> Axes:
    (axes,) = figure.draw(width).axes
    return axes


def _legend(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


@pytest.mark.parametrize(
    ("seconds", "share"),
    [(0.0, 0.0), (0.99, 0.0), (1.0, 0.25), (2.9, 0.25), (3.0, 0.5), (9.0, 0.5)],
)
def test_a_share_is_reached_at_its_time_and_kept(seconds: float, share: float) -> None:
    assert TWO.at(seconds) == share


def test_a_curve_is_told_at_its_targets_and_in_the_end() -> None:
    alt = _figure(TWO, targets={"goal": 2.0}).alt
    assert alt.endswith("right: 25 % by 2 s, 50 % in the end.")
    empty = Curve(name="right", hue=base.BLUE, x=np.array([]), y=np.array([]))
    assert _figure(empty).alt.endswith("right: 0 % in the end.")
    assert _figure().alt.endswith(". None.")


def test_a_curve_begins_at_nothing_and_goes_on_to_the_end() -> None:
    axes = _axes(_figure(TWO))
    (line,) = axes.lines
    end = axes.get_xlim()[1]
    assert list(line.get_xdata()) == [0, 1, 3, end]
    assert list(line.get_ydata()) == [0, 0.25, 0.5, 0.5]
    assert line.get_drawstyle() == "steps-post"
    assert end == pytest.approx(3.3, abs=0.05)
    assert _legend(axes) == ["right"]
    assert len(axes.collections) == 1  # few points are shown as such
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0 %", "50 %", "90 %", "all"]
    assert list(axes.get_yticks()) == [0, 0.5, 0.9, 1]


def test_many_points_are_a_line_alone() -> None:
    x = np.arange(1.0, 1001.0)
    axes = _axes(_figure(Curve(name="n", hue=base.BLUE, x=x, y=x / 1000)))
    assert len(axes.collections) == 0
    assert len(axes.lines[0].get_xdata()) <= 402
    assert axes.get_xlim()[1] == pytest.approx(1.1 * 995, rel=0.01)  # not to the last of them


def test_a_target_is_in_view_or_in_words() -> None:
    axes = _axes(_figure(TWO, targets={"goal": 5.0, "far": 900.0}))
    assert [5.0, 5.0] in [list(line.get_xdata()) for line in axes.lines]
    assert axes.get_xlim()[1] == pytest.approx(5.5)
    assert "far 900 s is out of view" in axes.get_xlabel()


def test_nothing_to_show_is_said() -> None:
    axes = _axes(_figure())
    assert [text.get_text() for text in axes.texts] == ["Nothing to show"]
    assert _legend(axes) == []


def test_what_never_ends_is_reached_by_no_time() -> None:
    line = Curve(name="n", hue=base.BLUE, x=np.array([1.0, np.inf]), y=np.array([0.5, 1.0]))
    assert _axes(_figure(line)).get_xlim()[1] == pytest.approx(1.1)
    curve = reached("done", base.BLUE, np.array([1.0, np.inf]))
    times, shares = curve.x, curve.y
    assert shares[np.isfinite(times)].max() == 0.5
    assert (shares[0], shares[-1], len(shares)) == (0, 1, 401)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([], "0 points. They go nowhere."),
        ([np.nan], "0 points. They go nowhere."),
        ([0.5, 2.0], "2 points. They go from 0.5 to 2 times."),
    ],
)
def test_drift_is_told_from_least_to_most(times: list[float], told: str) -> None:
    alt = drift(np.array(times), caption="c").alt
    assert alt.endswith(f", {told}")


def test_each_trial_has_its_place_in_the_order() -> None:
    axes = _axes(drift(np.array([1.0, np.nan, 2.0]), caption="c"))
    assert axes.collections[0].get_offsets().tolist() == [[1, 1], [3, 2]]
    assert [list(line.get_ydata()) for line in axes.lines] == [[1, 1]]
    assert _legend(axes) == ["a trial"]
    assert axes.get_ylim() == pytest.approx((0, 2.2))
    assert "of" not in axes.get_xlabel().split("trials")[0]


@pytest.mark.parametrize(("count", "rolling"), [(44, False), (45, True)])
def test_a_rolling_median_needs_three_times_its_width(count: int, rolling: bool) -> None:
    values = np.where(np.arange(count) < count // 2, 1.0, 2.0)
    axes = _axes(drift(values, caption="c"))
    assert ("rolling median" in _legend(axes)) is rolling
    if rolling:
        line = axes.lines[-1]
        assert len(line.get_xdata()) == 45 - 15 + 1
        assert (line.get_xdata()[0], line.get_xdata()[-1]) == (8, 38)  # the middle of fifteen
        assert (line.get_ydata()[0], line.get_ydata()[-1]) == (1.0, 2.0)


def test_of_many_trials_some_are_drawn_and_that_is_said() -> None:
    exact = _axes(drift(np.ones(MOST_POINTS), caption="c"))
    assert len(exact.collections[0].get_offsets()) == MOST_POINTS
    assert exact.get_xlabel().startswith("trials in the order")
    more = _axes(drift(np.ones(MOST_POINTS + 1), caption="c"))
    assert len(more.collections[0].get_offsets()) == MOST_POINTS
    assert more.get_xlabel().startswith("600 of 601 trials")


def _level(under_way: float, rate: float | None, low: Any = None, high: Any = None) -> Any:
    return SimpleNamespace(
        at_once=round(under_way),
        timed=SimpleNamespace(under_way=under_way),
        goodput=Estimate(value=rate, low=low, high=high, confidence=0.95, n=9),
    )


def _capacity(*levels: Any, knee: Estimate | None = None, worse: Any = ()) -> Any:
    none = Estimate(value=None, n=0)
    return SimpleNamespace(levels=levels, knee=knee or none, worse=worse)


def test_goodput_is_a_point_a_level_on_its_interval() -> None:
    late, early = _level(4.0, 3.0, 2.5, 3.5), _level(1.0, 1.0, 0.5, None)
    figure = goodput(_capacity(late, early, _level(9.0, None)), caption="c")
    axes = _axes(figure)
    assert [tuple(dots.get_offsets()[0]) for dots in axes.collections] == [(1, 1), (4, 3)]
    curve, bar = axes.lines
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == ([1, 4], [1, 3])
    assert (list(bar.get_xdata()), list(bar.get_ydata())) == ([4, 4], [2.5, 3.5])
    assert axes.get_xlim() == pytest.approx((0, 4.2))
    assert axes.get_ylim() == pytest.approx((0, 3.5 * 1.08))
    assert _legend(axes) == ["right answers in time"]
    assert "4 at once 3" in figure.alt
    assert "knee" not in figure.alt


def test_the_knee_and_worse_answers_are_marked() -> None:
    level = _level(4.0, 3.0)
    knee = Estimate(value=3.0, low=2.0, high=5.0, confidence=0.95, n=9)
    figure = goodput(_capacity(_level(1.0, 1.0), level, knee=knee, worse=(level,)), caption="c")
    axes = _axes(figure)
    fine, bad = (dots.get_facecolor()[0] for dots in axes.collections)
    assert tuple(bad) == to_rgba(base.BAD)
    assert tuple(fine) == to_rgba(base.BLUE)
    assert [3.0, 3.0] in [list(line.get_xdata()) for line in axes.lines]
    (span,) = axes.patches
    assert isinstance(span, Rectangle)
    assert (span.get_x(), span.get_width()) == (2.0, 3.0)
    assert len(_legend(axes)) == 3
    assert "3 at once" in _legend(axes)[2]
    assert "knee at 3" in figure.alt
    for ends in ((None, 5.0), (2.0, None)):
        half = replace(knee, low=ends[0], high=ends[1])
        assert not list(_axes(goodput(_capacity(level, knee=half), caption="c")).patches)


def test_without_levels_there_are_axes_still() -> None:
    figure = goodput(_capacity(), caption="c")
    assert figure.alt.endswith(": none.")
    assert _axes(figure).get_ylim() == pytest.approx((0, 1.08))
    flat = _axes(goodput(_capacity(_level(2.0, 0.0)), caption="c"))
    assert flat.get_ylim() == pytest.approx((0, 1.08))


def test_legends_stand_in_one_column_on_a_narrow_page() -> None:
    level = _level(1.0, 1.0)
    load = goodput(_capacity(level, worse=(level,)), caption="c")
    for figure in (_figure(TWO, TWO), load):
        for width, is_one in ((base.NARROW, True), (base.WIDE, False)):
            legend = _axes(figure, width).get_legend()
            assert legend is not None
            assert (legend._ncols == 1) is is_one


@pytest.mark.parametrize(("points", "dots"), [(40, 1), (41, 0)])
def test_up_to_forty_points_are_shown_as_such(points: int, dots: int) -> None:
    x = np.arange(1.0, points + 1)
    line = Curve(name="n", hue=base.BLUE, x=x, y=x / points)
    assert len(_axes(_figure(line)).collections) == dots


def test_a_share_is_within_the_drawing() -> None:
    bottom, top = _axes(_figure(TWO)).get_ylim()
    assert bottom == 0
    assert 1 < top < 1.1


def test_medians_of_many_trials_are_of_more_neighbours() -> None:
    values = np.where(np.arange(4000) < 2000, 1.0, 3.0)
    line = _axes(drift(values, caption="c")).lines[-1]
    assert len(line.get_xdata()) == MOST_POINTS
    assert line.get_xdata()[0] == 51  # the middle of 101
    assert line.get_xdata()[-1] == 3950
    assert set(line.get_ydata()) == {1.0, 3.0}


def test_shares_and_rates_are_read_by_lines() -> None:
    for figure in (_figure(TWO), goodput(_capacity(_level(4.0, 3.0)), caption="c")):
        assert all(line.get_visible() for line in _axes(figure).get_ygridlines())
    axes = _axes(goodput(_capacity(_level(4.0, 3.0)), caption="c"))
    assert axes.get_ylabel() == "right answers a second"
    assert max(axes.get_xticks()) >= 4


def test_drift_is_in_times_and_trials_are_whole() -> None:
    axes = _axes(drift(np.array([1.0, 2.0, 1.5]), caption="c"))
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert axes.yaxis.get_major_formatter()(1.5, 0) == "1.5×"
    assert 2 <= len(axes.get_yticks()) <= 6


@pytest.mark.parametrize(("count", "size"), [(100, 34), (101, 14)])
def test_points_are_smaller_where_there_are_many(count: int, size: int) -> None:
    axes = _axes(drift(np.ones(count), caption="c"))
    assert list(axes.collections[0].get_sizes()) == [size]


def test_times_that_are_all_small_are_drawn_to_one() -> None:
    assert _axes(drift(np.array([0.2, 0.4]), caption="c")).get_ylim() == pytest.approx((0, 1.1))


def test_a_share_reached_has_four_hundred_steps_at_observed_times() -> None:
    seconds = np.array([3.0, 1.0, 2.0, 4.0])
    curve = reached("done", base.BLUE, seconds)
    assert set(curve.x) == {1.0, 2.0, 3.0, 4.0}
    assert [curve.at(s) for s in (0.5, 1.0, 2.0, 4.0)] == pytest.approx([0, 0.25, 0.5, 1])
