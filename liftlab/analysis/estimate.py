"""`Estimate`: a number with its interval, or with the reason why it has none.

Figures for people are written here and nowhere else: to two significant digits of the interval's
half-width, without an interval to three; both ends to the same decimals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from liftlab.words import counted

if TYPE_CHECKING:
    from liftlab.analysis.decide import Decision

POINTS = "percentage points"  # of a difference of two shares
_FACTORS = {"%": 100.0, POINTS: 100.0, "ms": 1000.0}
_MOST_DECIMALS = 12
_MOST_OF_MONEY = 4  # decimals: a hundredth of a cent
_LARGEST = 1e15  # beyond it floats are whole anyway
_SAME = 1e-9  # of a value; what differs by less differs by rounding


class RateTest(NamedTuple):
    """The test of a rate on which a verdict rests; of a quantile, of the share within the limit."""

    rate: float
    low: float
    high: float
    against: float  # the share that the limit stands for: the limit of a rate, the q of a quantile
    per_prompt: float  # effective requests for each prompt of the run
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number that can leave liftlab: with an interval, or with the reason for none.

    Parameters
    ----------
    value, low, high
        The point estimate, or None where the data carry none; ends of its interval: one None is
        a bound on one side only.
    n, cases
        Requests that it rests on, and prompts behind them; None where not known, or one each.
    confidence
        What the interval really has, which at small n may be less than was asked for.
    reason, needs
        Why a number or an end of the interval is missing; for the team, what would give it.
    population
        Which values the number speaks for.
    unit
        "s", "USD", …; "%" for a share that is kept as a fraction from 0 to 1.
    quantity
        The row of docs/definitions.md that this is, such as "success_rate".
    over
        Whether the value is known only to be longer: there the client gave up.
    limit
        The target that it is judged by: no figure is rounded onto it or over it.
    finest
        The error of the measurement, in the unit: nothing below it is printed.
    tested
        The test of a rate that a verdict against a limit rests on.
    decision
        The sequential test that the run was made for, which then judges in place of the interval.

    Examples
    --------
    >>> str(Estimate(value=14.96, low=14.16, high=27.1, n=5, confidence=0.9375, unit="s"))
    '15.0 s (93.75 % interval 14.2–27.1 s, n = 5)'
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    method: str = ""
    reason: str = ""
    population: str = ""
    unit: str = ""
    cases: int | None = None
    quantity: str = ""
    needs: str = ""
    over: bool = False
    limit: float | None = None
    finest: float | None = None
    tested: Callable[[float], RateTest | None] | None = field(
        default=None, compare=False, repr=False
    )
    decision: Decision | None = field(default=None, compare=False, repr=False)

    def no_narrower_than(self, uncertainty: float | None) -> Estimate:
        """Return the estimate with an interval that leaves room for an error of measurement.

        `uncertainty` is by how much the value may be off either way, in its unit.
        """
        if self.value is None or not uncertainty:
            return self
        floor = 0.0 if self.value >= 0 else -math.inf  # no time is below 0
        low = None if self.low is None else min(self.low, max(floor, self.value - uncertainty))
        high = None if self.high is None else max(self.high, self.value + uncertainty)
        if (low, high) == (self.low, self.high):
            return replace(self, finest=uncertainty)
        method = "; ".join(part for part in (self.method, "widened by the clock's error") if part)
        return replace(self, low=low, high=high, method=method, finest=uncertainty)

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return self.low is not None and self.high is not None

    @property
    def point(self) -> str:
        """The value with its unit, or an en dash."""
        if self.value is None:
            return "–"
        style = self._style([self.value])  # an end that is near the limit gives it no decimals
        return ("over " if self.over else "") + style.write(self.value)

    @property
    def interval(self) -> str:
        """The interval in words; empty where there is none."""
        if self.confidence is None or _same(self.low, self.high):
            return ""
        level, style = f"{plain(100 * self.confidence, 6)} %", self._style(None)
        if self.low is None:
            return f"{level} upper bound {style.write(self.high)}"
        if self.high is None:
            return f"{level} lower bound {style.write(self.low)}"
        return f"{level} interval {style.span(self.low, self.high)}"

    @property
    def counted(self) -> str:
        """How many requests it rests on, and how many prompts where those are fewer."""
        if self.cases is None or self.cases == self.n:
            return f"n = {self.n:,}"
        return f"n = {self.n:,} requests, {counted(self.cases, 'prompt')}"

    def __str__(self) -> str:
        """Say the value, its interval and n, or why one of them is missing."""
        shown = ", ".join(part for part in (self.interval, self.counted) if part)
        why = self.needs or self.reason
        return f"{self.point} ({shown}{': ' + why if why else ''})"

    def _style(self, off_limit: list[float] | None) -> _Style:
        """Return how its figures are written; `off_limit`: those kept off it, all if None."""
        known = [each for each in (self.value, self.low, self.high) if each is not None]
        half = None
        if self.low is not None and self.high is not None:
            half = (self.high - self.low) / 2
        limits = {"limit": self.limit, "finest": self.finest}
        return _style(known, self.unit, half=half, off_limit=off_limit, **limits)


@dataclass(frozen=True, slots=True)
class _Style:
    """How figures that belong together are written: unit, and decimals after the factor."""

    unit: str
    decimals: int
    bare: bool = False  # without zeros at the end: a number as it was set

    def write(self, value: float | None) -> str:
        if value is None or math.isnan(value):
            return "–"
        return f"{self.number(value)} {self.unit}".rstrip() if math.isfinite(value) else "never"

    def span(self, low: float, high: float) -> str:
        first, last = self.number(low), self.number(high)
        if first == last:
            return f"{first} {self.unit}".rstrip()
        apart = " to " if last.startswith(">") or first.startswith("-") else "–"
        return f"{first}{apart}{last} {self.unit}".rstrip()

    def number(self, value: float) -> str:
        scaled = value * _FACTORS.get(self.unit, 1.0)
        if not math.isfinite(scaled):
            return "never"
        text = f"{round(scaled, self.decimals) + 0.0:,.{max(0, self.decimals)}f}"
        if self.unit == "%" and 0 < scaled < 100:
            rounded = {"0": "< 1", "100": "> 99"}.get(text, text)  # it is neither none nor all
            text = "< 0.1" if scaled < 0.1 else "> 99.9" if scaled > 99.9 else rounded
        elif scaled > 0 and not any(digit in "123456789" for digit in text):
            text = f"< {10.0**-self.decimals:,.{max(0, self.decimals)}f}"
        return _trimmed(text, keep=2 if self.unit == "USD" else 0) if self.bare else text


def _style(
    values: list[float],
    unit: str,
    *,
    half: float | None = None,
    limit: float | None = None,
    finest: float | None = None,
    off_limit: list[float] | None = None,
) -> _Style:
    """Choose unit and decimals for figures that belong together."""
    largest = max((abs(each) for each in values if math.isfinite(each)), default=0.0)
    if unit == "s" and 0 < largest < 1:
        unit = "ms"
    if largest > _LARGEST:
        return _Style(unit, 0)
    factor = _FACTORS.get(unit, 1.0)
    known = half is not None and math.isfinite(half) and half > _SAME * largest
    digits, size = (2, half or 0.0) if known else (3, largest)
    decimals = digits - 1 - _magnitude(size * factor, digits)
    if unit == "USD":
        decimals = min(decimals, _MOST_OF_MONEY)
    if unit in ("%", POINTS):
        small = not known and 0 < largest < 0.01
        decimals = min(max(decimals, 0), 1 if known or small else 0)
    if finest:
        place = math.floor(round(-math.log10(finest * factor), 9))
        if largest > finest:  # its first digit is known
            place = max(place, -_magnitude(largest * factor, 1))
        decimals = min(decimals, place)
    if limit is not None:
        decimals = _beside(off_limit or values, limit, factor, decimals)
    whole = unit not in ("%", POINTS)
    exact = not known and whole and all(_is_exact(v * factor, decimals) for v in values)
    return _Style(unit, decimals, bare=exact)


def _magnitude(value: float, digits: int) -> int:
    """Return the power of ten of the first digit, once rounded to so many digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2]) if value else 0


