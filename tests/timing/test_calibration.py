"""The client, held against a server that knows."""

from __future__ import annotations

import asyncio

from liftlab.timing.calibration import Calibration, calibrate


async def test_calibration_holds_the_client_against_a_server_that_knows() -> None:
    for concurrency in (1, 4):
        found = await calibrate(concurrency)
        assert 0 < found.p50_s <= found.p99_s < 1.0
    before = asyncio.all_tasks()
    await calibrate(2)
    assert asyncio.all_tasks() == before


def test_errors_are_summarised_by_their_size() -> None:
    found = Calibration.of([-0.003, 0.001, 0.002])
    assert (found.p50_s, found.p99_s) == (0.002, 0.003)
