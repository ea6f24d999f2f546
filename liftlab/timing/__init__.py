"""The clock in the transport, and how far to trust it.

`clock` holds what needs no HTTP: stamps, the run's clock, loop lag, CPU and memory.
`recorder` collects the stamps of one exchange; `transport` is the HTTP transport that
stamps beside the socket.
"""

from __future__ import annotations

from liftlab.timing.clock import (
    Clock,
    CpuShare,
    LoopLag,
    Stamps,
    clock_resolution_s,
    peak_memory_mb,
)
from liftlab.timing.recorder import Recorder
from liftlab.timing.transport import StampedTransport, TransportFailure, error_class_of

__all__ = [
    "Clock",
    "CpuShare",
    "LoopLag",
    "Recorder",
    "StampedTransport",
    "Stamps",
    "TransportFailure",
    "clock_resolution_s",
    "error_class_of",
    "peak_memory_mb",
]