def _same(low: float | None, high: float | None) -> bool:
    """Whether an interval has no width but that of rounding in arithmetic."""
    if low is None or high is None:
        return low is high
    return math.isclose(low, high, rel_tol=_SAME)


def _is_exact(value: float, decimals: int) -> bool:
    return math.isfinite(value) and abs(round(value, decimals) - value) < 1e-9 * max(1, abs(value))


def _beside(values: list[float], limit: float, factor: float, decimals: int) -> int:
    """Return decimals at which no value is rounded onto the limit, or over it."""
    apart = [v for v in values if math.isfinite(v) and not math.isclose(v, limit, rel_tol=1e-9)]
    while decimals < _MOST_DECIMALS and any(
        (round(v * factor, decimals) - limit * factor) * (v - limit) <= 1e-12 for v in apart
    ):
        decimals += 1
    return decimals


def nearest(limits: Iterable[float], value: float | None) -> float | None:
    """Return the limit that a value is written beside; None where there is none."""
    if value is None or math.isnan(value):
        return None
    return min(limits, key=lambda limit: abs(limit - value), default=None)


def quantity(
    value: float | None, unit: str = "", *, limit: float | None = None, finest: float | None = None
) -> str:
    """Write a lone value for people, with its unit; a share (unit "%") is a fraction from 0 to 1.

    Examples
    --------
    >>> quantity(0.8, "%"), quantity(14.96, "s"), quantity(0.003368, "USD"), quantity(None, "s")
    ('80 %', '15.0 s', '0.0034 USD', '–')
    >>> quantity(14.96, "s", limit=15.0), quantity(0.0563, "s"), quantity(0.0004, "%")
    ('14.96 s', '56.3 ms', '< 0.1 %')
    """
    if value is None or math.isnan(value):
        return "–"
    return _style([value], unit, limit=limit, finest=finest).write(value)


