"""The calibration in small: each promise on fewer sets, within what that few can show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import asked_again
import planted
import promises
from calibration import TABLES

SETS = 60
LEAST = 0.95 - 4 * np.sqrt(0.95 * 0.05 / SETS)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20251124)


@pytest.mark.parametrize("name", ["components"])
def test_intervals_cover_where_cases_repeat(name: str, rng: np.random.Generator) -> None:
    for layout, *coverage in getattr(promises, name)(rng, SETS):
        assert min(coverage) >= LEAST, layout


def test_quantiles_and_rates_cover_where_prompts_repeat(rng: np.random.Generator) -> None:
    for layout, *coverage in [
        *asked_again.request_quantiles(rng, SETS),
        *asked_again.rates(rng, SETS),
    ]:
        assert np.mean(coverage) >= LEAST, layout


def test_success_of_two_runs_holds_its_promise_where_prompts_repeat(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_again, "PAIRS", {"20 × 5": asked_again.PAIRS["20 × 5"]})
    [[_, *alarms, covered, width, found, broken]] = asked_again.rate_changes(rng, SETS)
    assert max(alarms) <= 1 - LEAST
    assert min(covered, broken) >= LEAST
    assert int(width) <= 28  # 34 if one more prompt were wholly better and one wholly worse
    assert found >= 0.4


@pytest.mark.parametrize("shape", promises.GENERATORS)
def test_medians_cover_whatever_the_shape(shape: str, rng: np.random.Generator) -> None:
    draw = promises.GENERATORS[shape]
    truth = float(np.median(draw(rng, (20_000,))))
    found = [promises.intervals.median(sample) for sample in draw(rng, (SETS, 10))]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= LEAST


@pytest.mark.parametrize("cause", planted.PLANTED)
@pytest.mark.parametrize("layout", ["20 × 1", "20 × 3"])
def test_a_planted_cause_is_named(cause: str, layout: str, rng: np.random.Generator) -> None:
    for without in [(), ("prefill_s",)] if cause == "uncached_prompt" else [("prefill_s",)]:
        share, seen = planted.share_named(rng, layout, cause, 8, without)
        assert seen >= 6
        assert share >= 0.95


@pytest.mark.parametrize("kind", ["cached", "first", "some", "by tokens", "by case"])
@pytest.mark.parametrize("layout", ["20 × 2", "20 × 3", "20, unequal"])
def test_clean_runs_give_no_alarm(kind: str, layout: str, rng: np.random.Generator) -> None:
    assert planted.share_of_alarms(rng, layout, kind, 15) <= 2 / 15


def test_two_runs_of_the_same_code_are_called_different_one_time_in_twenty(
    rng: np.random.Generator,
) -> None:
    for layout, *alarms in promises.equal_runs(rng, 12):
        assert max(alarms) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 12), layout


def test_the_page_has_every_table() -> None:
    page = Path(__file__).parents[1] / "docs" / "calibration.md"
    text = page.read_text(encoding="utf-8")
    for title, _, head, _ in TABLES:
        assert f"## {title}\n" in text
        assert f"| {' | '.join(head)} |" in text
