"""Which of a file's results can be graded: those that a suite has by name and prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from liftlab import suite
from liftlab.errors import InputInvalid
from liftlab.importers.foreign import ForeignRow
from liftlab.importers.week2.old_file import OldFile
from liftlab.suite import Case, Suite

_LONGEST_ID = 100  # of a suite's case


class Suites:
    """The cases of a project's suites, found by name and prompt.

    `faults` says which of its files could not be read, and why.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.faults: list[str] = []
        self._cases: dict[tuple[str, str], tuple[Case, str]] = {}
        for folder in folders:
            for path in sorted([*folder.glob("*.toml"), *folder.glob("*.jsonl")]):
                self._take(path)

    def matching(self, old: OldFile) -> Suite | None:
        """Return a suite of the cases that a file's answers can be graded against, or None.

        Its name is that of the one suite that they are all of, else the file's family.
        """
        found: dict[str, tuple[Case, str]] = {}
        for result in old.results:
            told = result.told
            known = self._cases.get((told.test_name, (told.prompt or "").strip()))
            if known and told.stages and len(result.case_id) <= _LONGEST_ID:
                found[result.case_id] = (replace(known[0], case_id=result.case_id), known[1])
        names = {name for _, name in found.values()}
        return _suite(found, names.pop() if len(names) == 1 else old.family)

    def of(self, rows: Sequence[ForeignRow]) -> Suite | None:
        """Return a suite of the cases that another tool's answers can be graded against, or None.

        A row has a case's name, and its prompt if it has one.
        """
        asked = {(row.case_id, row.prompt and row.prompt.strip()) for row in rows}
        found: dict[str, tuple[Case, str]] = {}
        for (name, prompt), known in self._cases.items():
            if not {(name, prompt), (name, None)}.isdisjoint(asked):
                found.setdefault(name, known)
        return _suite(found, next((name for _, name in found.values()), ""))

    def _take(self, path: Path) -> None:
        try:
            read = suite.load(path)
        except InputInvalid as error:
            self.faults.append(str(error))
            return
        for case in read.cases:
            if case.checks:
                self._cases.setdefault((case.case_id, case.prompt.strip()), (case, read.name))


def _suite(found: Mapping[str, tuple[Case, str]], name: str) -> Suite | None:
    if not found:
        return None
    source = suite.to_jsonl([case for case, _ in found.values()])
    return suite.parse(source, Path("suite.jsonl"), name=name)
