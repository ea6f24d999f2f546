"""The interpreter that candidates run on, and its packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from liftlab.errors import LiftlabError
from liftlab.sandbox import Call, Limits, Sandbox


@pytest.mark.parametrize(
    ("python", "fault"),
    [("python9", "no interpreter 'python9'"), ("old", "is Python 3.10, older than 3.11")],
)
def test_an_interpreter_that_will_not_do(python: str, fault: str, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho '[[3, 10], []]'\n")
    old.chmod(0o755)
    with pytest.raises(LiftlabError, match=fault):
        Sandbox(python=str(old) if python == "old" else python)


def test_another_interpreter(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(os.path.realpath(sys.executable))
    with Sandbox(python=str(other)) as box, Sandbox() as own:
        assert box.version == own.version == sys.version_info[:2]
        assert box.isolation == own.isolation
        assert box.run(b"def f(): return 1", [Call(function="f")], Limits()).calls[0].value == 1


def test_packages_are_there_only_where_they_are_named(with_numpy: Sandbox) -> None:
    source = (
        "import numpy as np\ndef f(x): return [np.mean(x), np.any(x), {np.str_('a'): np.int8(3)}]"
    )
    report = with_numpy.run(source.encode(), [Call(function="f", args=([1, 2],))], Limits())
    assert repr(report.calls[0].value) == "[1.5, True, {'a': 3}]"
    assert report.confined == ("landlock", "seccomp")
    drawn = b"import numpy\ndef f(): return numpy.random.rand()"
    first, second = (with_numpy.run(drawn, [Call(function="f")], Limits()) for _ in range(2))
    assert first.calls[0].value == second.calls[0].value
    other = with_numpy.run(b"import pandas", [], Limits())
    assert other.load_error is not None
    assert other.load_error.name == "ModuleNotFoundError"


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(LiftlabError, match="the package nonesuch can't be imported by"):
        Sandbox(packages=["nonesuch"])
