"""What a load says: how many requests, how fast, and how late."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from liftlab.analysis import intervals
from liftlab.analysis.columns import Floats, floats, is_true, labels
from liftlab.analysis.estimate import Estimate
from liftlab.analysis.tokens import TOKENS_PER_S, reasoned_only, token_times
from liftlab.records import STALE, Run

QUANTILES = (0.5, 0.9, 0.95, 0.99)
LAG_QUANTILES = (0.5, 0.99)
MEDIAN = (0.5,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Quantiles of one quantity of all requests that have it; each says if n does not carry it."""

    name: str
    n: int
    quantiles: tuple[tuple[float, Estimate], ...]
    largest: float
    unit: str = "s"

    def as_json(self) -> dict[str, float | int | None]:
        """Return it as plain data; names of seconds end in `_s`."""
        end = "_s" if self.unit == "s" else ""
        named: dict[str, float | int | None] = {
            f"p{100 * q:g}{end}": estimate.value for q, estimate in self.quantiles
        }
        return {"n": self.n, **named, f"largest{end}": self.largest}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """A load in numbers."""

    n: int
    ok: int  # requests that were answered well
    errors: tuple[tuple[str, int], ...]
    # from the first request sent to the last one ended; None where nothing was sent
    seconds: float | None
    # reused: on a connection used before; stale: sent again, since the server had closed such a one
    reused: int
    stale: int
    # of those answered well: times of tokens (streamed), `e2e`, `e2e_from_planned` (open loop); of
    # all that were sent `first_reasoning`, and `lag` (open loop), from planned to sent
    spreads: tuple[Spread, ...]
    loop: str  # closed or open, and how, in words
    # requests whose streamed reply held reasoning and not one token of an answer
    reasoned_only: int = 0
    # planned requests without a row: never sent, or lost with the process that sent them
    missing: int = 0

    @property
    def rps(self) -> float | None:
        """Requests answered well a second."""
        return self.ok / self.seconds if self.seconds else None

    def as_json(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "loop": self.loop,
            "n": self.n,
            "missing": self.missing,
            "ok": self.ok,
            "errors": dict(self.errors),
            "seconds": self.seconds,
            "ok_per_second": self.rps,
            "reused_connections": self.reused,
            "stale_connections": self.stale,
            "no_answer_token": self.reasoned_only,
            **{spread.name: spread.as_json() for spread in self.spreads},
        }


def summarise_load(run: Run, attempts: pd.DataFrame, began_s: float | None = None) -> LoadSummary:
    """Summarise a load without its warm-up.

    Requests of one load share a queue, so they are not independent: quantiles are given as what was
    seen, without an interval. `began_s`: when the load began, where its rows are of several clocks
    that agree on that alone; otherwise it is when the first request was sent.
    """
    rows, sent, stale = _requests(attempts[attempts["phase"] == "measure"])
    ended = floats(rows, "last_byte_s")
    planned = floats(rows, "scheduled_s")
    classes = labels(rows, "error_class")
    tokens = token_times(rows)
    good = np.array([name is None for name in classes], dtype=np.bool_)
    spans = {
        **{name: values[good] for name, values in tokens.items()},
        "first_reasoning": tokens["first_reasoning"],
        "e2e": (ended - sent)[good],
        "e2e_from_planned": (ended - planned)[good],
        "lag": sent - planned,
    }
    off = run.timing_uncertainty_s
    spreads = [_spread(name, values, off) for name, values in spans.items()]
    planned_rows = run.repeats if run.provenance == "measured" else 0
    return LoadSummary(
        n=len(rows),
        ok=int(good.sum()),
        errors=tuple(Counter(name for name in classes if name is not None).most_common()),
        seconds=_seconds(sent, np.fmax(ended, floats(rows, "ended_s")), began_s),
        reused=int(is_true(rows, "connection_reused").sum()),
        stale=stale,
        spreads=tuple(spread for spread in spreads if spread is not None),
        loop=_loop(run),
        reasoned_only=int(reasoned_only(rows).sum()),
        missing=max(0, (planned_rows or 0) - len(rows)),
    )


def _requests(attempts: pd.DataFrame) -> tuple[pd.DataFrame, Floats, int]:
    """Return the last row of each request, when it was first sent, and how many were sent again."""
    stale = (labels(attempts, "error_class") == STALE) & (floats(attempts, "attempt") == 1)
    sent = floats(attempts, "sent_s")
    if not stale.any():
        return attempts, sent, 0
    first = pd.Series(sent[stale], index=floats(attempts[stale], "repeat"))
    rows = attempts[~stale]
    began = first.reindex(floats(rows, "repeat")).to_numpy()
    return rows, np.where(np.isnan(began), sent[~stale], began), int(stale.sum())


def _spread(name: str, values: Floats, off: float | None) -> Spread | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    unit = TOKENS_PER_S if name == "tokens_per_s" else "s"
    wanted = {"lag": LAG_QUANTILES, "tokens_per_s": MEDIAN}.get(name, QUANTILES)
    return Spread(
        name=name,
        n=len(values),
        quantiles=tuple((q, _seen(values, q, unit, off)) for q in wanted),
        largest=float(values.max()),
        unit=unit,
    )


def _seen(values: Floats, q: float, unit: str, off: float | None) -> Estimate:
    found = intervals.quantile(values, q, unit=unit)
    return replace(found, low=None, high=None, finest=off if unit == "s" else None)


def _seconds(sent: Floats, ended: Floats, began_s: float | None) -> float | None:
    if not (np.isfinite(sent).any() and np.isfinite(ended).any()):
        return None
    return float(np.nanmax(ended) - (np.nanmin(sent) if began_s is None else began_s))


def _loop(run: Run) -> str:
    if run.load == "open":
        limit = "" if run.concurrency is None else f", at most {run.concurrency} at once"
        return f"open loop, {run.rate_rps:g} requests a second planned{limit}"
    many = "" if run.concurrency is None else f", {run.concurrency} at once"
    return "requests" if run.load is None else f"closed loop{many}"
