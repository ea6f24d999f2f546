"""What can go wrong, one class for each decision a caller can make.

LiftlabError                    exit 1: our own failure
├── UsageError                  exit 2: the request makes no sense
│   └── UnknownName             exit 2: no such endpoint, pipeline, case, category
├── InputInvalid                exit 6: a file or value a person can mend
│   ├── SettingsInvalid         liftlab.toml
│   ├── SuiteInvalid            a suite file
│   ├── UnknownRun              no such run
│   ├── RunFolderCorrupt        a run folder that cannot be read
│   └── SchemaTooNew            written by a newer liftlab
├── EndpointError               exit 4
│   ├── EndpointUnreachable     nothing answers, or it answers that it is unhealthy
│   └── ServerFailed            a server that liftlab starts itself did not come up
├── RunIncomplete               exit 5: stopped before the plan was done; can be resumed
│   └── RunInterrupted          exit 130: stopped by Ctrl-C
├── Undecided                   exit 7: all was done that was planned, and it decides nothing
├── VerdictsUnproven            exit 1: known answers were judged otherwise than they must be
├── StorageFailed               exit 1: disk full, read-only, or locked by another run
└── NotebookFailed              exit 1: a cell raised; the page is kept

A failed call is a row in a table, never one of these: only what a person has to
act on is raised. Messages say what was wrong, where, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

INTERRUPTED_EXIT_CODE = 130


class LiftlabError(Exception):
    """Root of everything liftlab raises on purpose; `exit_code` is what the command returns.

    Examples
    --------
    >>> UnknownName("case", "is_evn", ["is_even"]).exit_code
    2
    """

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Show the message alone where IPython would show a traceback: it is for people."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(LiftlabError):
    """The request makes no sense as it stands."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that is not in the list it must come from; the message gives the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(unknown(kind, name, known))


class InputInvalid(LiftlabError):
    """A file or value that a person can mend."""

    exit_code = 6


class FileInvalid(InputInvalid):
    """A file with a fault at a known place; prints as `path:line: what is wrong`."""

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        self.path = Path(path)
        self.reason = message
        self.line = line
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {message}")


class SettingsInvalid(FileInvalid):
    """`liftlab.toml` cannot be used."""


class SuiteInvalid(FileInvalid):
    """A suite file cannot be used."""


class RunFolderCorrupt(FileInvalid):
    """A run folder that cannot be read."""


class UnknownRun(InputInvalid):
    """No run of that name; the message gives the nearest ones."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = [*known]
        message = unknown("run", name, names)
        if name == "latest":
            message = "no run of a suite yet: make one with `liftlab run`"
            message += f", or name one of: {', '.join(names[:10])}" if names else ""
        super().__init__(message)


class NothingToCompare(InputInvalid):
    """No other run to set beside this one, and nobody named one; `how` says how to get one."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.how = "run the same suite under the same conditions again, or name another run"
        super().__init__(f"{run_id}: nothing to compare with yet: {self.how}")


class SchemaTooNew(InputInvalid):
    """Data written by a newer liftlab than this one."""

    def __init__(self, path: Path | str, found: int, known: int) -> None:
        super().__init__(
            f"{path}: written with schema {found}, this liftlab reads up to {known}: update liftlab"
        )


class EndpointError(LiftlabError):
    """The endpoint cannot be measured now."""

    exit_code = 4


class EndpointUnreachable(EndpointError):
    """Nothing answers at the endpoint's URLs, or it answers that it is unhealthy."""


class ServerFailed(EndpointError):
    """A server that liftlab starts itself did not come up; carries its last lines."""


class RunIncomplete(LiftlabError):
    """A run that stopped before its plan was done; it can be resumed."""

    exit_code = 5


class RunInterrupted(RunIncomplete):
    """A run that Ctrl-C stopped; what is committed is kept, in the run `run_id`, if it began."""

    exit_code = INTERRUPTED_EXIT_CODE

    def __init__(self, message: str, run_id: str = "") -> None:
        self.run_id = run_id
        super().__init__(message)


class Undecided(LiftlabError):
    """All that was planned was done, and does not decide; the message says what would."""

    exit_code = 7


class VerdictsUnproven(LiftlabError):
    """Known answers were judged otherwise than they must be, so no verdict can be relied on."""


class StorageFailed(LiftlabError):
    """The disk is full or read-only, or another process holds the run."""


class NotebookFailed(LiftlabError):
    """A notebook's cell raised; the page with the failing cell is kept."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is not a known `kind`, and which names come nearest."""
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    listing = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"no {kind} {name!r}{hint} Known: {listing or 'none yet'}"
