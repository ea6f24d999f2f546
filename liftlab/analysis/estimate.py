"""`Estimate`: a number with its interval, or with the reason why it has none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_SMALLEST_FIXED = 1e-6  # smaller magnitudes are written with an exponent
_LARGEST_FIXED = 1e7
# By unit: factor, decimals from one up, significant digits below one.
_UNITS = {"%": (100, 1, 2), "s": (1, 2, 3), "USD": (1, 2, 2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number that can leave liftlab: with an interval, or with the reason for none.

    Parameters
    ----------
    value
        The point estimate, or None where the data carry none.
    low, high
        Ends of the interval. Both None: no interval. One None: a bound on one side only.
    n
        What the estimate rests on: values, or cases where repeats share a case.
    confidence
        What the interval really has, which at small n may be less than was asked for.
    method
        How it was made, in a few words.
    reason
        Why a number or an end of the interval is missing, and what would give it. Empty if
        nothing is.
    population
        Which values the number speaks for.
    unit
        "s", "USD", …; "%" for a share that is kept as a fraction from 0 to 1.

    Examples
    --------
    >>> str(Estimate(value=14.96, low=14.16, high=27.1, n=5, confidence=0.9375, unit="s"))
    '14.96 s (93.75 % interval 14.16–27.10 s, n = 5)'
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

    def no_narrower_than(self, uncertainty: float | None) -> Estimate:
        """Return the estimate with an interval that leaves room for an error of measurement.

        Parameters
        ----------
        uncertainty
            By how much the value may be off either way, in its unit; None where not known.

        Examples
        --------
        >>> made = Estimate(value=5.0, low=4.99, high=5.02, n=20, confidence=0.95)
        >>> (found := made.no_narrower_than(0.015)).low, found.high
        (4.985, 5.02)
        """
        if self.value is None or not uncertainty:
            return self
        floor = 0.0 if self.value >= 0 else -math.inf  # no time is below 0
        low = None if self.low is None else min(self.low, max(floor, self.value - uncertainty))
        high = None if self.high is None else max(self.high, self.value + uncertainty)
        if (low, high) == (self.low, self.high):
            return self
        method = "; ".join(part for part in (self.method, "widened by the clock's error") if part)
        return replace(self, low=low, high=high, method=method)

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return self.low is not None and self.high is not None

    @property
    def point(self) -> str:
        """The value with its unit, or an en dash."""
        return quantity(self.value, self.unit)

    @property
    def interval(self) -> str:
        """The interval in words; empty where there is none."""
        if self.confidence is None or (self.low is None and self.high is None):
            return ""
        level = f"{plain(100 * self.confidence, 6)} %"
        if self.low is not None and self.high is not None:
            return f"{level} interval {span(self.low, self.high, self.unit)}"
        if self.high is not None:
            return f"{level} upper bound {quantity(self.high, self.unit)}"
        return f"{level} lower bound {quantity(self.low, self.unit)}"

    def sentence(self) -> str:
        """Say the value, its interval and n, or why one of them is missing."""
        counted = ", ".join(part for part in (self.interval, f"n = {self.n:,}") if part)
        if not self.reason:
            return f"{self.point} ({counted})"
        if self.value is None:
            return f"{self.point} (n = {self.n:,}: {self.reason})"
        return f"{self.point} ({counted}: {self.reason})"

    def __str__(self) -> str:
        return self.sentence()


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
    rounded = float(f"{value:.{digits}g}")
    if not _SMALLEST_FIXED <= abs(rounded) < _LARGEST_FIXED:
        return f"{rounded:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text and not padded else text


def quantity(value: float | None, unit: str = "") -> str:
    """Write a value for people, with its unit; a share (unit "%") is a fraction from 0 to 1.

    Examples
    --------
    >>> quantity(0.8, "%"), quantity(14.96, "s"), quantity(0.003368, "USD"), quantity(None, "s")
    ('80 %', '14.96 s', '0.0034 USD', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    return f"{number(value, unit)} {unit}".rstrip()


def span(low: float, high: float, unit: str = "") -> str:
    """Write an interval for people, both ends to the same number of decimals.

    Examples
    --------
    >>> span(0.3755386, 0.9637758, "%"), span(14.16, 27.1, "s")
    ('37.6–96.4 %', '14.16–27.10 s')
    """
    text = [number(low, unit), number(high, unit)]
    decimals = max(len(part.partition(".")[2]) for part in text)
    ends = [part if _bare(part) else _padded(part, decimals) for part in text]
    return f"{ends[0]}–{ends[1]} {unit}".rstrip()


def number(value: float, unit: str = "") -> str:
    """Write the number alone: shares to 0.1 %, seconds and money to 0.01, others to four digits.

    Below one: two significant digits, of seconds three.

    Examples
    --------
    >>> number(0.37554, "%"), number(0.056312, "s"), number(9.806, "s"), number(127.123, "s")
    ('37.6', '0.0563', '9.81', '127.1')
    >>> number(0.003368, "USD"), number(0.02996, "USD"), number(3.368, "USD")
    ('0.0034', '0.030', '3.37')
    """
    if unit not in _UNITS:
        return plain(value)
    scale, decimals, digits = _UNITS[unit]
    value *= scale
    if value and not 1 <= abs(value) < _LARGEST_FIXED:
        return plain(value, digits, padded=unit == "USD")
    text = f"{value:,.{1 if unit == 's' and abs(value) >= 100 else decimals}f}"
    return text if unit == "USD" else text.rstrip("0").rstrip(".")


def _bare(text: str) -> bool:
    return "e" in text or not any(letter.isdigit() for letter in text)


def _padded(text: str, decimals: int) -> str:
    missing = decimals - len(text.partition(".")[2])
    if missing == 0:
        return text
    return text + ("" if "." in text else ".") + "0" * missing
