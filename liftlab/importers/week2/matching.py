"""Which of a file's results can be graded: those that a suite has by name and prompt."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from liftlab import suite
from liftlab.errors import InputInvalid
from liftlab.importers.foreign import ForeignFile
from liftlab.importers.week2.old_file import OldFile
from liftlab.suite import Case, Suite

_LONGEST_ID = 100  # of a suite's case
_Key = tuple[str, str | None]  # a case's name, and its prompt where it is known


class Suites:
    """The cases of a project's suites, found by name and prompt.

    `faults` says which of its files could not be read, and why.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.faults: list[str] = []
        self._suites: dict[str, dict[_Key, Case]] = {}
        for folder in folders:
            for path in sorted([*folder.glob("*.toml"), *folder.glob("*.jsonl")]):
                self._take(path)

    def matching(self, old: OldFile) -> Suite | None:
        """Return a suite of the cases that a file's answers can be graded against, or None.

        Its name is that of the smallest suite that has them all, else the file's family.
        """
        answers = [result for result in old.results if result.told.stages]
        keys = [(one.case_id, (one.told.test_name, one.told.prompt or "")) for one in answers]
        return self._suite([pair for pair in keys if len(pair[0]) <= _LONGEST_ID], old.family)

    def of(self, file: ForeignFile) -> Suite | None:
        """Return a suite of the cases that another tool's answers can be graded against, or None.

        A row has a case's name, and its prompt if it has one. The suite's name is as `matching`'s.
        """
        named = [(row.case_id, row.prompt) for row in file.rows if row.case_id is not None]
        return self._suite([(name, (name, prompt)) for name, prompt in named], file.family)

    def _suite(self, asked: Sequence[tuple[str, _Key]], family: str) -> Suite | None:
        """Return a suite of those cases, named as a run has them, that a suite has."""
        known: Mapping[_Key, Case] = ChainMap(*self._suites.values())
        keys: dict[str, _Key] = {}
        for name, (case_id, prompt) in asked:
            if (key := (case_id, prompt and prompt.strip())) in known:
                keys.setdefault(name, key)
        if not keys:
            return None
        wanted = set(keys.values())
        whole = {name: cases for name, cases in self._suites.items() if wanted <= cases.keys()}
        if whole:
            family, known = min(whole.items(), key=lambda item: len(item[1]))
        place = {key: number for number, key in enumerate(known)}  # whatever the answers' order
        names = sorted(keys, key=lambda name: (place[keys[name]], name))
        found = [replace(known[keys[name]], case_id=name) for name in names]
        return suite.parse(suite.to_jsonl(found), Path("suite.jsonl"), name=family)

    def _take(self, path: Path) -> None:
        try:
            read = suite.load(path)
        except InputInvalid as error:
            self.faults.append(str(error))
            return
        cases = self._suites.setdefault(read.name, {})
        for case in read.cases:
            if case.checks:
                cases.setdefault((case.case_id, case.prompt.strip()), case)
                cases.setdefault((case.case_id, None), case)
