"""The clock in the transport, and how far to trust it.

`clock` holds what needs no HTTP: stamps, the run's clock, loop lag, CPU and memory.
`recorder` collects the stamps of one exchange, `waits` bounds its phases, `arrival` asks the
kernel when bytes came, `wire` stamps beside the socket, and `transport` is the HTTP transport
made of them. `calibration` holds it against a truth of our own, `trust` watches it during a load.
"""

from __future__ import annotations

from liftlab.timing.calibration import Calibration, calibrate
from liftlab.timing.clock import (
    Clock,
    CpuShare,
    LoopLag,
    Stamps,
    clock_resolution_s,
    peak_memory_mb,
)
from liftlab.timing.failures import TransportFailure, error_class_of
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import Answer, StampedTransport
from liftlab.timing.trust import Trust

__all__ = [
    "Answer",
    "Calibration",
    "Clock",
    "CpuShare",
    "LoopLag",
    "Recorder",
    "StampedTransport",
    "Stamps",
    "TransportFailure",
    "Trust",
    "calibrate",
    "clock_resolution_s",
    "error_class_of",
    "peak_memory_mb",
]
