"""Bars of parts: what is drawn where, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from liftlab.reporting.figures import base
from liftlab.reporting.figures.bars import MOST_LABELLED, Bar, Bars, Part

HUES = {"ir": base.BLUE, "code": base.ORANGE, "never": base.GREY}


def _bars(*rows: Bar, **options: Any) -> Bars:
    return Bars(**{"rows": rows, "hues": HUES, "axis": ["seconds"], "targets": {}} | options)


def _row(*amounts: float, **options: Any) -> Bar:
    kinds = ("ir", "code")
    parts = (Part(kind=kinds[n % 2], amount=amount) for n, amount in enumerate(amounts))
    return Bar(**{"name": "add", "parts": tuple(parts)} | options)


def _axes(bars: Bars, width: float = base.WIDE) -> Axes:
    (axes,) = bars.figure("Trials", caption="c").draw(width).axes
    return axes


def _drawn(axes: Axes) -> list[tuple[float, float, float]]:
    shapes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [(p.get_x(), p.get_width(), p.get_y() + p.get_height() / 2) for p in shapes]


def _said(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def _legend(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_a_part_begins_where_the_one_before_it_ends_or_where_it_says() -> None:
    late = Part(kind="code", amount=2.0, start=7.0)
    row = Bar(name="a", parts=(Part(kind="ir", amount=3.0), Part(kind="code", amount=1.0), late))
    assert [begin for begin, _ in row.spans] == [0.0, 3.0, 7.0]
    assert row.end == 9.0
    early = Bar(name="a", parts=(late, Part(kind="ir", amount=1.0, start=0.0)))
    assert early.end == 9.0
    assert Bar(name="a", parts=()).end == 0.0


def test_each_row_has_its_parts_and_its_words() -> None:
    axes = _axes(_bars(_row(3.0, 1.0, beside="4 s"), _row(2.0, name="is_even", beside="2 s")))
    assert _drawn(axes) == [(0, 3, 0), (3, 1, 0), (0, 2, 1)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["add", "is_even"]
    assert [text for text in _said(axes) if text in ("4 s", "2 s")][-2:] == ["4 s", "2 s"]
    assert _legend(axes) == ["ir", "code"]
    bottom, top = axes.get_ylim()
    assert -1 < top < -0.5
    assert 1.5 <= bottom < 2


def test_amounts_stand_in_parts_that_have_room_for_them() -> None:
    assert "3 s" in _said(_axes(_bars(_row(3.0, 1.0))))
    assert "20 ms" not in _said(_axes(_bars(_row(3.0, 0.02))))
    assert "3 s" not in _said(_axes(_bars(_row(3.0))))  # one part is the whole
    many = [_row(3.0, 1.0)] * (MOST_LABELLED + 1)
    assert "3 s" not in _said(_axes(_bars(*many)))
    assert _said(_axes(_bars(*many[1:]))).count("3 s") == MOST_LABELLED


def test_of_many_rows_only_the_bad_ones_have_words() -> None:
    rows = [_row(1.0, beside="fine")] * MOST_LABELLED
    assert "fine" in _said(_axes(_bars(*rows)))
    axes = _axes(_bars(*rows, _row(2.0, beside="failed", is_bad=True)))
    assert [text for text in _said(axes) if text] == ["failed"]
    (bad,) = [text for text in axes.texts if text.get_text() == "failed"]
    assert bad.get_color() == base.BAD
    assert bad.get_position()[0] > 2.0  # behind the bar
    fine, _ = _axes(_bars(_row(1.0, beside="x"), _row(1.0))).texts
    assert fine.get_color() == base.INK


def test_a_hatch_is_in_the_legend_where_there_is_one() -> None:
    hatched = Bar(name="a", parts=(Part(kind="ir", amount=1.0, hatched=True),))
    assert _legend(_axes(_bars(hatched, hatch="no times"))) == ["ir", "no times"]
    assert _legend(_axes(_bars(_row(1.0), hatch="no times"))) == ["ir"]
    assert [p.get_hatch() for p in _axes(_bars(hatched)).patches] == ["////"]


def test_targets_in_view_have_a_line_and_others_words() -> None:
    axes = _axes(_bars(_row(2.0), targets={"goal": 3.0, "far": 500.0}))
    assert [list(line.get_xdata()) for line in axes.lines] == [[3.0, 3.0]]
    assert "goal 3 s" in _said(axes)
    assert "far 500 s is out of view" in axes.get_xlabel()
    assert axes.get_xlim()[1] > 2.99
    narrow = _axes(_bars(_row(2.0), targets={"goal": 3.0}), base.NARROW)
    assert "3 s" in _said(narrow)


def test_shares_have_their_axis_and_nothing_is_said_to_be_nothing() -> None:
    axes = _axes(_bars(_row(0.5, 0.5), unit="%"))
    assert list(axes.get_xticks()) == [0, 0.5, 1]
    assert "Nothing to show" in _said(_axes(_bars()))
    assert _legend(_axes(_bars())) == []


def test_who_cannot_see_them_is_told_how_many_and_both_ends() -> None:
    first, last = _row(2.0, beside="2 s", words="IR 2 s"), _row(1.0, name="sub", beside="1 s")
    alt = _bars(first, last, targets={"goal": 3.0}).figure("Trials", caption="c").alt
    assert alt.startswith("Trials, 2 bars beside goal 3 s. The first is add: 2 s (IR 2 s); ")
    assert "the last is sub: 1 s" in alt


def test_rows_do_not_overlap_and_begin_at_the_axis() -> None:
    axes = _axes(_bars(_row(3.0, 1.0), _row(2.0)))
    heights = {patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)}
    assert 0.5 < min(heights) <= max(heights) < 1
    assert axes.get_xlim()[0] == 0
    assert min(axes.get_xticks()) == 0
    assert axes.spines["bottom"].get_bounds() == (0, 4.0)


def test_words_stand_close_behind_their_bar() -> None:
    (text,) = _axes(_bars(_row(2.0, beside="2 s"))).texts
    x, y = text.get_position()
    assert 2.0 < x < 2.05
    assert y == 0


def test_a_row_takes_its_room_and_half_of_it_among_many() -> None:
    def height(rows: int, width: float = base.WIDE) -> float:
        figure = _bars(*[_row(1.0)] * rows).figure("Trials", caption="c")
        return float(figure.draw(width).get_figheight() * 72)

    few, many = height(MOST_LABELLED), height(MOST_LABELLED + 1)
    assert few - height(MOST_LABELLED - 1) == pytest.approx(38)
    assert height(MOST_LABELLED + 2) - many == pytest.approx(19)
    assert height(0) == pytest.approx(height(1) - 18)  # without a legend


def test_a_legend_has_four_names_a_line_and_one_on_a_narrow_page() -> None:
    hues = {f"k{n}": base.HUES[n] for n in range(5)}
    row = Bar(name="a", parts=tuple(Part(kind=kind, amount=1.0) for kind in hues))
    for width, lines in ((base.WIDE, 2), (base.NARROW, 5)):
        one = _bars(Bar(name="a", parts=row.parts[:1]), hues=hues)
        all_of_them = _bars(row, hues=hues)
        drawn = [b.figure("T", caption="c").draw(width) for b in (one, all_of_them)]
        more = [figure.get_figheight() * 72 for figure in drawn]
        assert more[1] - more[0] == pytest.approx(18 * (lines - 1))
        legend = drawn[1].axes[0].get_legend()
        assert legend is not None
        assert legend._ncols == -(-5 // lines) + (lines == 2)


def test_one_bar_and_none_are_told_too() -> None:
    one = _bars(_row(2.0, beside="2 s")).figure("Trials", caption="c").alt
    assert one == "Trials, 1 bar. It is add: 2 s."
    assert _bars().figure("Trials", caption="c").alt.startswith("Trials, 0 bars. There is nothing")


@pytest.mark.parametrize(("share", "kinds"), [(0.0099, 2), (0.01, 3)])
def test_kinds_under_a_hundredth_of_every_bar_are_one(share: float, kinds: int) -> None:
    rest = 1 - share
    parts = [Part(kind="ir", amount=rest), Part(kind="code", amount=share)]
    rows = [Bar(name="a", parts=tuple(parts)), Bar(name="b", parts=())]
    shown = _axes(_bars(*rows, Bar(name="c", parts=(Part(kind="never", amount=1.0),))))
    names = _legend(shown)
    assert len(names) == 3
    assert ("other" in names) is (kinds == 2)
