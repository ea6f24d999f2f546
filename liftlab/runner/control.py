"""The parent's side of a run: make its folder, start the load process, follow it, stop it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from liftlab.endpoints.connect import headers_of
from liftlab.errors import InputInvalid, LiftlabError, RunIncomplete, RunInterrupted
from liftlab.runner.endpoint_lifecycle import check_answers, check_health, keep_log_of, serving
from liftlab.runner.progress import log_line
from liftlab.runner.request import Elsewhere, Job, RunRequest
from liftlab.runner.segment import Segment
from liftlab.runner.worker import Listener, StopLine
from liftlab.settings import EndpointSettings
from liftlab.store import RunFolder, create
from liftlab.store.exchange import write_lines
from liftlab.store.files import writing
from liftlab.store.folder import resume_verb

_Ready = tuple[RunRequest, Elsewhere, dict[str, str | None]]

_PROGRAM, _PROGRAM_OF_SESSIONS = "liftlab.runner.child", "liftlab.sessions.child"
_PAUSE_S = 0.2
_LEAD_NS = 100_000_000  # from the word to the begin of segments: each then waits for it
_EACH_HAS = ("ready", "clock", "created")
_GO_ON = "Finish the run with: liftlab {verb} --resume {run_id}"
_LOAD_GOES_ON = (
    "Send the rest with: liftlab load --resume {run_id}. What there is: liftlab show {run_id}"
)
_KEPT = (
    "An open loop is not resumed, its moments are past; what there is of it: liftlab show {run_id}"
)


def start(
    request: RunRequest,
    listen: Listener,
    stop: StopLine | None = None,
    claim: Callable[[], object] | None = None,
) -> RunFolder:
    """Measure in a fresh folder, and return the folder once all of it is committed.

    `stop` is for whoever may end the run before its plan is done. `claim` is called once the
    endpoint is ready, before anything is written; it raises if that may not be.

    Raises EndpointUnreachable before anything is written, if the endpoint is not ready. Raises
    RunIncomplete if it stopped early; what is committed is kept. Raises RunInterrupted after
    Ctrl-C, once the load process has stopped cleanly.
    """
    made: list[RunFolder] = []
    with _ready(request, listen, made) as (served, elsewhere, told):
        if claim is not None:
            claim()
        folder = _create(request, told, made, listen)
        with _lines_kept(request, folder, listen) as heed:
            _lead(folder, served, elsewhere, heed, stop)
    return folder


def start_segments(
    request: RunRequest, parts: Sequence[Segment], listen: Listener, made: list[RunFolder]
) -> None:
    """Measure segments of a plan in load processes of this machine, each in its own folder.

    They begin together, once all that can be are ready; `made` gets the folders. Raises as `start`;
    where only some failed, `listen` is told why. After Ctrl-C all have stopped cleanly.
    """
    with _ready(request, listen, made) as (served, elsewhere, told):
        for part in parts:
            _create(request.model_copy(update={"segment": part}), told, made, listen)
        together = Together(len(parts), listen)
        with ThreadPoolExecutor(len(parts)) as pool:
            loads = []
            for place, (folder, part) in enumerate(zip(made, parts, strict=True)):
                mine = served.model_copy(update={"segment": part})
                hear, stop = together.listener(place), together.stops[place]
                loads.append(pool.submit(_lead, folder, mine, elsewhere, hear, stop))
                loads[-1].add_done_callback(partial(together.ended, place))
            try:
                wait(loads)
            except KeyboardInterrupt:
                while wait(loads, _PAUSE_S).not_done:  # one that only starts does not hear it yet
                    together.interrupt()
                message = "interrupted; what is committed is kept"
                raise RunInterrupted(message, made[0].run_id) from None
    failed = [error for load in loads if (error := load.exception()) is not None]
    if len(failed) == len(parts):
        raise failed[0]
    for error in failed:
        listen({"event": "note", "message": str(error)})


class Together:
    """Lets load processes begin together once each is ready or has ended, and adds up their events.

    `stops` has a line to each.
    """

    def __init__(self, count: int, listen: Listener) -> None:
        self.stops = [StopLine() for _ in range(count)]
        self._listen = listen
        self._guard = threading.Lock()
        self._waits = [True] * count
        self._ended, self._failed = [0] * count, [0] * count
        self._told: set[str] = set()

    def listener(self, place: int) -> Listener:
        """Return what hears the events of one process."""

        def hear(event: dict[str, Any]) -> None:
            with self._guard:
                self._hear(place, event)

        return hear

    def ended(self, place: int, _: object) -> None:
        """Wait no longer for a process that has ended."""
        with self._guard:
            self._is_ready(place)

    def interrupt(self) -> None:
        """Interrupt all of them."""
        for stop in self.stops:
            stop.interrupt()

    def _hear(self, place: int, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "ready":
            self._is_ready(place)
        elif kind == "requests":
            self._ended[place], self._failed[place] = event["ended"], event["failed"]
            self._listen(event | {"ended": sum(self._ended), "failed": sum(self._failed)})
        elif kind not in _EACH_HAS and str(event) not in self._told:  # once, whoever says it
            self._told.add(str(event))
            self._listen(event)

    def _is_ready(self, place: int) -> None:
        if self._waits[place]:
            self._waits[place] = False
            if not any(self._waits):
                moment_ns = time.perf_counter_ns() + _LEAD_NS
                for stop in self.stops:
                    stop.go(moment_ns)


def _create(
    request: RunRequest, told: Mapping[str, str | None], made: list[RunFolder], listen: Listener
) -> RunFolder:
    suite = (request.suite.source, request.suite.suffix) if request.suite else (b"", ".toml")
    folder = create(request.project.path("runs"), request.row(told), request.manifest(), *suite)
    made.append(folder)
    listen({"event": "created", "run_id": folder.run_id, "path": str(folder.path)})
    return folder


def resume(
    folder: RunFolder, request: RunRequest, listen: Listener, stop: StopLine | None = None
) -> RunFolder:
    """Finish a run that was broken off; nothing already committed changes.

    Raises InputInvalid if prompts, schemas or the suite have changed since: their results would not
    compare.
    """
    manifest = folder.manifest()
    for key, now in request.digests().items():
        if manifest[key] != now:
            what = "the suite" if key == "suite_sha256" else "the pipeline's prompts or schemas"
            raise InputInvalid(
                f"{folder.run_id}: {what} changed since this run began; start a new run instead"
            )
    with _ready(request, listen, [folder]) as (served, elsewhere, _):
        listen({"event": "resumed", "run_id": folder.run_id})
        _lead(folder, served, elsewhere, listen, stop)
    return folder


@contextmanager
def _ready(request: RunRequest, listen: Listener, folders: list[RunFolder]) -> Iterator[_Ready]:
    """Have each endpoint served, healthy and with its model; `folders` get the servers' logs.

    Gives the request with its endpoint's address, what stages have of their own, and the
    endpoint's model and hardware as it names them. Says first what code of the project will run.
    """

    def note(line: str) -> None:
        listen({"event": "note", "message": line})

    def serve(endpoint: EndpointSettings) -> EndpointSettings:
        return stack.enter_context(serving(endpoint, partial(keep_log_of, folders=folders)))

    is_load, checks = request.prompt is not None, request.sessions is not None
    for line in filter(None, (None if is_load else request.built.announcement(), *request.notes)):
        note(line)
    with ExitStack() as stack:
        main = serve(request.endpoint)
        if checks:  # a server that is down gets its verdict
            headers_of(main)
            told: dict[str, str | None] = {"model": None, "hardware": None}
        else:
            told = check_answers(main) if is_load else check_health(main, note)
        running = {main.name: _asking(main, main.model or told["model"])}
        elsewhere: Elsewhere = {}
        for stage, (endpoint, sampling) in ({} if is_load else request.elsewhere()).items():
            if endpoint.name not in running:
                there = serve(endpoint)
                model = there.model or check_health(there, note)["model"]
                running[endpoint.name] = _asking(there, model)
            there = running[endpoint.name]
            elsewhere[stage] = _asking(there, endpoint.model or there.model), sampling
        yield request.model_copy(update={"endpoint": running[main.name]}), elsewhere, told


def _asking(endpoint: EndpointSettings, model: str | None) -> EndpointSettings:
    return endpoint.model_copy(update={"model": model})


@contextmanager
def _lines_kept(request: RunRequest, folder: RunFolder, listen: Listener) -> Iterator[Listener]:
    """Write the lines of a load to its file, of one that stopped early, too."""
    zero_ns: list[int] = []

    def heed(event: dict[str, Any]) -> None:
        if event["event"] == "clock":
            zero_ns.append(event["zero_ns"])
        else:
            listen(event)

    def write() -> None:
        if request.out is not None and zero_ns:
            write_lines(folder, request.out, zero_ns[0])

    try:
        yield heed
    except RunIncomplete:
        write()
        raise
    write()


def _lead(
    folder: RunFolder,
    request: RunRequest,
    elsewhere: Elsewhere,
    listen: Listener,
    stop: StopLine | None,
) -> None:
    """Start a load process and follow it to its end; its log takes events and standard error.

    Raises RunInterrupted after Ctrl-C, once the load process has stopped cleanly. Raises
    RunIncomplete if it ended early by itself. Raises LiftlabError: what it reported, with its exit
    code.
    """
    trials = tuple(request.trials())
    job = Job(folder=folder.path, request=request, elsewhere=elsewhere, trials=trials).to_line()
    program = _PROGRAM_OF_SESSIONS if request.sessions else _PROGRAM
    words = _GO_ON
    if request.prompt is not None:
        words = _LOAD_GOES_ON if request.arrivals is None else _KEPT
    go_on = words.format(verb=resume_verb(folder.manifest()), run_id=folder.run_id)
    # A session of its own: a Ctrl-C at the terminal reaches this process only, which then
    # tells the load process to stop once, instead of both being hit at once.
    with (
        folder.log_path.open("a", encoding="utf-8", errors="backslashreplace") as log,
        subprocess.Popen(
            [sys.executable, "-m", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as child,
    ):
        try:
            if stop is not None:
                stop.leads_to(child.stdin)
            _follow(child, job, log, listen)
        except KeyboardInterrupt:
            for line in _stop(child).splitlines():
                if line.startswith('{"event": "note"') and line.endswith("}"):  # no cut one
                    listen(json.loads(line))  # such as what could not be undone
            message = f"interrupted; what is committed is kept. {go_on}"
            raise RunInterrupted(message, folder.run_id) from None
        except BaseException:
            _stop(child)
            raise
    _check_end(child.returncode, folder, go_on)


def _follow(child: subprocess.Popen[str], job: str, log: IO[str], listen: Listener) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # it ended at once: its exit code and its log say why
        child.stdin.write(job + "\n")
        child.stdin.flush()
    failure: str | None = None
    for line in child.stdout:
        event = json.loads(line)
        with writing(Path(log.name)):
            log.write(log_line(event))
            log.flush()
        if event["event"] == "error":
            failure = event["message"]
        listen(event)
    with suppress(BrokenPipeError):
        child.stdin.close()
    child.stdin = None  # or `communicate` would flush what is closed
    code = child.wait()
    if failure is not None:
        error = LiftlabError(failure)
        error.exit_code = code
        raise error


def _stop(child: subprocess.Popen[str], patience_s: float = 10.0) -> str:
    """Let the load process commit and end, and return its last events; kill it if it will not."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        told, _ = child.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        told, _ = child.communicate()
    return told or ""


def _check_end(code: int, folder: RunFolder, go_on: str) -> None:
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        raise RunIncomplete(f"the load process {how}; its log is {folder.log_path}. {go_on}")
