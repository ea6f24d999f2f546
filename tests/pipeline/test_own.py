"""Code of the user's own is found without being imported; its faults are told by their place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liftlab.errors import SettingsInvalid
from liftlab.pipeline.own import Answer, OwnCode, entry, told

SOURCE = """
from pathlib import Path

Path(__file__).with_name("imported").touch()

class Stage:
    attempts = 3
    name = other = "mine"
    made = list()

    def generate(self):
        return "generated"

class Called:
    def __call__(self):
        return "called"

class Neither:
    pass

class Broken:
    def __init__(self):
        raise ValueError("no key")

def plain():
    return "plain"

number = 5
"""


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    name = f"own_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    before = list(sys.path)
    yield tmp_path
    sys.modules.pop(name, None)
    sys.path[:] = before


def own(folder: Path, target: str) -> OwnCode:
    [path] = folder.glob("own_*.py")
    return OwnCode("pipelines.mine.call", f"{path.stem}:{target}", folder)


def test_a_class_is_read_without_being_imported(folder: Path) -> None:
    code = own(folder, "Stage")
    assert code.source().parent == folder
    assert (code.constant("attempts"), code.constant("other")) == (3, "mine")
    assert (code.constant("made"), code.constant("gone")) == (None, None)
    assert own(folder, "Neither").constant("attempts") is None
    assert not (folder / "imported").exists()


def test_a_fingerprint_changes_with_the_source_and_the_name(folder: Path) -> None:
    code = own(folder, "Stage")
    before = code.fingerprint()
    assert own(folder, "plain").fingerprint() != before
    code.source().write_text(SOURCE + "# more\n")
    assert code.fingerprint() != before


def test_of_a_package_every_file_counts(tmp_path: Path) -> None:
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("a = 1\n")
    code = OwnCode("w", "own_package:a", tmp_path)
    before = code.fingerprint()
    (package / "part.py").write_text("a = 2\n")
    assert code.fingerprint() != before
    inner = OwnCode("w", "own_package.part:a", tmp_path)
    assert inner.source() == package / "part.py"


@pytest.mark.parametrize(
    ("target", "gives"), [("Stage", "generated"), ("Called", "called"), ("plain", "plain")]
)
def test_a_pipeline_s_call_is_a_function_or_a_class_with_one(
    folder: Path, target: str, gives: str
) -> None:
    assert entry(own(folder, target))() == gives


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("Neither", "is no function, and no class with a method `generate`"),
        ("number", "is no function, and no class with a method `generate`"),
        ("Broken", r"Broken\(\) raised ValueError: no key \(own_\d+.py:23\)"),
        ("gone", "cannot be imported: AttributeError: "),
    ],
)
def test_what_cannot_be_called_is_told(folder: Path, target: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        entry(own(folder, target))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("own_missing:f", "there is no module 'own_missing'"),
        ("own_missing.part:f", "there is no module 'own_missing.part'"),
        ("sys:f", "there is no module|is not a Python file"),
    ],
)
def test_a_module_that_is_not_there_is_told(tmp_path: Path, target: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        OwnCode("stages.x.class", target, tmp_path).source()


def test_a_module_that_is_no_python_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "own_odd.py").write_text("a = 1\nb = (\n")
    with pytest.raises(SettingsInvalid, match="not valid Python") as fault:
        OwnCode("stages.x.class", "own_odd:b", tmp_path).tree()
    assert "2" in str(fault.value)


def test_an_exception_is_told_with_its_place_in_the_project(tmp_path: Path) -> None:
    here = Path(__file__)
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int("x")
    line = raised.tb.tb_lineno
    for root, place in (
        (here.parent, here.name),
        (here.parents[1], f"pipeline/{here.name}"),
        (tmp_path, here.name),  # none is in the project: the innermost
    ):
        assert told(raised.value, root).endswith(f"({place}:{line})")
    assert told(KeyError(), tmp_path) == "KeyError"


def test_an_exception_that_cannot_be_told_is_named(tmp_path: Path) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert told(Odd(), tmp_path) == "Odd"


def test_an_answer_needs_its_code_alone() -> None:
    answer = Answer("pass")
    assert (answer.code, answer.ir, answer.function, answer.tokens) == ("pass", None, None, None)
