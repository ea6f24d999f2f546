"""What a token costs in seconds: a robust fit of the attempts' service, with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, stats

from liftlab.analysis.columns import Floats
from liftlab.analysis.estimate import Estimate

FIT_NEEDS = 8  # attempts
SURE = 0.99  # that prompts cost time, before any is put down to them
_MOST = 20_000  # attempts: a seeded sample of more
_ROUNDS = 40
_SUPPORT = 3  # other attempts that have as many uncached tokens, or nearly
_NEARLY = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCosts:
    """Seconds that the tokens of one stage's attempts cost."""

    base_s: float  # seconds of an attempt without any token
    # of an output token, of an uncached prompt token; zero where it does not surely cost time
    output_s: Estimate
    prompt_s: Estimate
    most_uncached: float  # the uncached prompt tokens up to which it was fitted

    def along(self, output: Floats, uncached: Floats, *, at_most: bool = False) -> Floats:
        """Return what so many tokens take, or at most; prompts that are not known count as none."""
        costs = (self.output_s, self.prompt_s)
        each, prompt = ((cost.high if at_most else cost.value) or 0.0 for cost in costs)
        return self.base_s + each * output + prompt * np.nan_to_num(uncached)


def fit_costs(service: Floats, output: Floats, uncached: Floats) -> TokenCosts | None:
    """Fit service = base + output tokens + uncached prompt tokens by least relative deviations.

    Median regression (Koenker & Bassett 1978) on residuals as shares of the fit, no
    coefficient below zero, so that a slow attempt does not move it. Attempts with far more uncached
    tokens than all but three others are left out: they would fit themselves.

    `service`, `output`, `uncached`, (m,): seconds and tokens of each attempt, NaN where not known.
    None below eight attempts that have tokens.
    """
    known = np.isfinite(service) & np.isfinite(output) & (service > 0)
    if known.sum() < FIT_NEEDS:
        return None
    has_prompts, most, used = np.isfinite(uncached[known]).all(), np.inf, known
    if has_prompts:  # up to the largest number of tokens that several attempts reach, or nearly
        most = _NEARLY * float(np.sort(uncached[known])[-1 - _SUPPORT])
        used = known & (uncached <= most)
    y, columns = service[used], [np.ones(int(used.sum())), output[used]]
    if has_prompts and np.ptp(uncached[used]) > 0:
        columns.append(uncached[used])
    x = np.column_stack(columns)
    if len(y) > _MOST:
        chosen = np.sort(np.random.default_rng(0).choice(len(y), _MOST, replace=False))
        y, x = y[chosen], x[chosen]
    costs, error = _least_deviations(x, y)
    sure = float(stats.t.ppf(0.5 + SURE / 2, max(len(y) - 3, 1)))
    if x.shape[1] == 3 and not costs[2] > sure * error[2]:
        costs, error = _least_deviations(x[:, :2], y)
    return TokenCosts(
        base_s=float(costs[0]),
        output_s=_estimate(costs, error, 1, len(y)),
        prompt_s=_estimate(costs, error, 2, len(y)),
        most_uncached=float(most),
    )


def _least_deviations(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return coefficients of a fit with least relative deviations, and their standard errors."""
    size = np.maximum(np.abs(x).max(axis=0), 1e-12)
    x = x / size
    fit = np.full(len(y), float(np.median(y)))
    weights = 1 / fit
    costs = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        orthogonal, triangle = np.linalg.qr(x * weights[:, None])
        before, (costs, _) = costs, optimize.nnls(triangle, orthogonal.T @ (y * weights))
        fit = np.maximum(x @ costs, 1e-3 * float(np.median(y)))
        share = np.abs(y - x @ costs) / fit
        weights = 1 / (fit * np.sqrt(np.maximum(share, 1e-4)))
        if np.allclose(costs, before, rtol=1e-5, atol=0):
            break
    share = np.abs(y - x @ costs) / fit
    spread = 1.4826 * float(np.median(share))
    scaled = x / fit[:, None]
    variance = np.pi / 2 * spread**2 * np.diag(np.linalg.pinv(scaled.T @ scaled))
    return costs / size, np.sqrt(variance) / size


def _estimate(costs: Floats, error: Floats, place: int, n: int) -> Estimate:
    """Return what one more of a kind of token costs, if the fit has a cost for that kind."""
    if place >= len(costs):
        return Estimate(value=None, n=n, reason="no cost of prompt tokens was seen", unit="s")
    half = float(stats.t.ppf(0.975, max(n - len(costs), 1))) * float(error[place])
    value = float(costs[place])
    one = Estimate(value=value, low=max(0.0, value - half), high=value + half, n=n, unit="s")
    return replace(one, confidence=0.95, method="least relative deviations")
