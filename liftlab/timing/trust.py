"""What tells, while a load goes on, how far its times can be trusted."""

from __future__ import annotations

from typing import Self

from liftlab.timing.calibration import calibrate
from liftlab.timing.clock import CpuShare, LoopLag, clock_resolution_s, peak_memory_mb


class Trust:
    """Calibrates the client before a load, and watches its loop and CPU during it.

    Used as ``async with Trust(concurrency) as trust`` around the load.

    `concurrency`: how many requests the load has under way at once.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self.lag = LoopLag()
        self._calibrated_s: float | None = None
        self._share = CpuShare()

    async def __aenter__(self) -> Self:
        self._calibrated_s = await calibrate(self._concurrency)
        self._share = CpuShare()
        await self.lag.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.lag.__aexit__(*error)

    @property
    def uncertainty_s(self) -> float | None:
        """By how much 99 of 100 times are off at most, in seconds.

        What the calibration found, or the lag of the loop in the load if that is more: where
        the kernel stamps, what is left of it are the moments that a server beside it on
        the same machine is late by.
        """
        if self._calibrated_s is None:
            return None
        return max(self._calibrated_s, self.lag.p99_s or 0.0)

    def columns(self) -> dict[str, float | None]:
        """Return what the run's row keeps, so far."""
        return {
            "clock_resolution_s": clock_resolution_s(),
            "timing_uncertainty_s": self.uncertainty_s,
            "loop_lag_p50_s": self.lag.p50_s,
            "loop_lag_p99_s": self.lag.p99_s,
            "client_cpu_share": self._share.value(),
            "client_peak_mb": peak_memory_mb(),
        }
