"""The bill of a month as lines, and what the money went to as bars."""

from __future__ import annotations

import math
from typing import Any

import pytest
from matplotlib.axes import Axes

from liftlab.analysis.cost.parts import COLD, IDLE, RIGHT, RIGHT_RETRIES, WRONG
from liftlab.reporting.figures import base
from liftlab.reporting.figures.cost import HUES, cost_by_traffic, cost_parts

RATES = [1 / 86_400, 1 / 3600, 1 / 60, 1.0]
LINES = {
    "scaled to zero": [1.0, 5.0, 20.0, math.nan],
    "kept warm": [30.0, 30.0, 40.0, 90.0],
    "busy time alone": [0.1, 0.5, 5.0, 80.0],
}
MARKS = {"1,000": (1 / 3600, 5.0), "10,000": (1 / 60, 20.0)}


def traffic(**more: Any) -> base.Figure:
    given = {"unit": "USD", "caption": "c"} | more
    return cost_by_traffic(RATES, LINES, MARKS, **given)


def axes_of(figure: base.Figure, width: float = base.WIDE) -> Axes:
    (axes,) = figure.draw(width).axes
    return axes


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_who_cannot_see_the_lines_is_told_both_ends_and_the_marks() -> None:
    alt = traffic(warm_from=("keeping one warm pays from 1 a minute on", 1 / 60)).alt
    assert "scaled to zero: 1.00 USD at 1 a day, 20 USD at 1 a minute" in alt
    assert "1,000: 5.00 USD; 10,000: 20 USD" in alt
    assert alt.endswith("keeping one warm pays from 1 a minute on.")
    none = cost_by_traffic(RATES, {"a": [math.nan] * 4}, {}, unit="s", caption="c").alt
    assert none.endswith("a: none.")
    one = cost_by_traffic(
        RATES, {"a": [math.nan, 2.0, math.nan, math.nan]}, {}, unit="s", caption="c"
    )
    assert one.alt.count(" at ") == 1


def test_lines_and_marks_stand_where_they_belong() -> None:
    axes = axes_of(traffic())
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [list(line.get_ydata())[:3] for line in axes.lines] == [
        values[:3] for values in LINES.values()
    ]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-", "--"]
    points = [tuple(part.get_offsets()[0]) for part in axes.collections]
    assert points == [pytest.approx(at) for at in MARKS.values()]
    first, second = (t for t in axes.texts if "USD" in t.get_text())
    assert (first.get_ha(), first.get_va()) == ("left", "bottom")
    assert (second.get_ha(), second.get_va()) == ("right", "top")
    assert first.get_position()[1] > 0 > second.get_position()[1]
    assert axes.get_xlabel().startswith("USD a month")
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "1 a day", "1 an hour", "1 a minute", "1 a second",
    ]  # fmt: skip
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(LINES)


def test_a_narrow_page_has_short_words() -> None:
    wide, narrow = axes_of(traffic()), axes_of(traffic(), base.NARROW)
    assert any(text.startswith("1,000: ") for text in texts(wide))
    assert not any(text.startswith("1,000: ") for text in texts(narrow))
    assert [label.get_text() for label in narrow.get_xticklabels()] == [
        "day", "hour", "minute", "second",
    ]  # fmt: skip
    assert narrow.get_xlabel().endswith("one every …")


def test_without_a_price_there_are_seconds() -> None:
    assert axes_of(traffic(unit="s")).get_xlabel().startswith("billed seconds a month")


def test_from_where_on_keeping_one_warm_pays_is_a_line_with_words() -> None:
    axes = axes_of(traffic(warm_from=("pays from here on", 0.5)))
    assert list(axes.lines[-1].get_xdata()) == [0.5, 0.5]
    assert "pays from here on" in texts(axes)
    assert len(axes_of(traffic()).lines) == 3


class Bill:
    """What a bill is made of."""

    def __init__(self, **amounts: float) -> None:
        self.amounts = {globals()[name]: amount for name, amount in amounts.items()}
        self.total = sum(amounts.values())


def test_what_the_money_went_to_is_shares_of_the_bill() -> None:
    bills: Any = {"run": Bill(RIGHT=1.0, RIGHT_RETRIES=0.5, WRONG=2.0, COLD=0.25, IDLE=0.25)}
    figure = cost_parts(bills, {"run": "in all"}, unit="USD", caption="c")
    bars = axes_of(figure).patches
    assert [bar.get_width() for bar in bars] == pytest.approx([0.25, 0.125, 0.5, 0.0625, 0.0625])
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True, False, False, False]
    assert "4.00 USD in all" in figure.alt
    assert f"{RIGHT} 25 %" in figure.alt
    assert f"{WRONG} 50 %" in figure.alt
    assert (COLD in HUES, IDLE in HUES) == (True, True)
    nothing: Any = {"run": Bill()}
    assert cost_parts(nothing, {"run": "in all"}, unit="USD", caption="c").alt.count("%") == 0
    assert RIGHT_RETRIES not in HUES


def test_the_scales_are_read_by_lines_and_plain_numbers() -> None:
    axes = axes_of(traffic())
    assert list(axes.get_xticks(minor=True)) == list(axes.get_yticks(minor=True)) == []
    assert all(line.get_visible() for line in axes.get_ygridlines())
    shown = axes.yaxis.get_major_formatter()
    assert [shown(tick, 0) for tick in (0.01, 1.0, 10_000.0)] == ["0.01", "1", "10,000"]


def test_a_line_whose_first_rates_are_unknown_is_told_from_its_first() -> None:
    lines = {"a": [math.nan, 2.0, 3.0, 4.0]}
    alt = cost_by_traffic(RATES, lines, {}, unit="s", caption="c").alt
    assert "a: 2 s at 1 an hour, 4 s at 1 a second" in alt.replace("1 a hour", "1 an hour")


def test_names_of_lines_stand_beside_each_other_where_there_is_room() -> None:
    for width, columns in ((base.WIDE, 3), (base.NARROW, 1)):
        legend = axes_of(traffic(), width).get_legend()
        assert legend is not None
        assert legend._ncols == columns


def test_words_on_a_line_are_broken_to_its_room() -> None:
    said = "from 10,000 requests a month on, keeping one warm pays"
    for width, most in ((base.WIDE, 28), (base.NARROW, 20)):
        (text,) = (t for t in texts(axes_of(traffic(warm_from=(said, 0.5)), width)) if "warm" in t)
        longest = max(map(len, text.split("\n")))
        assert most - 8 < longest <= most
