"""`Figure`: a drawing that becomes inline SVG, readable in light, dark, print and on a phone.

A figure has at most five hues, `HUES`, each with a meaning and a place in its legend.

Text stays text, in the page's own typeface and colours: ink, muted lines and the background are
names that the style sheet fills in. Each figure is drawn twice, for a wide and a narrow page.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from liftlab.analysis.estimate import as_set
from liftlab.reporting.html import Html, join, tag
from liftlab.words import one_line

WIDE, NARROW = 880.0, 380.0  # pixels
INK, MUTED, RULE, BACKGROUND, BAD = "#010203", "#040506", "#070809", "#fdfcfb", "#0a0b0c"
BLUE, ORANGE, GREEN, VIOLET, GREY = HUES = ("#447aa6", "#dc7b29", "#41907f", "#8169a8", "#8a98a6")
CLEAR: dict[str, Any] = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 0.6}
_FAR = 2.5  # times the longest mark: beyond it a target would squeeze the marks
_NAMED = {
    INK: "currentColor",
    MUTED: "var(--muted, #5c6773)",
    RULE: "var(--line, #dfe3e8)",
    BACKGROUND: "var(--bg, #fff)",
    BAD: "var(--bad, #b3261e)",
}
_THEME: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a case's name is no formula
    "font.family": "sans-serif",
    "font.size": 13.0,
    "figure.dpi": 72.0,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.labelsize": 12.0,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "hatch.color": BACKGROUND,
    "hatch.linewidth": 1.2,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 12.0,
    "ytick.labelsize": 13.0,
    "ytick.major.size": 0.0,
}
_MOST_LABEL = 40
_NARROW_LINE = 42  # characters of an axis' words where the page is narrow
_PREAMBLE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_GROUP_ID = re.compile(r'<(g|svg) id="[^"]*"')
_SVG_HEAD = re.compile(r"<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>")
_FAMILY = re.compile(r"font-family: ('[^;\"]*)")


class Around(TypedDict):
    """What stands around a figure: the answer that it gives, and the numbers behind it."""

    caption: str
    table: NotRequired[Html | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: its caption answers a question; the same in words for who cannot see it."""

    caption: str  # the answer
    alt: str  # in two sentences what it shows, from the numbers that it draws
    draw: Callable[[float], Drawing] = field(repr=False)  # draws it at a width in pixels
    table: Html | None = field(default=None, repr=False)  # the numbers behind it, a click away

    def svg(self, width: float = WIDE) -> str:
        """Return the drawing as SVG that stands in a page: no ids but for what refers to them."""
        salt = f"{self.caption}{self.alt}{width}"
        theme: Any = {**_THEME, "svg.hashsalt": salt}
        with rc_context(theme), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has it
            drawing = self.draw(width)
            buffer = io.StringIO()
            drawing.savefig(buffer, format="svg", transparent=True, dpi=144)
        return _inline(buffer.getvalue(), self.alt)

    def html(self) -> Html:
        """Return the figure with its caption, and the table behind it."""
        wide = tag("div", Html(self.svg(WIDE)), cls="wide")
        narrow = tag("div", Html(self.svg(NARROW)), cls="narrow")
        figure = tag("figure", tag("figcaption", self.caption), wide, narrow)
        return join([figure, self.table]) if self.table else figure

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle = self.html()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": f"{self.caption}\n{self.alt}"}


def blank(width: float, height: float) -> tuple[Drawing, Axes]:
    """Return an empty drawing of a size in pixels, and its axes."""
    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03)
    drawing = Drawing(figsize=(width / 72, height / 72), dpi=72, layout=layout)
    return drawing, drawing.add_subplot()


def label(text: object, most: int = _MOST_LABEL) -> str:
    """Return foreign text as a label: one line, all of it seen, of bounded length."""
    line = one_line(str(text))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def in_view(targets: Mapping[str, float], longest: float) -> tuple[dict[str, float], list[str]]:
    """Return the targets that a figure has room for, and words for those far beyond its marks."""
    limit = _FAR * longest if math.isfinite(longest) and longest > 0 else math.inf
    near = {name: seconds for name, seconds in targets.items() if seconds <= limit}
    far = [f"{name} {as_set(s, 's')} is out of view" for name, s in targets.items() if s > limit]
    return near, far


def target_lines(axes: Axes, targets: Mapping[str, float], narrow: bool) -> None:
    """Draw a line at each target, its name above it."""
    for number, (name, seconds) in enumerate(sorted(targets.items(), key=lambda item: item[1])):
        style, color = ((0, (4, 3)), INK) if number else ((0, (1, 2.5)), MUTED)
        axes.axvline(seconds, color=color, linestyle=style, linewidth=1.1, zorder=1.5)
        words = as_set(seconds, "s") if narrow else f"{name} {as_set(seconds, 's')}"
        axes.annotate(
            words, (seconds, 1.0), xycoords=("data", "axes fraction"), xytext=(3, 1),
            textcoords="offset points", fontsize=11.5, color=color, va="bottom",
        )  # fmt: skip


def ticks(axes: Axes, longest: float, words: str) -> None:
    """Give an axis of amounts from 0 its ticks, as far as it is drawn, and its words."""
    at = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(0, longest)
    limits = axes.get_xlim()
    axes.set_xticks(at, [f"{tick:g}" for tick in at])
    axes.set_xlim(limits)
    axes.set_xlabel(words, loc="left")


def legend(axes: Axes, handles: Sequence[Any], *, columns: int, above: float = 0.0) -> None:
    """Name every mark above the drawing, `above` pixels clear of it."""
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        fontsize=11.5,
        handlelength=1.3,
        borderaxespad=0.1 + above / 11.5,
    )


def dots(hues: Mapping[str, str]) -> list[Line2D]:
    """Return a dot for each name in a legend, in its hue."""
    return [
        Line2D([], [], color=hue, marker="o", linestyle="", label=name)
        for name, hue in hues.items()
    ]


def wrapped(parts: Sequence[str], narrow: bool) -> str:
    """Join the words of an axis, a line each where the page is narrow."""
    if not narrow:
        return " · ".join(parts)
    return "\n".join(textwrap.fill(part, _NARROW_LINE) for part in parts)


def _inline(svg: str, alt: str) -> str:
    svg = _METADATA.sub("", _PREAMBLE.sub("", svg, count=1))
    svg = _GROUP_ID.sub(r"<\1", svg)
    for color, name in _NAMED.items():
        svg = svg.replace(color, name)
    svg = _FAMILY.sub(_typeface, svg).replace("xlink:href", "href")
    opened = str(tag("svg", role="img", aria_label=alt)).removesuffix("></svg>")
    return _SVG_HEAD.sub(lambda match: f"{opened} {match[1]}>", svg, count=1).strip()


def _typeface(match: re.Match[str]) -> str:
    """Leave the typeface to the page."""
    return f"font-family: {'var(--mono, monospace)' if 'Mono' in match[1] else 'inherit'}"
