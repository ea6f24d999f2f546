"""What `benchmarks/mutants.py` changes, and which tests it holds to be near."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _near  # noqa: E402
import mutants  # noqa: E402

SOURCE = '''
"""A text with 1 < 2."""
def f(x: int = 1, y=None) -> bool:
    log.append(x)
    assert x > 0
    if not x and y is not None:
        return f"{x + 1}" == "é" + y
    return (x) < 2 * y
'''


def test_each_change_is_one_token_of_code_and_compiles() -> None:
    found = mutants.Finder("m.py", SOURCE).found
    changed = {(mutant.line, mutant.old, mutant.new) for mutant in found}
    assert changed == {
        (3, "1", "(1 + 1)"),
        (4, "log.append(x)", "pass"),
        (6, "not x and y is not None", "(not (not x and y is not None))"),
        (6, "and", "or"),
        (6, "not x", "(x)"),
        (6, "is not", "is"),
        (7, "==", "!="),
        (8, "<", "<="),
        (8, "2", "(2 + 1)"),
        (8, "*", "/"),
    }
    source = SOURCE.encode()
    for mutant in found:
        text = source[: mutant.start] + mutant.new.encode() + source[mutant.end :]
        compile(text, "m.py", "exec")
        assert source[mutant.start : mutant.end].decode() == mutant.old


def test_a_sample_is_the_same_for_its_seed_and_has_no_mutant_twice() -> None:
    first = mutants.sample(50, 1, "liftlab/analysis/")
    assert first == mutants.sample(50, 1, "liftlab/analysis/")
    assert first != mutants.sample(50, 2, "liftlab/analysis/")
    assert len(set(first)) == 50
    assert all(mutant.path.startswith("liftlab/analysis/") for mutant in first)


def test_a_mutant_knows_its_function() -> None:
    source = "LIMIT = 1\nclass A:\n    size = 2\n    def f(self, x=3):\n        return x + 4\n"
    found = {mutant.old: mutant.function for mutant in mutants.Finder("m.py", source).found}
    assert found == {"1": "LIMIT", "2": "A", "3": "A.f", "+": "A.f", "4": "A.f"}


def test_a_mutant_meets_its_module_s_own_tests_then_those_that_lead_to_it() -> None:
    own, near = mutants.meets("liftlab/analysis/paired.py", "paired")
    assert own == ("liftlab/analysis/paired.py", "tests/analysis/test_paired.py")
    assert not set(own) & set(near)
    # No test mentions `_take`, but tests mention what calls it.
    own, near = mutants.meets("liftlab/store/lock.py", "RunLock._take")
    assert any("::" in test for test in near)
    assert len(near) <= _near.TESTS + _near.FILES


def test_a_verb_meets_the_tests_that_call_it_by_its_name() -> None:
    _, near = mutants.meets("liftlab/cli/runs.py", "history_command")
    assert any(test.startswith("tests/cli/test_history.py::") for test in near)


def test_every_module_meets_some_test() -> None:
    paths = [str(path.relative_to(ROOT)) for path in (ROOT / "liftlab").rglob("*.py")]
    assert all(_near.own_tests(path) or _near.nearest_files(path) for path in paths)
