"""Lead a load process from its parent: hand it its job, follow its events, stop it well."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from liftlab.errors import LiftlabError, RunIncomplete, RunInterrupted
from liftlab.runner.halt import HaltLine
from liftlab.runner.progress import log_line
from liftlab.store import RunFolder
from liftlab.store.files import writing

Listener = Callable[[dict[str, Any]], None]


def lead(
    module: str,
    job: Mapping[str, Any],
    folder: RunFolder,
    listen: Listener,
    go_on: str,
    halt: HaltLine | None = None,
) -> None:
    """Start a load process and follow it to its end.

    Raises RunInterrupted after Ctrl-C, once the load process has stopped cleanly. Raises
    RunIncomplete if it ended early by itself. Raises LiftlabError: what it reported, with its exit
    code.

    Parameters
    ----------
    module
        The module that is its program.
    job
        What it is to do, as plain data.
    folder
        The run that it writes to; its log takes the events and standard error.
    listen
        Called with each event.
    go_on
        What the person can do where it stops early.
    halt
        For whoever may end the load before its plan is done.
    """
    # A session of its own: a Ctrl-C at the terminal reaches this process only, which then
    # tells the load process to stop once, instead of both being hit at once.
    with (
        folder.log_path.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as child,
    ):
        try:
            if halt is not None:
                halt.leads_to(child.stdin)
            _follow(child, json.dumps(job), log, listen)
        except KeyboardInterrupt:
            for line in _stop(child).splitlines():
                if line.startswith('{"event": "note"') and line.endswith("}"):  # no cut one
                    listen(json.loads(line))  # such as what could not be undone
            message = f"interrupted; what is committed is kept. {go_on}"
            raise RunInterrupted(message, folder.run_id) from None
        except BaseException:
            _stop(child)
            raise
    _check_end(child.returncode, folder, go_on)


def _follow(child: subprocess.Popen[str], job: str, log: IO[str], listen: Listener) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # it ended at once: its exit code and its log say why
        child.stdin.write(job + "\n")
        child.stdin.flush()
    failure: str | None = None
    for line in child.stdout:
        event = json.loads(line)
        with writing(Path(log.name)):
            log.write(log_line(event))
            log.flush()
        if event["event"] == "error":
            failure = event["message"]
        listen(event)
    with suppress(BrokenPipeError):
        child.stdin.close()
    child.stdin = None  # or `communicate` would flush what is closed
    code = child.wait()
    if failure is not None:
        error = LiftlabError(failure)
        error.exit_code = code
        raise error


def _stop(child: subprocess.Popen[str], patience_s: float = 10.0) -> str:
    """Let the load process commit and end, and return its last events; kill it if it will not."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        told, _ = child.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        told, _ = child.communicate()
    return told or ""


def _check_end(code: int, folder: RunFolder, go_on: str) -> None:
    if code == 0:
        return
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    raise RunIncomplete(f"the load process {how}; its log is {folder.log_path}. {go_on}")
