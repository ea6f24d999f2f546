"""The clients that the benchmarks hold against one server: each run gives rows of one shape."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROMPT = "Write one sentence about the sea."
MAX_TOKENS = 64
PEERS = ("guidellm==0.8.1", "aiperf==0.13.0")
LIMIT_S = 600
# Both peers want a tokenizer and would fetch one: this lays a trivial one into a cache of the hub.
TOKENIZER = """
import pathlib, sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
model = pathlib.Path(sys.argv[1]) / "hub" / "models--local--words"
(model / "refs").mkdir(parents=True)
(model / "refs" / "main").write_text("0" * 40)
tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")
fast.save_pretrained(model / "snapshots" / ("0" * 40))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One run of one client: what it sends, how many, how many at once."""

    url: str  # with /v1
    model: str
    streamed: bool
    concurrency: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request as a client saw it, in seconds; `key` is its request or response id."""

    key: str
    e2e_s: float
    ttft_s: float | None


Client = Callable[[Shot], list[Row]]


def payload(shot: Shot) -> str:
    """Return the body that the bare client sends: the one that liftlab sends."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0.3,
        "top_p": 0.95,
        "model": shot.model,
    }
    if shot.streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body)


def bare(shot: Shot, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the bare client; return what it says of itself, and its stamps."""
    options = {"count": shot.count, "concurrency": shot.concurrency, "body": payload(shot), **more}
    url = f"{shot.url}/chat/completions"
    said = run([sys.executable, str(HERE / "_bare_aiohttp.py"), url, json.dumps(options)])
    head, *lines = said.splitlines()
    return json.loads(head), [json.loads(line) for line in lines]


def aiohttp(shot: Shot) -> list[Row]:
    """Run the bare client."""
    _, rows = bare(shot)
    return [
        Row(
            key=row["request_id"],
            e2e_s=(row["last_ns"] - row["sent_ns"]) / 1e9,
            ttft_s=(row["first_ns"] - row["sent_ns"]) / 1e9 if shot.streamed else None,
        )
        for row in rows
    ]


def load(shot: Shot, *more: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run `liftlab load`; return what it says of the run, and its lines."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "liftlab.toml").write_text("")
        options = ["-n", str(shot.count), "-c", str(shot.concurrency), "--out", "out.jsonl"]
        command = [sys.executable, "-m", "liftlab", "load", shot.url, "--protocol", "openai"]
        command += ["--model", shot.model, *options, *(["--stream"] if shot.streamed else [])]
        said = json.loads(run([*command, *more, "--json"], cwd=folder))
        lines = (Path(folder) / "out.jsonl").read_text().splitlines()
        return said, [json.loads(line) for line in lines]


def liftlab(shot: Shot) -> list[Row]:
    """Run `liftlab load`."""
    _, lines = load(shot)
    return [
        Row(
            key=line["request_id"],
            e2e_s=(line["last_byte_ns"] - line["sent_ns"]) / 1e9,
            ttft_s=(line["first_token_ns"] - line["sent_ns"]) / 1e9 if shot.streamed else None,
        )
        for line in lines
    ]


class Peers:
    """The two command-line clients, in an environment of their own."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._tokenizer = folder / "tokenizer"
        if not (self._bin / "aiperf").exists() or not (self._bin / "guidellm").exists():
            run([sys.executable, "-m", "venv", str(folder)])
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
            run([str(self._bin / "python"), *install], limit_s=1800)
        if not self._tokenizer.exists():
            run([str(self._bin / "python"), "-c", TOKENIZER, str(self._tokenizer)])

    def guidellm(self, shot: Shot) -> list[Row]:
        """Run guidellm; it has no warm-up of its own, so its first requests are left out."""
        with tempfile.TemporaryDirectory() as folder:
            lines = shot.count + shot.concurrency
            _write(folder, lines, {"prompt": PROMPT})
            stream = str(shot.streamed).lower()
            command = [str(self._bin / "guidellm"), "run", "--disable-console"]
            command += ["--backend", f"kind=openai_http,target={shot.url.removesuffix('/v1')},"]
            command[-1] += f"stream={stream}"
            command += ["--profile", f"kind=concurrent,streams={shot.concurrency}"]
            command += ["--constraint", f"kind=max_requests,count={lines}"]
            command += ["--data", "kind=json_file,path=prompts.jsonl"]
            command += ["--output", "kind=json,path=out.json"]
            run(command, cwd=folder, env=self._environment())
            report = json.loads((Path(folder) / "out.json").read_text())
        found = report["benchmarks"][0]["requests"]["successful"]
        found.sort(key=lambda request: request["info"]["timings"]["request_start"])
        return [_of_guidellm(request, shot) for request in found[shot.concurrency :]]

    def aiperf(self, shot: Shot) -> list[Row]:
        """Run aiperf."""
        with tempfile.TemporaryDirectory() as folder:
            _write(folder, 1, {"text": PROMPT})
            command = [str(self._bin / "aiperf"), "profile", "--model", shot.model]
            command += ["--url", shot.url.removesuffix("/v1"), "--endpoint-type", "chat"]
            command += ["--concurrency", str(shot.concurrency)]
            command += ["--request-count", str(shot.count)]
            command += ["--warmup-request-count", str(shot.concurrency)]
            command += ["--tokenizer", "local/words", "--use-server-token-count"]
            command += ["--custom-dataset-type", "single_turn", "--input-file", "prompts.jsonl"]
            command += ["--artifact-dir", "out", *(["--streaming"] if shot.streamed else [])]
            run(command, cwd=folder, env=self._environment())
            lines = (Path(folder) / "out" / "profile_export.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [
            _of_aiperf(record, shot)
            for record in found
            if record["metadata"]["benchmark_phase"] == "profiling" and not record.get("error")
        ]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HF_HOME": str(self._tokenizer), "HF_HUB_OFFLINE": "1"}


def run(
    command: list[str],
    *,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> str:
    """Run a command and return what it printed; a failure shows the end of what it said."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=limit_s
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[-800:]
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
    return done.stdout


def _write(folder: str, count: int, line: dict[str, str]) -> None:
    (Path(folder) / "prompts.jsonl").write_text((json.dumps(line) + "\n") * count)


def _of_guidellm(request: dict[str, Any], shot: Shot) -> Row:
    timings = request["info"]["timings"]
    start = timings["request_start"]
    return Row(
        key=request["response_id"],
        e2e_s=timings["request_end"] - start,
        ttft_s=timings["first_token_iteration"] - start if shot.streamed else None,
    )


def _of_aiperf(record: dict[str, Any], shot: Shot) -> Row:
    metrics = record["metrics"]
    return Row(
        key=record["metadata"]["x_request_id"],
        e2e_s=metrics["request_latency"]["value"] / 1e3,
        ttft_s=metrics["time_to_first_token"]["value"] / 1e3 if shot.streamed else None,
    )
