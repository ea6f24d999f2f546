from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from liftlab.errors import ServerFailed
from liftlab.serving import llama


class File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def locate(self) -> Path:
        return self._path


def test_named_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.setenv("LIFTLAB_GGUF", str(file))
    assert llama.find_model() == file


def test_named_file_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFTLAB_GGUF", "nowhere.gguf")
    with pytest.raises(ServerFailed, match=r"LIFTLAB_GGUF=nowhere\.gguf: no such file"):
        llama.find_model()


def test_package_is_searched_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    files: Any = [File(tmp_path / "__init__.py"), File(model)]
    monkeypatch.delenv("LIFTLAB_GGUF", raising=False)
    monkeypatch.setattr(importlib.metadata, "files", lambda _: files)
    assert llama.find_model() == model


def test_package_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFTLAB_GGUF", raising=False)
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(ServerFailed, match=r"holds no \.gguf file"):
        llama.find_model()


def test_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFTLAB_GGUF", raising=False)
    monkeypatch.setattr(llama, "MODEL_PACKAGE", "no-such-package")
    with pytest.raises(ServerFailed, match="make report") as caught:
        llama.find_model()
    assert "\n" not in str(caught.value)


def test_missing_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ServerFailed, match=r"xllamacpp.*make report.*liftlab\[local\]"):
        llama.start_engine(Path("model.gguf"), slots=1, threads=1)
