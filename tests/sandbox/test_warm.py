"""Which packages a worker imports for candidates, and what these may read of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from liftlab.sandbox import warm
loaded = warm.import_packages(sys.argv[1].split(":"), sys.argv[2:])
for path in loaded: print(path)
for folder in filter(None, sys.argv[1].split(":")): assert folder not in sys.path, folder
import outside
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    packages = tmp_path / "site-packages"
    for name in ("alpha", "beta", "unused"):
        (packages / name / "inner").mkdir(parents=True)
        (packages / name / "__init__.py").write_text("from . import inner\n")
        (packages / name / "inner" / "__init__.py").touch()
    (packages / "lone.py").write_text("import alpha\n")
    (packages / "broken.py").write_text("1 / 0\n")
    (tmp_path / "site-packages-too").mkdir()
    (tmp_path / "site-packages-too" / "outside.py").touch()
    return packages


def worker(folders: str, *names: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", SCRIPT, folders, *names]
    environment = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{path}"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_what_the_named_packages_brought_with_them_may_be_read(folder: Path) -> None:
    near = folder.with_name("site-packages-too")
    ran = worker(f"{folder}:", "lone", "beta", path=near)
    assert ran.returncode == 0, ran.stderr
    tops = ("alpha", "beta", "lone.py")
    wanted = sorted(f"{folder}/{top}{end}" for top in tops for end in ("", ".libs"))
    assert ran.stdout.splitlines() == wanted


def test_without_packages_nothing_is_read(folder: Path) -> None:
    ran = worker("", path=folder.with_name("site-packages-too"))
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("name", ["broken", "nonesuch"])
def test_a_package_that_fails_ends_the_worker(name: str, folder: Path) -> None:
    ran = worker(str(folder), name, path=folder.with_name("site-packages-too"))
    assert ran.returncode == 1
    assert name in ran.stderr
    assert "Traceback" not in ran.stderr
