"""`liftlab load` as a user types it, against the simulator."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liftlab.cli.main import main
from liftlab.serving.simulator import SimulatorServer
from tests.cli.typed import edges, is_taken, typed

PROFILES = Path(__file__).parents[2] / "liftlab" / "serving" / "simulation" / "profiles"
SCALE = 50.0


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer("instant") as running:
        yield running


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "liftlab.toml").write_text("")
    return tmp_path


def lines(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_a_streamed_load_is_a_run_with_a_line_a_request_that_joins_the_truth(
    server: SimulatorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--protocol", "openai", "--stream", "-c", "4", "-n", "40", "--out", "out.jsonl"]
    assert main(["load", server.openai_url, *asked]) == 0
    assert "40 requests, 40 answered well" in capsys.readouterr().out
    truth = {row["response_id"]: row for row in server.truth() if row["response_id"]}
    found = lines()
    assert len(found) == len({line["request_id"] for line in found}) == 40
    for line in found:
        true = truth[line["response_id"]]
        assert line["ok"]
        assert line["request_id"] == true["request_id"]
        assert line["output_tokens"] == true["tokens"]
        assert line["connection_reused"]
        # One clock for both processes on Linux: causes come before effects.
        assert line["sent_ns"] <= true["received_s"] * 1e9 <= true["first_byte_s"] * 1e9
        assert true["first_byte_s"] * 1e9 <= line["first_byte_ns"] <= line["last_byte_ns"]
        assert line["first_byte_ns"] <= line["first_token_ns"]
        assert true["last_byte_s"] * 1e9 <= line["last_byte_ns"]
    assert main(["show", "20", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["run"]["load"], shown["run"]["concurrency"]) == ("closed", 4)
    assert (shown["load"]["n"], shown["load"]["ttft"]["n"]) == (40, 40)


def test_recorded_arrivals_over_the_lift_protocol(
    server: SimulatorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("times.txt").write_text("10\n10.01\n10.05\n")
    asked = ["--protocol", "lift", "--arrival", "times.txt", "--out", "out.jsonl", "--json"]
    assert main(["load", server.url, *asked]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["run"]["load"], shown["run"]["rate_rps"]) == ("open", pytest.approx(40))
    planned = [line["planned_ns"] for line in lines()]
    assert np.diff(planned) == pytest.approx([1e7, 4e7], abs=3)


def test_from_planned_tells_a_stall_that_from_sent_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client of few connections sends less while a server stalls: coordinated omission."""
    profile = tomllib.loads((PROFILES / "stall.toml").read_text())
    stall_s = profile["stall"]["length_s"] / SCALE
    with SimulatorServer("stall", time_scale=SCALE) as stalling:
        asked = ["-c", "4", "-n", "240", "--rate", "300", "--arrival", "constant"]
        assert main(["load", stalling.url, "--protocol", "lift", *asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["load"]
    assert found["e2e"]["p90_s"] < 0.5 * stall_s  # 8 of 240 wait: the rest is for a busy machine
    assert found["e2e_from_planned"]["p95_s"] > 0.5 * stall_s


def interrupted(project: Path, *options: str) -> str:
    """Return what a load says that gets Ctrl-C while requests are under way."""
    with SimulatorServer("fast") as slow:
        command = [sys.executable, "-m", "liftlab", "load", slow.url, "--protocol", "lift"]
        with subprocess.Popen(
            [*command, *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd=project,
        ) as running:
            assert running.stderr is not None
            while "requests; failed" not in running.stderr.readline():
                pass
            running.send_signal(signal.SIGINT)
            said = running.stderr.read()
    assert running.returncode == 130
    return said


def test_ctrl_c_keeps_what_is_committed_and_writes_its_lines(project: Path) -> None:
    said = interrupted(project, "-n", "300", "--out", "out.jsonl")
    assert "interrupted; what is committed is kept" in said
    shown = said.strip().rpartition("liftlab ")[2].split()
    assert main(shown) == 0  # the command that it names
    assert shown[0] == "show"
    assert len(lines()) >= 30
    assert not list(project.glob(".*part"))


def test_a_wrong_address_is_told_by_its_status(
    server: SimulatorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", f"{server.url}/v2", "--protocol", "openai", "-n", "2"]) == 4
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("HTTP 404: Not Found (are the address and the model right?)")


@pytest.mark.skipif(sys.platform != "linux", reason="a place where nobody can write")
def test_an_endpoint_that_speaks_no_http_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer_nonsense, args=(listening,), daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert main(["load", url, "--protocol", "lift", "-c", "2", "-n", "4"]) == 4
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "answers none of 2 warm-up requests: the reply is not sound HTTP" in err


def answer_nonsense(listening: socket.socket) -> None:
    """Answer health, and to all that is posted what is no HTTP."""
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                asked = connection.recv(65536)
                well = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
                connection.sendall(well if asked.startswith(b"GET") else b"220 mail ready\r\n")


def test_lines_that_cannot_be_written_are_told_before_anything_is_sent(
    server: SimulatorServer, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = len(server.truth())
    place = "/proc/out.jsonl"  # nobody may make a file there, not even a superuser
    assert main(["load", server.url, "--protocol", "lift", "-n", "1", "--out", place]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert len(server.truth()) == seen
    assert not (project / "data").exists()


def test_a_limit_ends_a_load_early(
    server: SimulatorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--protocol", "lift", "-c", "2", "-n", "5000", "--max-requests", "20"]
    assert main(["load", server.url, *asked]) == 5
    said = capsys.readouterr()
    assert "ends early: 20 requests are made" in said.err
    assert "Closed loop, 2 at once: 2" in said.out  # 20, and what was under way
    assert main(["show", "20", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["run"]["status"], shown["load"]["n"]) == ("partial", pytest.approx(20, abs=2))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-n", "1", "--protocol", "lift", "--stream"], 2, "no streamed replies"),
        (["--protocol", "lift"], 2, "say how many"),
        (["-n", "1"], 2, "--protocol"),
        (["-n", "1", "--protocol", "lift", "--arrival", "poisson"], 2, "needs a rate"),
        (["-n", "1", "--protocol", "lift", "--arrival", "no.txt"], 6, "no.txt"),
        (["-n", "1", "--protocol", "lift", "--rate", "0"], 2, "--rate"),
        (["-n", "1", "--protocol", "lift", "--prompt-file", "no.txt"], 6, "no.txt"),
        (["-n", "1", "--protocol", "lift", "--arrival", "weird"], 6, "no file weird"),
        (["-n", "1", "--protocol", "lift", "--out", "no/where.jsonl"], 2, "no folder"),
        (["-n", "1", "--protocol", "lift", "--out", "."], 2, "is no file"),
        (["-n", "1", "--protocol", "lift", "--out", "/dev/null"], 2, "is no file"),
        (["-n", "1", "--protocol", "lift"], 4, "does not answer"),
        (["-n", "1", "--protocol", "lift", "--max-usd", "1"], 2, "needs a price"),
        (["-n", "9", "--protocol", "lift", "--processes", "2"], 2, "2 requests at once"),
        (["-n", "9", "--protocol", "lift", "--segment", "1/2"], 2, "go together"),
        (["-n", "9", "--protocol", "lift", "--start-at", "0"], 2, "go together"),
        (
            ["-n", "9", "--protocol", "lift", "-c", "2", "--segment", "1/2", "--start-at", "1"],
            2,
            "is past",
        ),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    words: list[str], code: int, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert main(["load", url, *words]) == code
    told = capsys.readouterr().err.splitlines()
    assert said in told[-1]
    assert not (project / "data").exists()


def requests_at(server: SimulatorServer) -> list[str]:
    return [line["request_id"] for line in server.truth() if line["request_id"]]


def test_to_resume_a_closed_loop_that_is_done_sends_nothing(
    server: SimulatorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url, count = [server.url, "--protocol", "lift"], ["-n", "30", "-c", "2"]
    assert main(["load", *url, *count]) == 0
    run_id = capsys.readouterr().out.split()[0]
    sent = requests_at(server)
    assert main(["load", "--resume", run_id]) == 0
    assert "30 requests, 30 answered well" in capsys.readouterr().out
    assert requests_at(server) == sent
    assert main(["run", "--resume", run_id]) == 6
    assert f"liftlab load --resume {run_id}" in capsys.readouterr().err
    assert main(["load"]) == 2
    assert "say what to load" in capsys.readouterr().err


def test_after_ctrl_c_what_all_processes_have_sent_is_one_run(project: Path) -> None:
    said = interrupted(project, "-n", "600", "-c", "2", "--processes", "2", "--out", "out.jsonl")
    shown = said.strip().rpartition("liftlab ")[2].split()
    assert shown[0] == "show"
    assert main(shown) == 0
    assert len(lines()) >= 60


def test_no_word_of_a_load_asks_for_more_prompts(
    server: SimulatorServer, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = "[targets.fast]\nmetric = 'e2e_median_s'\nlimit = 1.0\n"
    (project / "liftlab.toml").write_text(limits)
    assert main(["load", server.url, "--protocol", "lift", "-c", "2", "-n", "20"]) == 0
    run_id = next((project / "data" / "runs").glob("2*")).name
    capsys.readouterr()
    for verb in ("show", "check", "status"):
        main([verb, run_id])
        said = capsys.readouterr().out
        assert "more prompt" not in said, verb
        assert "enough prompts" not in said, verb
        assert "Find out" not in said, verb
    main(["check", run_id])
    assert "fast: a run of a suite would decide" in capsys.readouterr().out


def test_one_median_has_one_value(
    server: SimulatorServer, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", server.url, "--protocol", "lift", "-c", "2", "-n", "20"]) == 0
    run_id = next((project / "data" / "runs").glob("2*")).name
    capsys.readouterr()
    main(["show", run_id])
    seen = capsys.readouterr().out.partition("P50 ")[2].partition(",")[0]
    main(["status", run_id])
    told = capsys.readouterr().out.replace("\\<", "<")
    assert f"End to end, median: {seen}\n" in told
    for verb in ("runs", "history"):
        main([verb])
        assert seen in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("load URL", {"concurrency": None, "requests": None, "stream": False, "max_tokens": 64}),
        ("load URL", {"processes": None, "segment": None, "resume": None, "headers": None}),
        ("load URL --stream --json", {"stream": True, "as_json": True}),
        ("load --resume x", {"endpoint": None, "resume": "x"}),
        ("merge a b", {"runs": ("a", "b"), "as_json": False}),
    ],
)
def test_what_is_told(line: str, told: dict[str, Any]) -> None:
    assert typed(line).items() >= told.items()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *edges("load URL --concurrency", 1, 10_000),
        *edges("load URL --requests", 1),
        *edges("load URL --max-tokens", 1, 1_000_000),
        *edges("load URL --seed", 0, 2**31 - 1),
        *edges("load URL --processes", 1, 256),
        ("load URL --arrival", False),
        ("merge", False),
    ],
)
def test_what_is_taken(line: str, taken: bool) -> None:
    assert is_taken(line) is taken
