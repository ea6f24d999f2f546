"""An answer that needs a newer Python than there is here says which."""

from __future__ import annotations

import pytest

from liftlab.grading.taxonomy import Finding, with_needs


@pytest.mark.parametrize(
    ("exception", "message", "needs"),
    [
        ("ImportError", "cannot import name 'batched' from 'itertools' (unknown)", "3.12"),
        ("AttributeError", "module 'copy' has no attribute 'replace'", "3.13"),
        ("ModuleNotFoundError", "No module named 'annotationlib'", "3.14"),
        ("AttributeError", "module 'copy' has no attribute 'replica'", None),
        ("ValueError", "module 'copy' has no attribute 'replace'", None),
    ],
)
def test_what_a_newer_python_has_is_named_with_its_version(
    exception: str, message: str, needs: str | None
) -> None:
    finding = Finding("runtime_error", {"exception": exception, "message": message})
    assert with_needs(finding, (3, 11)).facets.get("needs_python") == needs
    assert "needs_python" not in with_needs(finding, (3, 14)).facets
