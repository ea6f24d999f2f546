"""Several suites as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from liftlab.errors import UsageError
from liftlab.suite.core import JOINED, Case, Suite, parse
from liftlab.suite.writing import to_json


def join(suites: Sequence[Suite]) -> Suite:
    """Return one suite with the cases and packages of all; a case that two have is taken once.

    Raises UsageError if two suites have different cases of one id: names both and the case.

    Examples
    --------
    >>> line = b'{"case_id": "one", "prompt": "Return 1.", "checks": [[[], 1]]}'
    >>> first, second = (parse(line, Path(f"{name}.jsonl")) for name in "ab")
    >>> joined = join([first, second])
    >>> joined.name, len(joined)
    ('a + b', 1)
    """
    found: dict[str, tuple[Suite, Case]] = {}
    for suite in suites:
        for case in suite.cases:
            other, known = found.setdefault(case.case_id, (suite, case))
            if known != case:
                raise UsageError(
                    f"{other.name} and {suite.name} have different cases named {case.case_id!r}: "
                    "rename one, or run the suites one after the other"
                )
    name = JOINED.join(suite.name for suite in suites)
    source = to_json(
        (case for _, case in found.values()),
        name=name[:100].strip(),
        packages=list(dict.fromkeys(package for suite in suites for package in suite.packages)),
    )
    return parse(source, Path(f"{name}.json"))
