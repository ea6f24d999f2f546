"""What `benchmarks/mutants.py` changes, and which tests it holds to be near."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _near  # noqa: E402
import _recorded  # noqa: E402
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


def test_what_no_defect_can_hide_in_is_not_tried() -> None:
    source = "zip(a, b, strict=True)\nplot(x, lw=2, at=3)\nplot(x, lw=2 * wide)\n"
    found = mutants.Finder("m.py", source).found
    assert [(mutant.line, mutant.old) for mutant in found if mutant.new != "pass"] == [
        (2, "3"),
        (3, "*"),
        (3, "2"),
    ]


def test_a_sample_is_the_same_for_its_seed_and_has_no_mutant_twice() -> None:
    first = mutants.sample(50, 1, "liftlab/analysis/")
    assert first == mutants.sample(50, 1, "liftlab/analysis/")
    assert first != mutants.sample(50, 2, "liftlab/analysis/")
    assert len(set(first)) == 50
    assert all(mutant.path.startswith("liftlab/analysis/") for mutant in first)


def test_a_file_of_tests_that_cannot_be_imported_fails_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "test_broken.py"
    file.write_text("raise ValueError\ndef test_a(): pass\n")
    command = [sys.executable, "-m", "pytest", "-x", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", os.devnull, f"{file}::test_a"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert mutants.FAILING.findall(ran.stdout) == ["test_broken.py"]


def test_a_mutant_knows_its_function() -> None:
    source = "LIMIT = 1\nclass A:\n    size = 2\n    def f(self, x=3):\n        return x + 4\n"
    found = {mutant.old: mutant.function for mutant in mutants.Finder("m.py", source).found}
    assert found == {"1": "LIMIT", "2": "A", "3": "A.f", "+": "A.f", "4": "A.f"}


def test_a_mutant_that_no_recorded_test_runs_meets_its_own_tests_then_those_that_lead_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _recorded.recorded.cache_clear()
    monkeypatch.setattr(_recorded, "RECORDED", tmp_path)
    own = ("liftlab/analysis/paired.py", "tests/analysis/test_paired.py")
    assert _near.own_tests("liftlab/analysis/paired.py") == own
    assert _recorded.meets("liftlab/analysis/paired.py", 1, "paired")[:2] == own
    # No test mentions `_take`, but tests mention what calls it.
    near = _near.near_tests("liftlab/store/lock.py", "RunLock._take")
    assert any("::" in test for test in near)
    assert len(near) <= _near.TESTS + _near.FILES
    _recorded.recorded.cache_clear()


def test_a_verb_meets_the_tests_that_call_it_by_its_name() -> None:
    near = _near.near_tests("liftlab/cli/runs.py", "history_command")
    assert any(test.startswith("tests/cli/test_history.py::") for test in near)


RECORDED_TESTS = """
import pytest

from liftlab.words import be, counted

@pytest.fixture(scope="module")
def said():
    return be(1)

@pytest.mark.parametrize("number", [1, 2])
def test_counted(number):
    assert counted(number, "trial")

def test_said(said):
    assert said == "is"

def test_again(said):
    assert said != "are"

def test_in_a_process():
    import subprocess, sys
    code = "import os; from liftlab.words import readable; readable('a'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
"""


def test_tests_are_recorded_by_the_lines_that_they_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = mutants.Copy(tmp_path / "copy")
    (copy.root / "tests" / "test_words.py").write_text(RECORDED_TESTS)
    copy.record(["tests/test_words.py"], tmp_path)
    _recorded.recorded.cache_clear()
    monkeypatch.setattr(_recorded, "RECORDED", tmp_path)

    def met(function: str) -> set[str]:
        lines = _recorded.lines_of("liftlab/words.py", function)
        tests = _recorded.meets("liftlab/words.py", lines[-1], function)
        return {test.partition("::test_")[2] for test in tests if "::" in test}

    assert met("counted") == {"counted"}
    assert met("be") == {"said", "again"}  # a fixture is of all that use it
    assert met("readable") == {"in_a_process"}
    _recorded.recorded.cache_clear()


def test_every_module_meets_some_test() -> None:
    paths = [str(path.relative_to(ROOT)) for path in (ROOT / "liftlab").rglob("*.py")]
    assert all(_near.own_tests(path) or _near.nearest_files(path) for path in paths)
