"""The calibration in small: each promise on fewer sets, within what that few can show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import planted
import promises
from calibration import TABLES

SETS = 60
LEAST = 0.95 - 4 * np.sqrt(0.95 * 0.05 / SETS)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20251124)


@pytest.mark.parametrize("name", ["clustered_medians", "proportions", "components"])
def test_intervals_cover_where_cases_repeat(name: str, rng: np.random.Generator) -> None:
    for layout, *coverage in getattr(promises, name)(rng, SETS):
        assert min(coverage) >= LEAST, layout


@pytest.mark.parametrize("shape", promises.GENERATORS)
def test_medians_cover_whatever_the_shape(shape: str, rng: np.random.Generator) -> None:
    draw = promises.GENERATORS[shape]
    truth = float(np.median(draw(rng, (20_000,))))
    found = [promises.intervals.median(sample) for sample in draw(rng, (SETS, 10))]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= LEAST


@pytest.mark.parametrize("kind", planted.DRAWN)
def test_a_planted_cause_is_found(kind: str, rng: np.random.Generator) -> None:
    without = ("server_s", "max_gap_s") if kind == "stall without a trace" else ()
    share, slow = planted.share_right(rng, 0.1, (kind,), 5, without)
    assert slow >= 10
    assert share >= 0.9


def test_causes_that_meet_are_told_apart_and_clean_runs_are_clean(rng: np.random.Generator) -> None:
    share, _ = planted.share_right(rng, 0.1, ("cold start", "retry"), 5)
    assert share >= 0.7
    assert planted.share_of_clean_runs(rng, 0.1, 20) <= 0.1


def test_the_page_has_every_table() -> None:
    page = Path(__file__).parents[1] / "docs" / "calibration.md"
    text = page.read_text(encoding="utf-8")
    for title, _, head, _ in TABLES:
        assert f"## {title}\n" in text
        assert f"| {' | '.join(head)} |" in text
