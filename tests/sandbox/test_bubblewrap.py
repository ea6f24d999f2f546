"""The command that puts walls around a worker."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from liftlab.sandbox import bubblewrap as module


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/bwrap")
    made = module.bubblewrap(sys.executable, tmp_path, {"A": "1", "B": "2"}, ["/opt/packages"])
    assert made is not None
    return made


def after(command: list[str], option: str, count: int = 1) -> list[list[str]]:
    places = [place for place, word in enumerate(command) if word == option]
    return [command[place + 1 : place + 1 + count] for place in places]


def test_nothing_is_shared_but_what_is_named(command: list[str]) -> None:
    assert command[:2] == ["/usr/bin/bwrap", "--unshare-all"]
    assert after(command, "--cap-drop") == [["ALL"]]
    assert "--clearenv" in command
    assert after(command, "--setenv", 2) == [["A", "1"], ["B", "2"]]
    assert after(command, "--size", 3) == [[str(256 * 1024 * 1024), "--tmpfs", "/tmp"]]
    assert not {"--bind", "--dev-bind", "--share-net", "--die-with-parent"} & set(command)


def test_what_is_inside_can_only_be_read(command: list[str], tmp_path: Path) -> None:
    given = after(command, "--ro-bind-try", 2)
    assert all(outside == inside for outside, inside in given)
    folders = {outside for outside, _ in given}
    assert "/opt/packages" in folders
    assert ("/usr" in folders) is not os.path.islink("/usr")
    for folder in ("/bin", "/lib", "/lib64"):
        link = [os.readlink(folder), folder] if os.path.islink(folder) else None
        assert (link in after(command, "--symlink", 2)) is (folder not in folders)
    prefix = os.path.realpath(sys.base_prefix)
    assert (prefix in folders) is not (prefix == "/usr" or prefix.startswith("/usr/"))
    assert not {"/", "/etc", "/home", "/root"} & folders
    own = after(command, "--ro-bind", 2)
    assert own == [
        [str(tmp_path / "values.py"), "/liftlab/values.py"],
        [str(tmp_path / "sandbox"), "/liftlab/sandbox"],
    ]


def test_it_ends_in_the_interpreter_itself(command: list[str]) -> None:
    assert command[-4:] == ["--chdir", "/", "--", os.path.realpath(sys.executable)]


@pytest.mark.parametrize(("platform", "found"), [("darwin", "/usr/bin/bwrap"), ("linux", None)])
def test_without_bubblewrap_there_are_no_walls(
    platform: str, found: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda _: found)
    assert module.bubblewrap(sys.executable, tmp_path, {}) is None
