"""A simulator that was sped up: its times, and what they cost, are those it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liftlab import store
from liftlab.errors import InputInvalid
from liftlab.jobs import opening
from liftlab.records import Attempt
from liftlab.settings import load_project

PRICES = "[unknown]\nusd_per_hour = 3600\nusd_per_request = 0.5\n"


@pytest.mark.parametrize("scale", [None, np.nan, 1.0])
def test_what_was_not_sped_up_stays_as_it_is(scale: float | None) -> None:
    frame = pd.DataFrame({"e2e_s": [1.0], "attempts": [2]})
    assert store.rescale(frame, scale) is frame


def test_seconds_are_rescaled_and_counts_are_not() -> None:
    frame = store.rescale(pd.DataFrame({"e2e_s": [1.5, None], "attempts": [2, 3]}), 10.0)
    assert frame["e2e_s"].tolist()[0] == 15.0
    assert frame["attempts"].tolist() == [2, 3]


def test_a_trial_starts_as_much_later_as_the_run_was_sped_up() -> None:
    zero, moments = "2026-01-01T00:00:00+00:00", ["2026-01-01T00:00:01.5+00:00", None]
    for kind in ("str", "category"):
        frame = pd.DataFrame({"started_at": pd.Series(moments, dtype=kind)})
        real = store.rescale(frame, 10.0, zero)["started_at"]
        assert (real[0], real.isna().tolist()) == (
            "2026-01-01T00:00:15.000000+00:00",
            [False, True],
        )
        assert real.dtype == kind
    none = pd.DataFrame({"started_at": pd.Series([None, None], dtype="str")})
    assert store.rescale(none, 10.0, zero)["started_at"].dtype == "str"


@pytest.mark.parametrize(
    "moment", ["2027-01-01T00:00:00+00:00", "2026-01-01T00:00:01", "yesterday"]
)
def test_a_moment_that_cannot_be_is_told_in_one_line(moment: str) -> None:
    frame = pd.DataFrame({"started_at": [moment]}, dtype="str")
    with pytest.raises(InputInvalid, match="cannot have started at"):
        store.rescale(frame, 1e9, "2026-01-01T00:00:00+00:00")


def test_what_a_simulator_stands_for_is_paid_not_what_it_took(
    tmp_path: Path, write_run: Callable[..., str]
) -> None:
    (tmp_path / "liftlab.toml").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.toml").write_text(PRICES)
    project = load_project(tmp_path, environ={})
    runs = []
    for number, scale in enumerate((1.0, 10.0)):
        run_id = write_run(
            project.path("runs"),
            number,
            1.0,
            time_scale=scale,
            timing_uncertainty_s=0.01,
            rate_rps=20.0,
        )
        with store.Journal.open(store.RunFolder(project.path("runs") / run_id)) as journal:
            key = {"run_id": run_id, "case_id": "case_0", "repeat": 1, "stage": "nlp_to_ir"}
            attempt = Attempt(**key, seq=1, attempt=1, sent_s=2.0, last_byte_s=5.0)
            journal.attempt_sent(attempt)
            journal.attempt_ended(attempt)
        runs.append(opening.open_run(run_id, project=project))
    real, fast = runs
    assert real.costs["usd"].tolist() == pytest.approx([3.5])
    assert fast.costs["usd"].tolist() == pytest.approx([30.5])
    assert (fast.sped_up, fast.run.time_scale, real.sped_up) == (10.0, 1.0, 1.0)
    assert fast.trials["e2e_s"].tolist() == pytest.approx(10 * real.trials["e2e_s"])
    assert fast.run.timing_uncertainty_s == pytest.approx(10 * (real.run.timing_uncertainty_s or 0))
    assert (real.run.rate_rps, fast.run.rate_rps) == (20.0, 2.0)