def span(low: float, high: float, unit: str = "", *, finest: float | None = None) -> str:
    """Write an interval for people, both ends to the same number of decimals.

    Examples
    --------
    >>> span(0.3755386, 0.9637758, "%"), span(14.16, 27.1, "s"), span(5.6e-17, 0.861, "%")
    ('38–96 %', '14.2–27.1 s', '< 0.1–86 %')
    """
    return _style([low, high], unit, half=(high - low) / 2, finest=finest).span(low, high)


def as_set(value: float, unit: str = "") -> str:
    """Write a number that somebody has set, such as a limit, as it was set.

    Examples
    --------
    >>> as_set(0.975, "%"), as_set(15.0, "s"), as_set(0.1, "USD")
    ('97.5 %', '15 s', '0.10 USD')
    """
    text = plain(value * _FACTORS.get(unit, 1.0), 6)
    if unit == "USD" and len(text.partition(".")[2]) == 1:
        text += "0"
    return f"{text} {unit}".rstrip()


def plain(value: float, digits: int = 4, *, padded: bool = False) -> str:
    """Write a number with at most `digits` significant digits, and no needless zeros.

    Examples
    --------
    >>> plain(93.75), plain(95.0), plain(0.00336800), plain(1234567.0), plain(19.608)
    ('93.75', '95', '0.003368', '1,235,000', '19.61')
    """
    if not math.isfinite(value):
        return "never" if value == math.inf else "–"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}") if abs(value) < _LARGEST else value
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    if decimals > _MOST_DECIMALS:
        return f"< {10.0**-_MOST_DECIMALS:.{_MOST_DECIMALS}f}" if value > 0 else "0"
    text = f"{rounded:,.{decimals}f}"
    return text if padded else _trimmed(text)


def _trimmed(text: str, keep: int = 0) -> str:
    """Return the number without zeros at its end, but with so many decimals as are kept."""
    whole, _, decimals = text.partition(".")
    kept = decimals[:keep] if len(decimals) > 1 else ""  # "15.00", not "15.0"
    decimals = kept + decimals[len(kept) :].rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
