"""How sure a run may be of its times."""

from __future__ import annotations

import asyncio

from liftlab.records import columns
from liftlab.timing.trust import Trust, calibrate


async def test_times_are_no_surer_than_the_calibration_nor_than_the_loop_in_the_load() -> None:
    assert Trust(1).uncertainty_s is None
    async with Trust(1) as trust:
        calibrated_s = trust.uncertainty_s
        trust.lag.add(0.0)
        quiet = trust.columns()
        for _ in range(1000):
            trust.lag.add(0.9)
    busy = trust.columns()
    assert quiet["timing_uncertainty_s"] == calibrated_s > 0
    assert busy["loop_lag_p99_s"] >= 0.9
    assert busy["timing_uncertainty_s"] == busy["loop_lag_p99_s"] > quiet["timing_uncertainty_s"]
    assert set(busy) <= set(columns("run"))


async def test_calibration_holds_the_client_against_a_server_that_knows() -> None:
    for concurrency in (1, 4):
        assert 0 < await calibrate(concurrency) < 1.0
    before = asyncio.all_tasks()
    await calibrate(2)
    assert asyncio.all_tasks() == before
