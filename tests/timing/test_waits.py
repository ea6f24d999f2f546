"""How long an exchange may wait, and what it says when that was too long."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from liftlab.timing.waits import Waits


async def _left_s(waits: Waits) -> float | None:
    when = waits.timer.when()
    return None if when is None else when - asyncio.get_running_loop().time()


async def test_a_wait_has_its_own_limit_or_none() -> None:
    waits = Waits(20.0, None)
    async with waits.timer:
        assert await _left_s(waits) is None
        waits.for_first_byte()
        assert await _left_s(waits) == pytest.approx(20, abs=5)
        assert waits.words() == "no byte of a reply within 20 s of sending"
        waits.for_next_read()
        assert await _left_s(waits) is None
    waits = Waits(None, 0.5)
    async with waits.timer:
        waits.for_first_byte()
        assert await _left_s(waits) is None
        waits.for_next_read()
        left_s = await _left_s(waits)
        assert left_s is not None
        assert left_s <= 0.5
        assert waits.words() == "nothing more of the reply within 0.5 s"


async def test_bytes_that_come_when_time_is_up_change_nothing() -> None:
    waits = Waits(0.0, 5.0)
    with suppress(TimeoutError):
        async with waits.timer:
            waits.for_first_byte()
            try:
                await asyncio.Event().wait()
            finally:
                waits.for_next_read()
    assert waits.timer.expired()
