"""A run's progress: ETA, the current case, and how many trials completed and parsed so far.

On a terminal and in a notebook it is tqdm's bar; elsewhere it is plain lines without
carriage returns, one for about every tenth of the run. The log gets a line for each event.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

HEADLESS = "LIFTLAB_HEADLESS"  # set where a notebook is executed with nobody before it

_TOLD = {
    "created": "run {run_id} in {path}",
    "resumed": "run {run_id} goes on",
    "ready": "ready to begin",
    "warm": "warm-up: {status}, {seconds:.1f} s",
    "learned": "requests {words}",
    "limit": "ends early: {reached}",
    "probe": "client memory: {case_id}",
    "start": "{case_id} #{repeat} begins",
    "trial": "{case_id} #{repeat} {ended}, {seconds}",
    "requests": "{ended} requests ended, {failed} failed",
    "clock": "the load's zero is {zero_ns} ns on perf_counter",
}


class Progress:
    """Follows the events of a load process.

    They are shown on standard error, below a notebook's cell on standard output.
    """

    def __init__(self, total: int, stream: IO[str] | None = None, *, unit: str = "trial") -> None:
        # JupyterLab shows standard error in red.
        self._stream = stream or (sys.stdout if _has_widgets() else sys.stderr)
        self._total, self._unit = total, unit
        self._ended = self._completed = self._parsed = 0
        self._bar: tqdm[Any] | None = None
        if _has_widgets():
            from tqdm.notebook import tqdm as notebook_bar

            self._bar = notebook_bar(total=total, unit=unit)
        elif self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=unit, file=self._stream)

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event."""
        if event["event"] == "start":
            if self._bar is not None:
                self._bar.set_description(event["case_id"])
        elif event["event"] == "trial":
            self._trial(event)
        elif event["event"] == "requests":
            self._requests(event)
        elif event["event"] not in ("clock", "error"):  # the command says what went wrong
            self._say(describe(event))

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _trial(self, event: dict[str, Any]) -> None:
        self._ended += 1
        self._completed += bool(event["completed"])
        self._parsed += bool(event["parsed"])
        shares = f"{self._completed} went through all stages, {self._parsed} parse"
        if self._bar is not None:
            self._bar.set_postfix_str(shares if self._unit == "trial" else "")
            self._bar.update()
        elif self._ended == self._total or self._ended % max(1, self._total // 10) == 0:
            shown = f"{shares}; " if self._unit == "trial" else ""
            so_far = f"{self._ended}/{self._total} {self._unit}s"
            self._say(f"{so_far}: {shown}last: {event['case_id']}")

    def _requests(self, event: dict[str, Any]) -> None:
        before, self._ended = self._ended, event["ended"]
        if self._bar is not None:
            self._bar.set_postfix_str(f"failed {event['failed']}")
            self._bar.update(self._ended - before)
        elif before * 10 // self._total < self._ended * 10 // self._total:
            self._say(f"{self._ended}/{self._total} requests; failed {event['failed']}")

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)


def describe(event: dict[str, Any]) -> str:
    """Return one line that tells an event."""
    told = dict(event)
    if event["event"] == "trial":
        told["seconds"] = "no time" if event["e2e_s"] is None else f"{event['e2e_s']:.2f} s"
        told["ended"] = "completed" if event["completed"] else f"failed ({event['reason']})"
    return _TOLD.get(event["event"], "{event}: {message}").format_map(told)


def log_line(event: dict[str, Any]) -> str:
    """Return the line of the log for an event, with its time in UTC."""
    return f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {describe(event)}\n"


def _has_widgets() -> bool:
    """Say whether this is a Jupyter kernel with a person before it, who can see a bar.

    A notebook that is executed headlessly gets plain lines.
    """
    in_kernel = "ipykernel" in sys.modules and not os.environ.get(HEADLESS)
    return in_kernel and find_spec("ipywidgets") is not None
