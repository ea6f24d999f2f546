"""Slow steps as figures: what is drawn where, and what is said of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from liftlab.analysis.causes import CAUSES
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.slow_steps import SlowSteps
from liftlab.reporting.figures import base, slow


def _steps(*rows: dict[str, Any]) -> SlowSteps:
    plain = {
        "repeat": 1,
        "stage": "code",
        "usual_s": 2.0,
        **dict.fromkeys(CAUSES, 0.0),
        "unexplained_s": 0.0,
        "main_cause": "retry",
        "retries": 1,
        "retry_reason": "length",
        "probably": "",
        "beyond_chance": False,
        "advice": "",
    }
    columns = ["case_id", "took_s", *plain]
    table = pd.DataFrame([plain | row for row in rows], columns=columns)
    return SlowSteps(steps=table, total=40, judged={}, reasons={})


def _stages(*seconds: float | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case_id": [f"c{n}" for n in range(len(seconds))],
            "repeat": 1,
            "stage": "code",
            "position": 0,
            "latency_s": seconds,
        }
    )


def _strip(seconds: list[float | None], red: list[int], median: float | None = 1.0) -> base.Figure:
    found = _steps(*({"case_id": f"c{n}", "took_s": seconds[n]} for n in red))
    medians = {"code": Estimate(value=median, n=1, unit="s")}
    return slow.latency_strip(_stages(*seconds), found, medians, caption="c")


def _axes(figure: base.Figure, width: float = base.WIDE) -> Axes:
    (axes,) = figure.draw(width).axes
    return axes


def _dots(axes: Axes) -> list[list[float]]:
    return [sorted(dots.get_offsets()[:, 0].tolist()) for dots in axes.collections]


def test_each_step_is_a_point_and_the_slow_ones_are_named() -> None:
    figure = _strip([1.0, 2.0, None, 9.0], [3])
    axes = _axes(figure)
    assert _dots(axes) == [[1, 2], [9]]
    assert [text.get_text() for text in axes.texts] == ["c3 9 s", "median 1 s"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1.0, 1.0]]
    assert axes.get_xlim() == pytest.approx((0, 9 * 1.12))
    assert "3 steps, 1 s to 9 s, median 1 s, 1 slow." in figure.alt
    heights = np.concatenate([dots.get_offsets()[:, 1] for dots in axes.collections])
    assert np.abs(heights).max() < 0.3  # all within their row


def test_the_median_is_written_as_on_every_page() -> None:
    known = Estimate(value=4.71, low=1.0, high=9.0, n=9, unit="s", finest=1.0)
    figure = slow.latency_strip(_stages(4.71), _steps(), {"code": known}, caption="c")
    assert [text.get_text() for text in _axes(figure).texts] == ["median 5 s"]
    assert "median 5 s" in figure.alt


def test_a_stage_without_times_says_so() -> None:
    figure = _strip([None], [], None)
    assert figure.alt.endswith("Code: no times.")
    assert not list(_axes(figure).texts)
    assert ", 0 slow." in _strip([1.0], []).alt


def test_a_name_that_would_touch_two_others_is_left_out() -> None:
    axes = _axes(_strip([1.0, 9.0, 9.01, 9.02], [1, 2, 3]))
    named = [text for text in axes.texts if text.get_text().startswith("c")]
    assert [text.get_text() for text in named] == ["c3 9.02 s", "c2 9.01 s"]  # the slowest first
    assert named[0].get_position()[1] < named[1].get_position()[1]  # one above the other
    sides = {text.get_ha() for text in named}
    assert sides == {"right"}
    near = _axes(_strip([2.0, 9.0], [0]))
    assert next(t for t in near.texts if t.get_text().startswith("c0")).get_ha() == "left"


def test_a_name_over_another_s_point_is_led_to_its_own() -> None:
    axes = _axes(_strip([1.0, 17.1, 19.8], [1, 2]))
    slowest, second = (text for text in axes.texts if text.get_text().startswith("c"))
    assert (slowest.get_text(), second.get_text()) == ("c2 19.8 s", "c1 17.1 s")
    assert slowest.get_position()[1] < second.get_position()[1]
    leader = next(line for line in axes.lines if line.get_color() == base.BAD)
    assert list(leader.get_xdata()) == [19.8, 19.8]
    assert leader.get_ydata()[0] == slowest.get_position()[1]


def test_names_that_follow_each_other_do_not_touch() -> None:
    axes = _axes(_strip([1.0, 7.4, 8.7, 10.0], [1, 2, 3]))
    named = [text.get_text() for text in axes.texts if text.get_text().startswith("c")]
    assert named == ["c3 10 s", "c2 8.7 s"]


def test_of_many_steps_the_density_is_drawn_and_the_slow_ones_stay_points() -> None:
    seconds: list[float | None] = [1.0] * slow.MOST_POINTS
    assert len(_dots(_axes(_strip(seconds, [0])))[0]) == slow.MOST_POINTS - 1
    axes = _axes(_strip([*seconds, 9.0], [slow.MOST_POINTS]))
    assert _dots(axes) == [[9.0]]
    (density,) = axes.patches
    assert density.get_data().values.max() == pytest.approx(0)  # its upper edge is above the row
    assert density.get_data().values.min() == pytest.approx(-0.3)


def test_causes_are_sorted_into_kinds_and_sum_to_the_step() -> None:
    step = {"case_id": "add", "took_s": 10.0, "unexplained_s": 1.0}
    parts = {"retry": 3.0, "back_off": 1.0, "queue": 2.0, "stall": 1.0}
    axes = _axes(slow.causes(_steps(step | parts), caption="c"))
    drawn = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
    assert drawn == [(0, 2), (2, 4), (6, 1), (7, 2), (9, 1)]
    assert [patch.get_hatch() for patch in axes.patches] == ["", "", "", "", "////"]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == [
        "usual time",
        "asked again",
        "longer or stalled answer",
        "waiting",
        "unexplained",
    ]


def test_twelve_steps_are_explained() -> None:
    row = {"took_s": 10.0, "retry": 8.0}
    rows = [row | {"case_id": f"c{n}"} for n in range(slow.MOST_EXPLAINED + 1)]
    axes = _axes(slow.causes(_steps(*rows), caption="c"))
    assert len(axes.get_yticklabels()) == slow.MOST_EXPLAINED


def test_a_row_takes_its_room_and_stands_within() -> None:
    def height(*stages: str) -> float:
        rows = pd.concat([_stages(1.0, 2.0).assign(stage=stage) for stage in stages])
        figure = slow.latency_strip(rows, _steps(), {}, caption="c")
        return float(figure.draw(base.WIDE).get_figheight() * 72)

    assert height("a", "b") - height("a") == pytest.approx(94)
    bottom, top = _axes(_strip([1.0, 9.0], [1])).get_ylim()
    assert 0.5 < bottom < 1
    assert -1 < top < -0.44  # over the names of slow steps


def test_the_median_is_a_mark_across_its_row() -> None:
    axes = _axes(_strip([1.0, 2.0], []))
    (line,) = axes.lines
    low, high = line.get_ydata()
    assert low == -high
    assert 0.17 < high < 0.5
    (text,) = axes.texts
    assert text.get_position() == (1.0, pytest.approx(0.34))


def test_points_of_few_steps_are_spread_over_three_heights() -> None:
    def heights(count: int) -> set[float]:
        axes = _axes(_strip([float(n) for n in range(1, count + 1)], []))
        return {round(float(y), 6) for y in axes.collections[0].get_offsets()[:, 1]}

    assert heights(3) == heights(40) == {-0.12, 0.0, 0.12}
    many = heights(41)
    assert len(many) > 20
    assert -0.17 <= min(many) < max(many) <= 0.17


def test_of_slow_steps_six_are_named() -> None:
    seconds: list[float | None] = [float(10 * n) for n in range(1, 9)]
    axes = _axes(_strip(seconds, list(range(8))), 3000)
    named = [text.get_text() for text in axes.texts if text.get_text().startswith("c")]
    assert [name.split()[0] for name in named] == [f"c{n}" for n in range(7, 1, -1)]


def test_very_many_slow_steps_are_a_density_too() -> None:
    seconds: list[float | None] = [1.0] * slow.MOST_POINTS + [9.0] * 61
    red = list(range(slow.MOST_POINTS, len(seconds)))
    assert len(_axes(_strip(seconds, red[:60])).collections) == 1
    both = _axes(_strip(seconds, red))
    assert len(both.collections) == 0
    usual, late = (patch.get_data() for patch in both.patches)
    assert usual.values.min() == pytest.approx(-0.3)
    assert late.values.min() == pytest.approx(-0.3 * 61 / 600)


def test_a_repeat_is_named_where_there_are_several() -> None:
    one, two = {"case_id": "add", "took_s": 9.0}, {"case_id": "add", "took_s": 8.0, "repeat": 2}
    (name,) = _axes(slow.causes(_steps(one), caption="c")).get_yticklabels()
    assert name.get_text() == "add, Code"
    names = _axes(slow.causes(_steps(one, two), caption="c")).get_yticklabels()
    assert [name.get_text() for name in names] == ["add 1, Code", "add 2, Code"]
