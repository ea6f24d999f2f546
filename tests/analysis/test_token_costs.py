"""What a token costs: found whatever a few slow attempts do, with an interval that covers it."""

from __future__ import annotations

import numpy as np
import pytest

from liftlab.analysis.token_costs import fit_costs

BASE, OUTPUT, PROMPT = 0.6, 0.028, 0.002


def attempts(rng: np.random.Generator, n: int, sigma: float) -> tuple[np.ndarray, ...]:
    output = rng.integers(50, 300, n).astype(float)
    uncached = np.where(rng.random(n) < 0.5, 0.05, 1) * rng.integers(200, 6001, n)
    service = (BASE + OUTPUT * output + PROMPT * uncached) * rng.lognormal(0, sigma, n)
    return service, output, uncached


@pytest.mark.parametrize("n", [20, 100])
def test_intervals_cover_what_tokens_cost(n: int) -> None:
    inside, sets = np.zeros(2), 100
    for seed in range(sets):
        service, output, uncached = attempts(np.random.default_rng(seed), n, 0.1)
        service[:2] += 20  # two that stalled
        costs = fit_costs(service, output, uncached)
        inside += [
            (each.low or 0) <= truth <= (each.high or 0)
            for each, truth in ((costs.output_s, OUTPUT), (costs.prompt_s, PROMPT))
        ]
    assert (inside / sets >= 0.84).all()


def test_a_cost_that_is_not_there_is_not_found() -> None:
    found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        _, output, uncached = attempts(rng, 30, 0.1)
        service = (BASE + OUTPUT * output) * rng.lognormal(0, 0.1, 30)
        costs = fit_costs(service, output, uncached)
        found += costs.prompt_s.value is not None
    assert found <= 5


def test_a_lone_prompt_that_was_not_cached_fits_nothing() -> None:
    rng = np.random.default_rng(1)
    output, uncached = rng.integers(50, 300, 20).astype(float), np.full(20, 100.0)
    uncached[4] = 5000
    service = BASE + OUTPUT * output + PROMPT * uncached
    costs = fit_costs(service, output, uncached)
    assert costs.prompt_s.value is None
    assert costs.most_uncached < 5000
    assert costs.output_s.value == pytest.approx(OUTPUT, rel=0.01)


def test_few_attempts_or_unknown_tokens_fit_nothing_or_less() -> None:
    ones = np.ones(7)
    assert fit_costs(ones, ones, ones) is None
    ones = np.ones(9)
    costs = fit_costs(ones, np.arange(9.0), np.full(9, np.nan))
    assert (costs.prompt_s.value, costs.most_uncached) == (None, np.inf)
    assert costs.along(np.array([4.0]), np.array([np.nan])) == pytest.approx(1)


def test_many_attempts_are_fitted_from_a_sample() -> None:
    service, output, uncached = attempts(np.random.default_rng(2), 60_000, 0.2)
    costs = fit_costs(service, output, uncached)
    assert costs.output_s.value == pytest.approx(OUTPUT, rel=0.02)
    assert costs.prompt_s.value == pytest.approx(PROMPT, rel=0.02)
