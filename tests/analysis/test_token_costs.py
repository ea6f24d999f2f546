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


def _steady(n: int, prompt: float = PROMPT) -> tuple[np.ndarray, ...]:
    output, uncached = np.arange(1.0, n + 1) * 10, np.resize([100.0, 2000.0, 2000.0, 900.0], n)
    return BASE + OUTPUT * output + prompt * uncached, output, uncached


def test_eight_attempts_fit_what_tokens_cost() -> None:
    service, output, uncached = _steady(8)
    costs = fit_costs(service, output, uncached)
    assert costs is not None
    assert costs.base_s == pytest.approx(BASE, rel=0.01)
    assert costs.output_s.value == pytest.approx(OUTPUT, rel=0.01)
    assert costs.prompt_s.value == pytest.approx(PROMPT, rel=0.01)
    assert (costs.output_s.n, costs.output_s.confidence) == (8, 0.95)
    assert fit_costs(*_steady(7)) is None
    for spoilt in (0.0, np.nan, -1.0):  # no time at all is no service
        assert fit_costs(np.where(output == 10, spoilt, service), output, uncached) is None


def test_tokens_take_more_at_most() -> None:
    rng = np.random.default_rng(3)
    service, output, uncached = _steady(40)
    costs = fit_costs(service * rng.lognormal(0, 0.05, 40), output, uncached)
    assert costs is not None
    one, many = np.array([10.0, 10.0]), np.array([1000.0, np.nan])
    usual, most = costs.along(one, many), costs.along(one, many, at_most=True)
    assert (most > usual).all()
    assert usual[0] - usual[1] == pytest.approx(1000 * (costs.prompt_s.value or 0))
    assert most[0] - most[1] == pytest.approx(1000 * (costs.prompt_s.high or 0))


def test_costs_are_fitted_up_to_what_several_attempts_reach() -> None:
    service, output, uncached = _steady(20)
    uncached[[3, 7, 11]] = 50_000.0  # three; the next has 2,000
    costs = fit_costs(service, output, uncached)
    assert costs is not None
    assert costs.most_uncached == 2_500
    uncached[10] = 50_000.0
    costs = fit_costs(service, output, uncached)
    assert costs is not None
    assert costs.most_uncached == 62_500


def test_prompts_that_are_all_alike_have_no_cost_of_their_own() -> None:
    service, output, _ = _steady(20, prompt=0.0)
    costs = fit_costs(service, output, np.full(20, 500.0))
    assert costs is not None
    assert costs.prompt_s.value is None
    assert costs.along(np.array([0.0]), np.array([500.0])) == pytest.approx(BASE, rel=0.01)


def test_an_interval_is_as_wide_as_the_noise_is() -> None:
    widths, shares = [], []
    for seed in range(40):
        noise = np.random.default_rng(seed).lognormal(0, 0.1, 60)
        service, output, _ = _steady(60, prompt=0.0)
        costs = fit_costs(service * noise, output, np.full(60, np.nan))
        assert costs is not None
        low, high = costs.output_s.low, costs.output_s.high
        assert low is not None
        assert high is not None
        widths.append((high - low) / OUTPUT)
        shares.append(low <= OUTPUT <= high)
    assert 0.06 < np.median(widths) < 0.14
    assert np.mean(shares) >= 0.8
