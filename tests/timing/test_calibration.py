"""The client, held against a server that knows."""

from __future__ import annotations

import asyncio

from liftlab.timing.calibration import calibrate


async def test_calibration_holds_the_client_against_a_server_that_knows() -> None:
    for concurrency in (1, 4):
        assert 0 < await calibrate(concurrency) < 1.0
    before = asyncio.all_tasks()
    await calibrate(2)
    assert asyncio.all_tasks() == before
