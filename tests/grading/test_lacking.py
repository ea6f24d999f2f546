"""Answers that lack a package, or a newer Python."""

from __future__ import annotations

import pytest

from liftlab.grading import grade
from liftlab.sandbox import Sandbox
from liftlab.suite import Case, Check

ADD = Case("add", "Write add(a, b).", entry_point="add", checks=[Check(args=[1, 2], expected=3)])


@pytest.mark.parametrize(
    ("code", "failure_class", "facet"),
    [
        ("import nonesuch.inner", "import_error", {"not_installed": "nonesuch"}),
        (
            "def add(a, b):\n    from nonesuch import x",
            "import_error",
            {"not_installed": "nonesuch"},
        ),
        ("from math import nonesuch", "import_error", {}),
        ("import os.nonesuch", "import_error", {}),
        ("raise ImportError(\"No module named 'x'\")", "import_error", {}),
        ("import os\ndef add(a, b): return os.nonesuch", "runtime_error", {}),
    ],
)
def test_what_an_import_lacks(
    code: str, failure_class: str, facet: dict[str, str], sandbox: Sandbox
) -> None:
    graded = grade(code, ADD, sandbox=sandbox)
    assert graded.failure_class == failure_class
    assert {
        k: v for k, v in graded.facets.items() if k in ("not_installed", "needs_python")
    } == facet


@pytest.mark.parametrize(
    "code",
    [
        "type A = int\ndef add(a: A, b: A) -> A: return a",
        "from itertools import batched\ndef add(a, b): return a",
        "import itertools\ndef add(a, b): return itertools.batched([a], b)",
    ],
)
def test_code_for_a_newer_python_is_no_fault(code: str, sandbox: Sandbox) -> None:
    graded = grade(code, ADD, sandbox=sandbox)
    if sandbox.version >= (3, 12):
        assert graded.outcome == "fail"
    else:
        assert (graded.outcome, graded.failure_class) == ("ungraded", None)
        assert graded.facets["needs_python"] == "3.12"
