"""The clock in the transport, and how far to trust it.

`clock` holds what needs no HTTP: stamps, the run's clock, loop lag, CPU and memory.
`recorder` collects the stamps of one exchange, `waits` bounds its phases, `arrival` asks the
kernel when bytes came, `wire` stamps beside the socket, and `transport` is the HTTP transport
made of them. `calibration` holds it against a truth of our own, `trust` watches it during a load.

Names are loaded when they are first used: a server of ours needs `arrival` only, not a client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Answer": "transport",
    "Calibration": "calibration",
    "Clock": "clock",
    "CpuShare": "clock",
    "LoopLag": "clock",
    "Recorder": "recorder",
    "StampedTransport": "transport",
    "Stamps": "clock",
    "TransportFailure": "failures",
    "Trust": "trust",
    "calibrate": "calibration",
    "clock_resolution_s": "clock",
    "error_class_of": "failures",
    "peak_memory_mb": "clock",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'liftlab.timing' has no attribute {name!r}")
    return getattr(import_module(f"liftlab.timing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
