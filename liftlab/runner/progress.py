"""A progress bar for a run: ETA, the current case, and the share completed so far.

On a terminal and in a notebook it is tqdm's bar; elsewhere it is plain lines without
carriage returns, one for about every tenth of the run.
"""

from __future__ import annotations

import sys
from typing import IO, Any

from tqdm.auto import tqdm


class Progress:
    """Follows the events of a load process."""

    def __init__(self, total: int, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = total
        self._ended = 0
        self._completed = 0
        self._plain = not (self._stream.isatty() or in_notebook())
        self._bar = None if self._plain else tqdm(total=total, unit="trial", file=self._stream)

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event."""
        match event["event"]:
            case "created":
                self._say(f"run {event['run_id']}: {self._total} trials in {event['path']}")
            case "warm":
                self._say(f"warm-up: {event['status']}, {event['seconds']:.1f} s")
            case "probe":
                self._say(f"client memory: {event['case_id']}")
            case "start" if self._bar is not None:
                self._bar.set_description(f"{event['case_id']}")
            case "trial":
                self._trial(event)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _trial(self, event: dict[str, Any]) -> None:
        self._ended += 1
        self._completed += bool(event["completed"])
        if self._bar is not None:
            self._bar.set_postfix_str(f"completed {self._completed}/{self._ended}")
            self._bar.update()
        elif self._ended == self._total or self._ended % max(1, self._total // 10) == 0:
            self._say(
                f"{self._ended}/{self._total} trials, {self._completed} completed; "
                f"last: {event['case_id']}"
            )

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)


def in_notebook() -> bool:
    """Say whether this process is a Jupyter kernel."""
    return "ipykernel" in sys.modules and hasattr(sys.modules["IPython"], "get_ipython")
